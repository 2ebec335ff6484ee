"""A scanner for tests: modules or images to the text a phone would read."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from programs import require_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def greymap(modules: Sequence[Sequence[bool]], scale: int = 6) -> bytes:
    """Draw modules, true for dark, as a portable greymap with nothing around them."""
    rows = [b"".join((b"\x00" if dark else b"\xff") * scale for dark in row) * scale for row in modules]
    return b"P5 %d %d 255\n" % (len(modules[0]) * scale, len(modules) * scale) + b"".join(rows)


def scan(image: bytes, folder: Path) -> bytes:
    """Give the bytes of the only QR code that zbarimg sees in `image` (PNG or greymap)."""
    path = folder / "scanned"
    path.write_bytes(image)
    command = [require_program("zbarimg"), "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(path)]
    found = subprocess.run(command, capture_output=True, check=False)
    assert found.returncode == 0, "the scanner sees no QR code"
    return found.stdout.removesuffix(b"\n")


def decode_qr(modules: Sequence[Sequence[bool]], folder: Path) -> str:
    """Give the text of a QR code that is drawn as `modules`."""
    return scan(greymap(modules), folder).decode()

"""Two scanners that know nothing of each other: ZXing (C++) and ZBar."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import zxingcpp
from benchmarks.harness import require_program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from PIL import Image

_NOTHING_FOUND = 4
"""zbarimg's exit status when there was no code in any image."""


def zxing(images: Sequence[Image.Image]) -> list[set[bytes]]:
    """What ZXing reads in each image."""
    return [{found.bytes for found in zxingcpp.read_barcodes(image)} for image in images]


def zbar(images: Sequence[Image.Image], folder: Path) -> list[set[bytes]]:
    """What zbarimg reads in each image; `folder` is for files, which stay there.

    Raises:
        UnavailableError: There is no zbarimg.
        RuntimeError: It cannot work.
    """
    paths = [folder / f"{number}.pgm" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        image.save(path)
    only_qr = ["-Sdisable", "-Sqrcode.enable"]
    command = [require_program("zbarimg"), "--quiet", "--xml", "--nodbus", *only_qr, *map(str, paths)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode not in {0, _NOTHING_FOUND}:
        raise RuntimeError(f"zbarimg: {ended.stderr.strip()}")
    sources = ET.fromstring(ended.stdout).findall("{*}source")
    if len(sources) != len(paths):
        raise RuntimeError("zbarimg has left images out")
    return [{(data.text or "").encode() for data in source.iterfind(".//{*}data")} for source in sources]

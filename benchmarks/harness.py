"""What every benchmark stands on: folders, an environment without settings, what cannot be had."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "build" / "bench"
"""Where peers are installed and databases live: on the project's own disk, for fsync to mean it."""

BIN = Path(sys.executable).parent
"""Where this environment's commands are."""

ONE_URI = (
    "otpauth://totp/Example:alice@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example"
)
"""One ordinary account."""


class UnavailableError(Exception):
    """Something that is measured or measured against cannot be had; the message says what and why."""


def require_program(name: str) -> str:
    """Give the path of a program of this machine.

    Raises:
        UnavailableError: It is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise UnavailableError(f"the program {name} is not installed")
    return path


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Make an empty folder that goes away afterwards."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
        yield Path(folder)


def plain_environment(folder: Path) -> dict[str, str]:
    """Environment variables of a user without any settings, at home in `folder`."""
    return {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }


def one_account(folder: Path) -> Path:
    """Write an accounts file with one ordinary account; give its path."""
    path = folder / "accounts.txt"
    path.write_text(f"{ONE_URI}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def find_test_helpers() -> None:
    """Make the tests' helpers importable: they run an sshd, a PostgreSQL, and know others' files."""
    folder = str(ROOT / "tests")
    if folder not in sys.path:
        sys.path.append(folder)


@contextlib.contextmanager
def skips_are_unavailable() -> Iterator[None]:
    """Use the tests' helpers: what lacks a program skips a test, and is not to be had here.

    Raises:
        UnavailableError: Something was skipped.
    """
    try:
        yield
    except BaseException as error:
        # pytest's own class, which is not imported for that.
        if type(error).__name__ == "Skipped":
            raise UnavailableError(str(error)) from None
        raise


def say(line: str) -> None:
    """Tell people what is going on, apart from the report."""
    print(line, file=sys.stderr, flush=True)

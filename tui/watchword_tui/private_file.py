"""Files that hold a token or a passphrase: read only if nobody else can."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from watchword_tui.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 4096


def read_private(path: Path, what: str) -> str:
    """Read the text of a small file that only its owner may read; `what` names it in messages.

    Raises:
        SettingsError: Others can read it, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise SettingsError(
                    f"the {what} {path} can be read by others (mode {mode:04o})",
                    f"run: chmod 600 {path}",
                )
            return file.read(_MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        reason = "not UTF-8 text"
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
    raise SettingsError(f"cannot read the {what} {path}: {reason}")


def read_passphrase(path: Path) -> str:
    """Read a passphrase from a file that only its owner may read, without its line's end.

    Raises:
        SettingsError: Others can read it, or it cannot be read.
    """
    return read_private(path, "passphrase file").removesuffix("\n").removesuffix("\r")

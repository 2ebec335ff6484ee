"""Writing files that hold secrets: for their owner only, and never over another file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError

if TYPE_CHECKING:
    from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """Write a new file, mode 0600; what cannot be written whole is not left behind.

    Raises:
        ForeignFileError: There is something of this name, or it cannot be written.
    """
    try:
        # O_EXCL: never through a link, never over a file; 0600 from the first byte.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ForeignFileError(f"{path} is there already", "name another file") from None
    except OSError as error:
        raise ForeignFileError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise ForeignFileError(f"cannot write {path}: {error.strerror}") from None

"""The folder that holds the database, safe from others on the machine."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from watchword_server.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

DATABASE_NAME = "watchword.db"


def prepare_data_dir(folder: Path) -> Path:
    """Create the folder if need be, with mode 0700, and give the database's path in it.

    Raises:
        UserError: It cannot be made or written, is a symbolic link, belongs to someone else, or
            others may write to it, and so could put another database in the place of ours.
    """
    try:
        if not os.path.lexists(folder):
            folder.mkdir(mode=0o700, parents=True)
            # Again, for a umask that took even the owner's bits.
            folder.chmod(0o700)
        status = folder.lstat()
    except OSError as error:
        reason = (error.strerror or "no access").lower()
        message = f"cannot make the data folder {folder}: {reason}; choose another with --data-dir"
        raise UserError(message) from None
    fault = _fault(folder, status)
    if fault is not None:
        message = f"the data folder {folder} {fault}"
        raise UserError(message)
    return folder / DATABASE_NAME


def _fault(folder: Path, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link; name the real folder with --data-dir"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder; choose another with --data-dir"
    if status.st_uid != os.geteuid():
        return "belongs to someone else; choose another with --data-dir, or run as its owner"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"can be written by others; run: chmod 700 {folder}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"cannot be written; run: chmod 700 {folder}"
    return None

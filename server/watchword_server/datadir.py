"""The folder that holds the database, safe from others on the machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from watchword_server.errors import UserError, why

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE_NAME = "watchword.db"

SEALING_KEYS_NAME = "sealing.keys"
"""The file of the sealing keys, unless a setting names another."""

LOCK_NAME = "watchword.lock"
"""The file whose lock says that a program uses the database; a server notes in it where it listens."""


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
        message = f"cannot make the data folder {folder}: {why(error)}; choose another with --data-dir"
        raise UserError(message) from None
    fault = _fault(folder, status)
    if fault is not None:
        message = f"the data folder {folder} {fault}"
        raise UserError(message)
    return folder / DATABASE_NAME


@contextlib.contextmanager
def hold(folder: Path, *, alone: bool = False) -> Iterator[None]:
    """Keep the database from being replaced; any number of programs may, unless one is `alone`.

    The lock ends with the program, however that ends.

    Args:
        folder: The data folder.
        alone: Whether nobody else may use the database meanwhile, for it is being replaced.

    Raises:
        UserError: It is in use and `alone` was asked for, or it is being replaced just now.
    """
    try:
        descriptor = os.open(
            folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
    except OSError as error:
        message = f"cannot lock the data folder {folder}: {why(error)}; see that it can be written"
        raise UserError(message) from None
    try:
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            message = (
                f"the database in {folder} is in use; stop the server first"
                if alone
                else f"the database in {folder} is being replaced; try again when that is done"
            )
            raise UserError(message) from None
        yield
    finally:
        os.close(descriptor)


def is_read_only(folder: Path) -> bool:
    """Tell whether nobody can write in a folder, for its file system is read-only."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _fault(folder: Path, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link; name the real folder with --data-dir"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder; choose another with --data-dir"
    if status.st_uid != os.geteuid():
        return "belongs to someone else; choose another with --data-dir, or run as its owner"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"can be written by others; run: chmod 700 {folder}"
    if is_read_only(folder):
        return "is on a read-only file system; copy it elsewhere, and name the copy with --data-dir"
    is_ours_to_write = os.access(folder, os.W_OK | os.X_OK)
    return None if is_ours_to_write else f"cannot be written; run: chmod 700 {folder}"

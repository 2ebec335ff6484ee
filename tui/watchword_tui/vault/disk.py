"""One file on a disk: read without waiting, written whole or not at all, copied, confirmed."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
from typing import TYPE_CHECKING

from watchword_tui.errors import VaultError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 64 * 2**20
"""Largest vault that is read: a thousand accounts take half a megabyte."""

_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "the system limits how large a file may get; see ulimit -f",
    errno.EROFS: "it is on a disk that may only be read",
    errno.EACCES: "see who owns it and its folder",
    errno.EPERM: "see who owns it and its folder",
}


def read_start(path: Path) -> bytes:
    """Read a file, at most a byte more than any vault has.

    Raises:
        VaultError: There is something else than a file.
        OSError: It cannot be read.
    """
    # Without waiting: opening a pipe would block until somebody writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise VaultError(f"{path} is no file", "name the vault's file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> bytes | None:
    """SHA-256 of a file; None if there is none. Raises as `read_start` does."""
    try:
        return hashlib.sha256(read_start(path)).digest()
    except FileNotFoundError:
        return None


def temporary_path(path: Path) -> Path:
    """A name beside `path` for what shall take its place."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")


def remove_leftovers(path: Path) -> None:
    """Remove what programs that were killed left under such names; nobody else may be writing.

    Raises:
        OSError: The folder cannot be read or changed.
    """
    # Not by a pattern of the shell: it would fit the files of a vault with a longer name too.
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.new")
    for leftover in path.parent.iterdir():
        if ours.fullmatch(leftover.name):
            leftover.unlink(missing_ok=True)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet, 0600, and have the disk confirm it.

    Raises:
        OSError: It cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def copy(path: Path, target: Path) -> None:
    """Copy a file with the time at which it was written; `target` is never there in part.

    Raises:
        OSError: It cannot be copied.
    """
    status = path.stat()
    temporary = temporary_path(path)
    try:
        write_new(temporary, path.read_bytes())
        os.utime(temporary, ns=(status.st_atime_ns, status.st_mtime_ns))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Have the disk confirm which files are in a folder.

    Raises:
        OSError: It does not.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems have no such thing as a folder that is written.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def cannot_read(path: Path, error: OSError) -> VaultError:
    """The error for people."""
    return VaultError(f"cannot read {path}: {_reason(error)}", _REMEDIES.get(error.errno or 0, ""))


def cannot_write(path: Path, error: OSError) -> VaultError:
    """The error for people; for what has left everything as it was."""
    remedy = _REMEDIES.get(error.errno or 0)
    said = "nothing was saved"
    return VaultError(f"cannot write {path}: {_reason(error)}", f"{said}; {remedy}" if remedy else said)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)

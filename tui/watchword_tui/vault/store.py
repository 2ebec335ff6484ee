"""The vault's file on disk: after any interruption there is the old vault or the new one.

Every write: lock, compare with what was read, temporary file, fsync, keep the old one as a backup,
rename, fsync of the directory.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword_tui.errors import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BACKUPS = 5
"""Earlier versions that are kept."""

MAX_BYTES = 64 * 2**20
"""Largest vault that is read: a thousand accounts take half a megabyte."""

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another program that is saving."""

_LOCK_POLL = 0.05


class VaultChangedError(VaultError):
    """Another program changed the file since it was read; nothing was written."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The file as it was read."""

    data: bytes = field(repr=False)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content, to see whether it is still the same."""
        return hashlib.sha256(self.data).digest()


@dataclass(frozen=True, slots=True)
class Backup:
    """An earlier version of the file."""

    number: int
    """1 is the newest."""
    path: Path
    written_at: float
    """Unix seconds at which this version was saved."""
    size: int
    """Bytes."""


class VaultStore:
    """Reads and replaces one file.

    Args:
        path: The file; a symbolic link is followed, so that it stays one.
        monotonic: Gives seconds, for the wait on another program.
        wait: Waits for that many seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self._monotonic = monotonic
        self._wait = wait

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path.exists()

    def read(self) -> Stored:
        """Read the file.

        Raises:
            VaultError: It is not there, or cannot be read.
        """
        return Stored(_read(self._real_path))

    def write(self, data: bytes, *, expected: bytes | None, keep_backup: bool = True) -> Stored:
        """Put new content in the file's place.

        Args:
            data: All of it.
            expected: The digest of what is replaced; None where there must be no file yet.
            keep_backup: Whether what is replaced becomes the newest backup.

        Raises:
            VaultChangedError: The file is not what was expected.
            VaultError: It cannot be written; the old one is as it was.
        """
        path = self._real_path
        try:
            _make_folder(path.parent)
            with self._locked(path):
                current = _digest(path)
                if current != expected:
                    raise VaultChangedError(
                        f"another program changed {self.path} meanwhile", "nothing was written"
                    )
                self._replace(path, data, keep_backup=keep_backup and current is not None)
        except OSError as error:
            raise _cannot("write", path, error) from None
        return Stored(data)

    def backups(self) -> tuple[Backup, ...]:
        """The earlier versions that are there, the newest first."""
        found = []
        for number in range(1, BACKUPS + 1):
            path = self._backup_path(number)
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append(Backup(number, path, status.st_mtime, status.st_size))
        return tuple(found)

    def read_backup(self, number: int) -> Stored:
        """Read an earlier version; 1 is the newest.

        Raises:
            VaultError: There is none of this number.
        """
        path = self._backup_path(number)
        if not path.exists():
            raise VaultError(f"there is no backup {number}", "list them: watchword vault backups")
        return Stored(_read(path))

    @property
    def _real_path(self) -> Path:
        return self.path.resolve()

    def _backup_path(self, number: int) -> Path:
        path = self._real_path
        return path.with_name(f"{path.name}.bak{number}")

    @contextlib.contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        descriptor = os.open(
            path.with_name(f".{path.name}.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
            0o600,
        )
        try:
            end = self._monotonic() + LOCK_TIMEOUT
            while not _try_lock(descriptor):
                if self._monotonic() > end:
                    raise VaultError(
                        f"another program has held {self.path} for {LOCK_TIMEOUT:.0f} s",
                        "end it, then try again",
                    )
                self._wait(_LOCK_POLL)
            yield
        finally:
            # Closing gives the lock back, as does the end of the process.
            os.close(descriptor)

    def _replace(self, path: Path, data: bytes, *, keep_backup: bool) -> None:
        # Left by a program that was killed; nobody else writes while the lock is held.
        for leftover in path.parent.glob(f".{path.name}.*.new"):
            leftover.unlink(missing_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        try:
            _write_new(temporary, data)
            if keep_backup:
                self._rotate(path)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def _rotate(self, path: Path) -> None:
        for number in range(BACKUPS - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                self._backup_path(number).replace(self._backup_path(number + 1))
        # A second name for the old content: at no moment is there no vault.
        newest = self._backup_path(1)
        try:
            os.link(path, newest)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}:
                raise
            # File systems without hard links, such as FAT.
            _write_new(newest, path.read_bytes())


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise VaultError(f"{path} is no file", "name the vault's file")
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise VaultError(f"there is no vault at {path}", "make one: watchword vault create") from None
    except OSError as error:
        raise _cannot("read", path, error) from None
    if len(data) > MAX_BYTES:
        raise VaultError(f"{path} is too large for a vault", "name another file")
    return data


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except FileNotFoundError:
        return None


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot(what: str, path: Path, error: OSError) -> VaultError:
    remedies = {
        errno.ENOSPC: "free some space; the vault is as it was",
        errno.EDQUOT: "free some space; the vault is as it was",
        errno.EROFS: "the disk is read-only; the vault is as it was",
        errno.EACCES: "see who owns it and its folder",
        errno.EPERM: "see who owns it and its folder",
    }
    reason = os.strerror(error.errno) if error.errno else str(error)
    return VaultError(f"cannot {what} {path}: {reason}", remedies.get(error.errno or 0, ""))

"""The vault's file on disk: after any interruption there is the old vault or the new one.

Every write: lock, compare with what was read, temporary file, fsync, keep the old one as a backup,
rename, fsync of the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from typing import TYPE_CHECKING

from watchword_otp.value import Value
from watchword_tui.errors import VaultError
from watchword_tui.vault.disk import (
    MAX_BYTES,
    cannot_read,
    cannot_write,
    copy,
    digest_of,
    read_start,
    remove_leftovers,
    sync_folder,
    temporary_path,
    write_new,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BACKUPS = 5
"""Earlier versions that are kept."""

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another program that is saving."""

_LOCK_POLL = 0.05


class VaultChangedError(VaultError):
    """Another program changed the file since it was read; nothing was written."""


class Stored(Value, frozen=True):
    """The file as it was read."""

    HIDDEN = frozenset({"data"})

    data: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content, to see whether it is still the same."""
        return hashlib.sha256(self.data).digest()


class Backup(Value, frozen=True):
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
        """Whether there is something at the path; reading tells what is wrong with it."""
        try:
            self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    def read(self) -> Stored:
        """Read the file.

        Raises:
            VaultError: It is not there, or cannot be read.
        """
        return Stored(_read(self._real_path))

    def digest(self) -> bytes | None:
        """What `write` expects to replace: SHA-256 of the file, whatever it is; None if there is none.

        Raises:
            VaultError: It cannot be read.
        """
        path = self._real_path
        try:
            return digest_of(path)
        except OSError as error:
            raise cannot_read(path, error) from None

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
        if len(data) > MAX_BYTES:
            raise VaultError(
                f"the vault would have more than {MAX_BYTES // 2**20} MiB",
                "take large icons or notes out",
            )
        path = self._real_path
        with self._changing(path):
            current = digest_of(path)
            if current is None and expected is not None:
                raise VaultChangedError(f"another program removed {self.path}", "nothing was written")
            if current != expected:
                raise VaultChangedError(
                    f"another program changed {self.path} meanwhile", "nothing was written"
                )
            self._replace(path, data, keep=current if keep_backup else None)
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
        if not 1 <= number <= BACKUPS or not path.exists():
            raise VaultError(f"there is no backup {number}", "list them: watchword vault backups")
        return Stored(_read(path))

    def forget_backups(self) -> int:
        """Delete the earlier versions; give how many there were.

        For after a passphrase was changed, or the vault encrypted: the earlier versions still open
        with what opened them when they were written.

        Raises:
            VaultError: They cannot be deleted.
        """
        path = self._real_path
        with self._changing(path):
            paths = [backup.path for backup in self.backups()]
            for backup in paths:
                backup.unlink(missing_ok=True)
            sync_folder(path.parent)
        return len(paths)

    @property
    def _real_path(self) -> Path:
        try:
            return self.path.resolve()
        except (OSError, RuntimeError):
            pass
        # Outside the handler, for there is nothing more in it; Python before 3.13 raises a RuntimeError.
        raise VaultError(f"{self.path} is a link that leads nowhere", "name the vault's file")

    def _backup_path(self, number: int) -> Path:
        path = self._real_path
        return path.with_name(f"{path.name}.bak{number}")

    @contextlib.contextmanager
    def _changing(self, path: Path) -> Iterator[None]:
        """Hold the lock; what the system refuses meanwhile becomes a `VaultError`."""
        try:
            _make_folder(path.parent)
            with self._locked(path):
                yield
        except OSError as error:
            raise cannot_write(path, error) from None

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

    def _replace(self, path: Path, data: bytes, *, keep: bytes | None) -> None:
        """Put `data` in the file's place; what is there, whose digest is `keep`, becomes a backup."""
        remove_leftovers(path)
        temporary = temporary_path(path)
        try:
            write_new(temporary, data)
            # After a save that failed late the newest backup is what is there already.
            if keep is not None and digest_of(self._backup_path(1)) != keep:
                self._rotate(path)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        try:
            sync_folder(path.parent)
        except OSError:
            raise VaultError(
                f"{path} is saved, but the disk does not confirm it", "copy it to another disk"
            ) from None

    def _rotate(self, path: Path) -> None:
        numbers = range(1, BACKUPS + 1)
        # Up to a gap that an interrupted rotation left: no older version has to go for it.
        last = next((one for one in numbers if not self._backup_path(one).exists()), BACKUPS)
        for number in range(last - 1, 0, -1):
            self._backup_path(number).replace(self._backup_path(number + 1))
        newest = self._backup_path(1)
        with contextlib.suppress(PermissionError):
            # It may have been put there by hand, for all to read.
            path.chmod(0o600)
        try:
            # A second name for the old content: at no moment is there no vault.
            os.link(path, newest)
        except OSError:
            # File systems without hard links, such as FAT.
            copy(path, newest)


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
        data = read_start(path)
    except FileNotFoundError:
        raise VaultError(f"there is no vault at {path}", "make one: watchword vault create") from None
    except OSError as error:
        raise cannot_read(path, error) from None
    if len(data) > MAX_BYTES:
        raise VaultError(f"{path} is too large for a vault", "name another file")
    return data

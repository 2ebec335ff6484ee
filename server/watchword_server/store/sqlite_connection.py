"""Opening a SQLite file safely, and saying in words what went wrong with it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from watchword_server.errors import why
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 5
"""How long to wait while another process writes."""

CHECKPOINT_PAGES = 16_000
"""Pages (64 MB) that gather in the log before they are copied to the file: seldom enough not to be felt.

With a million keys each check writes another page, and a log of a quarter cost a tenth of all checks.
"""

DAMAGED = "it is damaged; restore a backup, or move it away to start afresh"
"""What is said of a file whose content cannot be read."""

_WHAT_TO_DO = {
    sqlite3.SQLITE_BUSY: (Cause.LOCKED, "another program holds it; stop that one, or try again"),
    sqlite3.SQLITE_LOCKED: (Cause.LOCKED, "another program holds it; stop that one, or try again"),
    sqlite3.SQLITE_CANTOPEN: (Cause.GONE, "it cannot be opened; check the folder and its permissions"),
    sqlite3.SQLITE_CORRUPT: (Cause.DAMAGED, DAMAGED),
    sqlite3.SQLITE_FULL: (Cause.DISK_FULL, "the disk is full; make room"),
    sqlite3.SQLITE_IOERR: (Cause.FAILED, "the disk failed; check it"),
    sqlite3.SQLITE_NOTADB: (
        Cause.DAMAGED,
        "it is not a database; restore a backup, or move it away to start afresh",
    ),
    sqlite3.SQLITE_READONLY: (Cause.READ_ONLY, "it cannot be written; check its permissions"),
}

_HEADER = b"SQLite format 3\x00"


class Connection:
    """A connection that knows its file, and opens it anew after a failure or when it was replaced.

    Belongs to one thread.
    """

    def __init__(self, path: Path) -> None:
        """Be ready to open `path`."""
        self._path = path
        self._raw: sqlite3.Connection | None = None
        self._log_path = path.with_name(f"{path.name}-wal")
        self._log: tuple[int, int] | None = None
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file, or create it for its owner's eyes only, and bring its schema up to date.

        Raises:
            StoreError: It cannot be opened, is damaged, or was made by a newer version.
        """
        try:
            _create_private(self._path)
        except OSError as error:
            raise StoreError(f"cannot use the database {self._path}: {_os_reason(error)}") from None
        self._connect()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Begin, and commit unless something is raised.

        Raises:
            StoreError: The database failed; nothing was changed.
        """
        try:
            raw = self._usable()
            # IMMEDIATE, so that no other process can come between the reading and the writing.
            raw.execute("BEGIN IMMEDIATE")
            try:
                yield raw
                raw.execute("COMMIT")
                if self._log is None:
                    self._log = _identity(self._log_path)
            finally:
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
        except sqlite3.Error as error:
            failure = reason(error)
            if failure.cause is not Cause.LOCKED:
                # What the connection has in its cache is not to be trusted any more.
                self.close()
            # The cause is dropped: its frames hold secrets.
            raise failure from None

    def scrub(self) -> None:
        """Bring the log into the file and empty it: until then both hold what was there before.

        Raises:
            StoreError: The database failed.
        """
        try:
            self._usable().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise reason(error) from None

    def close(self) -> None:
        """Let go of the file."""
        raw, self._raw = self._raw, None
        if raw is not None:
            with contextlib.suppress(sqlite3.Error):
                raw.close()
        self._log = None
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _usable(self) -> sqlite3.Connection:
        is_another = self._require_present() != self._identity
        if is_another or (self._log is not None and self._log != _identity(self._log_path)):
            # A backup was put in its place; or its log was removed, which SQLite goes on writing and
            # brings into the file when it closes.
            self.close()
        raw = self._connect() if self._raw is None else self._raw
        self._require_header()
        return raw

    def _require_header(self) -> None:
        # SQLite would go on with what it has in its cache, though a restart would find nothing.
        try:
            header = b"" if self._descriptor is None else os.pread(self._descriptor, len(_HEADER), 0)
        except OSError:
            raise StoreError("the disk failed; check it", Cause.FAILED) from None
        if header != _HEADER:
            self.close()
            raise StoreError(DAMAGED, Cause.DAMAGED)

    def _require_present(self) -> tuple[int, int]:
        # Without its name a file can still be written, and what is written is lost.
        found = _identity(self._path)
        if found is None:
            raise StoreError("its file is gone; put it back", Cause.GONE)
        return found

    def _connect(self) -> sqlite3.Connection:
        raw = None
        self.close()
        try:
            # Kept for as long as the connection: to close any descriptor of the file drops the locks
            # that SQLite holds on it for this process, and others would take its log away.
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise StoreError(_os_reason(error), Cause.GONE) from None
        try:
            raw = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, uri=False)
            # First of all, or two processes that start together meet "database is locked".
            raw.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA synchronous = FULL")
            raw.execute("PRAGMA trusted_schema = OFF")
            # What is deleted, a secret perhaps, is overwritten.
            raw.execute("PRAGMA secure_delete = ON")
            raw.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            migrate(raw)
        except (sqlite3.Error, StoreError) as error:
            if raw is not None:
                raw.close()
            self.close()
            found = reason(error)
            raise StoreError(f"cannot use the database {self._path}: {found}", found.cause) from None
        self._raw = raw
        self._identity = self._require_present()
        return raw


def reason(error: sqlite3.Error | StoreError) -> StoreError:
    """What a failure means, in words."""
    if isinstance(error, StoreError):
        return error
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    # The low byte is the primary code; the rest only refines it.
    cause, words = _WHAT_TO_DO.get(
        code & 0xFF, (Cause.FAILED, "SQLite failed; see the folder and its disk")
    )
    return StoreError(words, cause)


def _create_private(path: Path) -> None:
    """Create the file with mode 0600 whatever the umask; its -wal and -shm files take its mode.

    Following no symbolic link, so that nobody makes us write elsewhere.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - twice for each commit
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _os_reason(error: OSError) -> str:
    return f"{why(error)}; check the folder and its permissions"

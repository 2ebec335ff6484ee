"""The default store: one SQLite file, one connection, one thread that alone touches it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import msgspec

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret
from watchword_server.store.protocol import (
    Activation,
    StoredKey,
    StoreError,
    TokenNameTakenError,
)
from watchword_server.store.schema import migrate
from watchword_server.tokens import Scope, Token
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from watchword_server.store.protocol import Advance, Decide

BUSY_SECONDS = 5
"""How long to wait while another process writes."""

_T = TypeVar("_T")

# The rows come back, and go, as one JSON value: the sqlite3 module lets go of the interpreter at every
# row, and getting it back from a busy event loop takes longer than all the rest of the work on it.
_ROWS = """
SELECT json_group_array(json_array(
  id, name, status, hex(secret), kind, algorithm, digits, period,
  last_step, consumed_at, failures, locked_until
)) FROM keys
"""
_LOAD_ACTIVE = f"{_ROWS} WHERE status = 'active' AND name IN (SELECT value FROM json_each(?))"  # noqa: S608 - nothing of it is anyone's input
_LOAD_ALL = f"{_ROWS} WHERE name = ?"

# The condition, and the count of rows that met it, decide: not the reading before. A step is only
# ever consumed if it is newer than the last (RFC 6238 section 5.2), whatever else goes wrong.
_ADVANCE = """
UPDATE keys SET last_step = a.step, consumed_at = a.consumed_at, failures = a.failures,
  locked_until = a.locked_until
FROM (
  SELECT
    json_extract(value, '$[0]') AS id,
    json_extract(value, '$[1]') AS step_before,
    json_extract(value, '$[2]') AS failures_before,
    json_extract(value, '$[3]') AS consumes,
    json_extract(value, '$[4]') AS step,
    json_extract(value, '$[5]') AS consumed_at,
    json_extract(value, '$[6]') AS failures,
    json_extract(value, '$[7]') AS locked_until
  FROM json_each(?)
) AS a
WHERE keys.id = a.id AND status = 'active'
  AND last_step = a.step_before AND keys.failures = a.failures_before
  AND (last_step < a.step OR NOT a.consumes)
"""


class _Row(msgspec.Struct, array_like=True):
    id: int
    name: str
    status: str
    secret: str
    kind: Kind
    algorithm: Algorithm
    digits: int
    period: int
    last_step: int
    consumed_at: float | None
    failures: int
    locked_until: float

    def __repr__(self) -> str:
        return f"<_Row {self.id}>"

    def stored_key(self) -> StoredKey:
        key = Key(
            secret=Secret(bytes.fromhex(self.secret)),
            kind=self.kind,
            algorithm=self.algorithm,
            digits=self.digits,
            period=self.period,
        )
        state = KeyState(
            last_step=self.last_step,
            consumed_at=self.consumed_at,
            failures=self.failures,
            locked_until=self.locked_until,
        )
        return StoredKey(self.id, key, state)


_read_rows = msgspec.json.Decoder(list[_Row]).decode
_write_json = msgspec.json.Encoder().encode


class SqliteStore:
    """A `Store` in a SQLite file."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        """Take over what `open` has made ready."""
        self._connection = connection
        self._thread = thread
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Open the database, or create it for its owner's eyes only, and bring its schema up to date.

        Raises:
            StoreError: It cannot be opened, is damaged, or was made by a newer version.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watchword-store")
        loop = asyncio.get_running_loop()
        try:
            connection = await loop.run_in_executor(thread, _connect, path)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(connection, thread)

    async def settle(self, names: Collection[str], decide: Decide) -> None:
        """See `Store.settle`."""

        def work(connection: sqlite3.Connection) -> None:
            advances = decide(_load_active(connection, names))
            if advances:
                _advance(connection, advances)

        await self._run(work)

    async def find_key(self, name: str) -> StoredKey | None:
        """See `Store.find_key`."""

        def work(connection: sqlite3.Connection) -> StoredKey | None:
            return _load_active(connection, [name]).get(name)

        return await self._run(work)

    async def activate_key(
        self, name: str, key: Key, now: float, *, replacing: bool = True
    ) -> Activation:
        """See `Store.activate_key`."""

        def work(connection: sqlite3.Connection) -> Activation:
            active, same = None, None
            (rows,) = connection.execute(_LOAD_ALL, (name,)).fetchone()
            for row in _read_rows(rows):
                stored = row.stored_key()
                if stored.key == key:
                    same = stored
                if row.status == "active":
                    active = stored
            if active is not None and (active is same or not replacing):
                return Activation.KEPT
            if active is not None:
                connection.execute("UPDATE keys SET status = 'retired' WHERE id = ?", (active.id,))
            if same is not None:
                connection.execute("UPDATE keys SET status = 'active' WHERE id = ?", (same.id,))
                return Activation.RETURNED
            connection.execute(
                "INSERT INTO keys (name, status, secret, kind, algorithm, digits, period, created_at)"
                " VALUES (?, 'active', ?, ?, ?, ?, ?, ?)",
                (name, key.secret.reveal(), key.kind, key.algorithm, key.digits, key.period, now),
            )
            return Activation.CREATED if active is None else Activation.REPLACED

        return await self._run(work)

    async def add_token(self, token: Token) -> None:
        """See `Store.add_token`."""

        def work(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(
                    "INSERT INTO tokens (name, digest, scopes, created_at) VALUES (?, ?, ?, ?)",
                    (token.name, token.digest, " ".join(sorted(token.scopes)), token.created_at),
                )
            except sqlite3.IntegrityError:
                raise TokenNameTakenError from None

        await self._run(work)

    async def tokens(self) -> Sequence[Token]:
        """See `Store.tokens`."""

        def work(connection: sqlite3.Connection) -> list[Token]:
            rows = connection.execute(
                "SELECT name, digest, scopes, created_at, revoked_at FROM tokens ORDER BY id"
            )
            return [
                Token(
                    name=name,
                    digest=digest,
                    # A scope that only a newer version knows allows nothing here.
                    scopes=frozenset(scope for scope in Scope if scope in scopes.split()),
                    created_at=created_at,
                    revoked_at=revoked_at,
                )
                for name, digest, scopes, created_at, revoked_at in rows
            ]

        return await self._run(work)

    async def revoke_token(self, name: str, now: float) -> bool:
        """See `Store.revoke_token`."""

        def work(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE tokens SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL", (now, name)
            )
            return changed.rowcount == 1

        return await self._run(work)

    async def ping(self) -> None:
        """See `Store.ping`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("SELECT count(*) FROM keys WHERE status = 'active'").fetchone()

        await self._run(work)

    async def close(self) -> None:
        """See `Store.close`."""
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._connection.close)
        # The thread has nothing left to do; waiting for it would block the event loop.
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._closed:
            message = "it is closed"
            raise StoreError(message)

        def transact() -> _T:
            with _transaction(self._connection):
                return work(self._connection)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, transact)
        except sqlite3.Error as error:
            # The cause is dropped: its frames hold secrets.
            raise StoreError(_reason(error)) from None
        except (msgspec.DecodeError, InvalidKeyError):
            raise StoreError(_DAMAGED) from None


def _connect(path: Path) -> sqlite3.Connection:
    connection = None
    try:
        _create_private(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        # First of all, or two processes that start together meet "database is locked".
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        migrate(connection)
    except (OSError, sqlite3.Error, StoreError) as error:
        if connection is not None:
            connection.close()
        message = f"cannot use the database {path}: {_reason(error)}"
        raise StoreError(message) from None
    return connection


def _create_private(path: Path) -> None:
    """Create the file with mode 0600 whatever the umask; its -wal and -shm files take its mode.

    Following no symbolic link, so that nobody makes us write elsewhere.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE, so that no other process can come between the reading and the writing.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _load_active(connection: sqlite3.Connection, names: Collection[str]) -> dict[str, StoredKey]:
    (rows,) = connection.execute(_LOAD_ACTIVE, (_write_json(names),)).fetchone()
    return {row.name: row.stored_key() for row in _read_rows(rows)}


def _advance(connection: sqlite3.Connection, advances: Sequence[Advance]) -> None:
    changes = [
        (
            advance.id,
            advance.before.last_step,
            advance.before.failures,
            advance.after.consumed_at != advance.before.consumed_at,
            advance.after.last_step,
            advance.after.consumed_at,
            advance.after.failures,
            advance.after.locked_until,
        )
        for advance in advances
    ]
    if connection.execute(_ADVANCE, (_write_json(changes),)).rowcount != len(changes):
        message = "a key was changed by someone else at the same moment; try again"
        raise StoreError(message)


_DAMAGED = "it is damaged; restore a backup, or move it away to start afresh"
_WHAT_TO_DO = {
    sqlite3.SQLITE_BUSY: "another program holds it; stop that one, or try again",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check the folder and its permissions",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: "the disk is full; make room",
    sqlite3.SQLITE_IOERR: "the disk failed; check it",
    sqlite3.SQLITE_NOTADB: "it is not a database; restore a backup, or move it away to start afresh",
    sqlite3.SQLITE_READONLY: "it cannot be written; check its permissions",
}


def _reason(error: OSError | sqlite3.Error | StoreError) -> str:
    if isinstance(error, StoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{(error.strerror or 'no access').lower()}; check the folder and its permissions"
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    # The low byte is the primary code; the rest only refines it.
    return _WHAT_TO_DO.get(code & 0xFF, "SQLite failed; see the folder and its disk")

"""A SQLite database read as it is at one moment, table by table, while a server may go on writing it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import msgspec

from watchword_server.store.closed import CLOSED, write_mark
from watchword_server.store.protocol import StoreError
from watchword_server.store.schema import newest_schema, schema_of
from watchword_server.store.sqlite_connection import BUSY_SECONDS, reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from watchword_server.store.closed import Moved
    from watchword_server.store.records import AuditRow, Head
    from watchword_server.store.tables import Row, Table

_T = TypeVar("_T")


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """What a database has beside its tables: where it goes on."""

    seq: int
    """The number of the last row of the audit log; 0 for none."""
    mac: str
    """That row's chained MAC, hexadecimal."""
    at: float
    """The latest time of any row, Unix seconds."""
    next_key: int
    """The number that the next key gets."""


class Source:
    """One moment of a SQLite database. Its connection belongs to a thread of its own."""

    def __init__(self, path: Path, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        """Take over what `open_source` has made ready."""
        self.path = path
        self._connection = connection
        self._thread = thread

    async def rows(self, table: Table, *, after: int = 0, page: int) -> AsyncIterator[Sequence[Row]]:
        """The rows of a table in the order of their keys, in pages; of the audit log those after one.

        Raises:
            StoreError: The database failed.
        """
        statement = _select(
            table, ", ".join(_quoted(each.source or each.name) for each in table.columns)
        )
        order = ", ".join(_quoted(each.name) for each in table.key if not each.source)
        cursor = await self._run(
            lambda raw: raw.execute(f"{statement} ORDER BY {order}", _parameters(table, after))
        )
        while rows := await self._run(lambda _: cursor.fetchmany(page)):
            yield rows

    async def count(self, table: Table, *, after: int = 0) -> int:
        """How many rows `rows` would give.

        Raises:
            StoreError: The database failed.
        """
        statement, parameters = _select(table, "count(*)"), _parameters(table, after)
        ((found,),) = await self.ask(statement, *parameters)
        return int(found)

    async def meta(self) -> Mapping[str, bytes]:
        """The single values.

        Raises:
            StoreError: The database failed.
        """
        return dict(await self.ask("SELECT name, value FROM meta"))

    async def ends(self) -> Ends:
        """Where it goes on.

        Raises:
            StoreError: The database failed, or the end of its audit log was taken away.
        """
        heads = await self.ask("SELECT seq, mac, at FROM audit_head")
        if not heads:
            message = f"the end of the audit log was taken away from {self.path}; restore a backup"
            raise StoreError(message)
        ((seq, mac, at),) = heads
        numbers = await self.ask("SELECT seq FROM sqlite_sequence WHERE name = 'keys'")
        return Ends(seq=seq, mac=mac, at=at, next_key=numbers[0][0] + 1 if numbers else 1)

    async def mac_of(self, seq: int) -> str | None:
        """The MAC of an audit row; None if it is not there.

        Raises:
            StoreError: The database failed.
        """
        rows = await self.ask("SELECT mac FROM audit WHERE seq = ?", seq)
        return None if not rows else str(rows[0][0])

    async def first_seq(self) -> int | None:
        """The number of the oldest audit row that is left; None if none is.

        Raises:
            StoreError: The database failed.
        """
        ((found,),) = await self.ask("SELECT min(seq) FROM audit")
        return None if found is None else int(found)

    async def ask(self, statement: str, *parameters: object) -> list[Row]:
        """The rows that a statement gives.

        Raises:
            StoreError: The database failed.
        """
        return await self._run(lambda raw: raw.execute(statement, parameters).fetchall())

    async def close_as(self, mark: Moved) -> None:
        """Put a mark on the database and commit it. Only for one that was opened `alone`.

        Raises:
            StoreError: The database failed.
        """

        def work(raw: sqlite3.Connection) -> None:
            raw.execute(
                "INSERT INTO meta (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (CLOSED, write_mark(mark)),
            )
            raw.execute("COMMIT")

        await self._run(work)

    async def open_again(self, rows: Sequence[AuditRow], head: Head) -> None:
        """Take the mark off the database, add rows to its log, and commit it. Only if opened `alone`.

        Raises:
            StoreError: The database failed.
        """

        def work(raw: sqlite3.Connection) -> None:
            raw.execute("DELETE FROM meta WHERE name = ?", (CLOSED,))
            added = [(row.seq, row.event, row.mac) for row in rows]
            raw.executemany("INSERT INTO audit (seq, event, mac) VALUES (?, ?, ?)", added)
            raw.execute("UPDATE audit_head SET seq = ?, mac = ?, at = ?", (head.seq, head.mac, head.at))
            raw.execute("COMMIT")

        await self._run(work)

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        def worked() -> _T:
            try:
                return work(self._connection)
            except sqlite3.Error as error:
                # The cause is dropped: its frames hold secrets.
                raise _told(self.path, error) from None

        return await asyncio.get_running_loop().run_in_executor(self._thread, worked)


@contextlib.asynccontextmanager
async def open_source(path: Path, *, alone: bool) -> AsyncIterator[Source]:
    """Open a database for a look at one moment of it; whatever was not committed in the end is undone.

    Args:
        path: A database that is there.
        alone: Whether nobody else may write to it meanwhile.

    Raises:
        StoreError: It cannot be opened, others write to it, or its schema is not this version's.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watchword-source")
    loop = asyncio.get_running_loop()
    try:
        connection = await loop.run_in_executor(thread, _open, path, alone)
        try:
            yield Source(path, connection, thread)
        finally:
            await loop.run_in_executor(thread, connection.close)
    finally:
        # It has nothing left to do; waiting for it would block the event loop.
        thread.shutdown(wait=False)


def _open(path: Path, alone: bool) -> sqlite3.Connection:  # noqa: FBT001 - for run_in_executor
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", timeout=BUSY_SECONDS, isolation_level=None, uri=True
        )
    except sqlite3.Error as error:
        raise _told(path, error) from None
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        # As every server has it; one that was restored and not started yet would lock writers out.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE" if alone else "BEGIN")
        # The moment is that of the first reading.
        found = schema_of(connection)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise _told(path, error) from None
    if found != newest_schema():
        connection.close()
        todo = (
            "bring it up to date: watchword-server store migrate"
            if found < newest_schema()
            else "install the newer watchword that made it"
        )
        message = (
            f"the schema of {path} is number {found} and this version knows {newest_schema()}; {todo}"
        )
        raise StoreError(message)
    return connection


def _select(table: Table, what: str) -> str:
    # Nothing of these is anyone's input.
    where = table.where or "TRUE"
    if table.grows:
        where += f" AND {table.grows} > ?"
    return f"SELECT {what} FROM {table.name} WHERE {where}"  # noqa: S608 - our own text


def _parameters(table: Table, after: int) -> Sequence[int]:
    return (after,) if table.grows else ()


def _quoted(name: str) -> str:
    return name if name.isdigit() else f'"{name}"'


def _told(path: Path, error: sqlite3.Error) -> StoreError:
    found = reason(error)
    return StoreError(f"cannot use the database {path}: {found}", found.cause)

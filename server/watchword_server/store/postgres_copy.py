"""A PostgreSQL database that is filled from another database, while it is closed to every server."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import asyncpg

from watchword_server.store.closed import CLOSED, Copying, read_mark, write_mark
from watchword_server.store.postgres_connect import CONNECT_SECONDS
from watchword_server.store.postgres_errors import FAILURES, reason
from watchword_server.store.postgres_pool import MIGRATION_SECONDS
from watchword_server.store.postgres_rows import make_up, select
from watchword_server.store.postgres_schema import bring_up_to_date
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.sqlite_copy import Ends
from watchword_server.store.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from watchword_server.rowdiff import Difference
    from watchword_server.store.closed import Mark, Moved
    from watchword_server.store.postgres_address import Address
    from watchword_server.store.postgres_pool import Connection
    from watchword_server.store.records import AuditRow, Head
    from watchword_server.store.tables import Row, Table

_LOCK = 0x77617463_68636F70
"""An advisory lock of our own: "watchcop"."""

_FORGOTTEN = 50_000
"""Audit rows forgotten in one transaction."""


class Target:
    """A database that is filled.

    Of its three connections one writes, one reads, and one holds: in a single transaction from the
    beginning on it keeps other copies away, and at last opens the database or closes it. So nobody can
    look at a database whose last holder was killed before it is certain what became of that.
    """

    def __init__(self, shown: str, writer: Connection, reader: Connection, holder: Connection) -> None:
        """Take over what `open_target` has made ready."""
        self.shown = shown
        self._writer = writer
        self._reader = reader
        self._holder = holder

    async def mark(self) -> Mark | None:
        """Why it is closed; None if it is not.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            value = await self._writer.fetchval("SELECT value FROM meta WHERE name = $1", CLOSED)
        return read_mark({} if value is None else {CLOSED: value})

    async def claim(self, mark: Copying) -> bool:
        """Close it for this copy if it is empty and open; False, and nothing is changed, if it is not.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            # Serializable, as servers write it: one that starts on it at this moment and this copy
            # cannot both find it empty.
            async with self._writer.transaction(isolation="serializable"):
                for table in TABLES:
                    if await self._writer.fetchval(f"SELECT 1 FROM {table.name} LIMIT 1"):  # noqa: S608 - ours
                        return False
                heads = await self._writer.fetch("SELECT chain, seq FROM audit_head")
                if list(map(tuple, heads)) != [(0, 0)]:
                    return False
                await self._writer.execute(
                    "INSERT INTO meta (name, value) VALUES ($1, $2)", CLOSED, write_mark(mark)
                )
        return True

    @contextlib.asynccontextmanager
    async def rows(self, table: Table, *, page: int) -> AsyncIterator[AsyncIterator[Sequence[Row]]]:
        """The rows of a table at this moment, in the order of their keys, in pages.

        Raises:
            StoreError: The database failed.
        """
        statement = select(table)

        async def pages() -> AsyncIterator[Sequence[Row]]:
            with _told(self.shown):
                cursor = await self._reader.cursor(statement)
                while records := await cursor.fetch(page):
                    yield list(map(tuple, records))

        with _told(self.shown):
            async with self._reader.transaction(isolation="repeatable_read", readonly=True):
                yield pages()

    async def write(self, table: Table, difference: Difference) -> None:
        """Make up for a difference, all of it in one transaction.

        Raises:
            StoreError: The database failed, or a row has a value that it cannot hold.
        """
        with _told(self.shown):
            async with self._writer.transaction():
                await make_up(self._writer, table, difference)

    async def last_audit_row(self) -> tuple[int, str] | None:
        """Number and MAC of the last row of chain 0; None for no row.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            row = await self._writer.fetchrow(
                "SELECT seq, mac FROM audit WHERE chain = 0 ORDER BY seq DESC LIMIT 1"
            )
        return None if row is None else (row["seq"], row["mac"])

    async def mac_of(self, seq: int) -> str | None:
        """The MAC of a row of chain 0; None if it is not there.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            found = await self._writer.fetchval(
                "SELECT mac FROM audit WHERE chain = 0 AND seq = $1", seq
            )
        return None if found is None else str(found)

    async def forget_audit(self, before: int) -> int:
        """Remove the rows of chain 0 before a number; give how many there were.

        Raises:
            StoreError: The database failed.
        """
        forgotten = 0
        with _told(self.shown):
            first = await self._writer.fetchval("SELECT min(seq) FROM audit WHERE chain = 0")
            while first is not None and first < before:
                first = min(first + _FORGOTTEN, before)
                done = await self._writer.execute(
                    "DELETE FROM audit WHERE chain = 0 AND seq < $1", first
                )
                forgotten += int(done.rpartition(" ")[2])
        return forgotten

    async def ends(self) -> Ends | None:
        """Where it goes on; None if it does not have the one chain that a copy has.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            heads = await self._writer.fetch("SELECT seq, mac, at, chain FROM audit_head")
            next_key = await self._writer.fetchval("SELECT next FROM key_numbers WHERE id = 1")
        if [head["chain"] for head in heads] != [0] or next_key is None:
            return None
        (head,) = heads
        return Ends(seq=head["seq"], mac=head["mac"], at=head["at"], next_key=next_key)

    async def put_ends(self, ends: Ends) -> None:
        """Have it go on where the other one does.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            async with self._writer.transaction():
                await self._writer.execute(
                    "INSERT INTO audit_head (chain, seq, mac, at, holder, held_until)"
                    " VALUES (0, $1, $2, $3, '', 0) ON CONFLICT (chain) DO UPDATE"
                    " SET seq = excluded.seq, mac = excluded.mac, at = excluded.at",
                    *(ends.seq, ends.mac, ends.at),
                )
                await self._writer.execute("UPDATE key_numbers SET next = $1", ends.next_key)

    async def settle(self) -> None:
        """Have PostgreSQL learn what is in the tables, or it would plan for empty ones.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            await self._writer.execute(f"ANALYZE {', '.join(table.name for table in TABLES)}")

    async def open_up(self, mark: Copying, ends: Ends, rows: Sequence[AuditRow], head: Head) -> bool:
        """Let servers work on it, after adding rows to the log; False if it is not as it was left.

        Args:
            mark: Why it is closed.
            ends: Where it goes on before.
            rows: To be added to the audit log.
            head: The end of the log with them.

        Raises:
            StoreError: The database failed. If that was at the commit, it may be open.
        """
        with _told(self.shown):
            found = await self._holder.fetchval("SELECT value FROM meta WHERE name = $1", CLOSED)
            if found != write_mark(mark) or await self._heads() != [(0, ends.seq, ends.mac)]:
                return False
            # What servers wait for; all that was written before is on the disk with it.
            await self._holder.execute("SET LOCAL synchronous_commit = on")
            await self._holder.execute("DELETE FROM meta WHERE name = $1", CLOSED)
            await self._holder.executemany(
                "INSERT INTO audit (chain, seq, event, mac) VALUES ($1, $2, $3, $4)",
                [(row.chain, row.seq, row.event, row.mac) for row in rows],
            )
            await self._holder.execute(
                "UPDATE audit_head SET seq = $1, mac = $2, at = $3 WHERE chain = 0",
                *(head.seq, head.mac, head.at),
            )
            await self._holder.execute("COMMIT")
        return True

    async def close_again(self, mark: Copying, moved: Moved, last: int) -> bool:
        """Close it as it was opened; False if anything was decided on it since.

        Args:
            mark: Why it is closed.
            moved: With what end of its log it was opened.
            last: The number of the last audit row that came from the other database.

        Raises:
            StoreError: The database failed.
        """
        with _told(self.shown):
            # Whoever decides moves the end of a chain: nobody does from here on.
            await self._holder.execute("LOCK TABLE audit_head IN ACCESS EXCLUSIVE MODE")
            if await self._heads() != [(0, moved.seq, moved.mac)]:
                return False
            await self._holder.execute("SET LOCAL synchronous_commit = on")
            # A server that runs on it never looks for the mark again, and cannot go on without this.
            await self._holder.execute("DELETE FROM audit_head")
            await self._holder.execute("DELETE FROM audit WHERE chain = 0 AND seq > $1", last)
            await self._holder.execute(
                "INSERT INTO meta (name, value) VALUES ($1, $2)", CLOSED, write_mark(mark)
            )
            await self._holder.execute("COMMIT")
        return True

    async def _heads(self) -> list[Row]:
        # A server that only started may have begun more chains.
        heads = await self._holder.fetch(
            "SELECT chain, seq, mac FROM audit_head WHERE chain = 0 OR seq > 0 ORDER BY chain"
        )
        return list(map(tuple, heads))


@contextlib.asynccontextmanager
async def open_target(address: Address) -> AsyncIterator[Target]:
    """Connect to a database, bring its schema up to date, and keep other copies away.

    Raises:
        StoreError: It cannot be reached or used, or another copy fills it at this moment.
    """
    async with contextlib.AsyncExitStack() as stack:
        writer, reader, holder = [await _connect(stack, address) for _ in range(3)]
        with _told(address.shown):
            encoding = await writer.fetchval("SHOW server_encoding")
            if encoding != "UTF8":
                message = (
                    f"the database {address.shown} has the encoding {encoding}, which has not every"
                    " letter; make one with: createdb --encoding UTF8 --template template0"
                )
                raise StoreError(message)
            try:
                await bring_up_to_date(writer)
            except asyncpg.DuplicateTableError:
                message = (
                    f"the database {address.shown} has tables of something else;"
                    " make one for the keys alone: createdb"
                )
                raise StoreError(message) from None
            # In a transaction that lasts as long as the copy: also where a pooler is in between.
            await holder.execute(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0"
            )
            if not await holder.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                message = f"another copy into {address.shown} is under way; wait for its end"
                raise StoreError(message, Cause.LOCKED)
        yield Target(address.shown, writer, reader, holder)


async def _connect(
    stack: contextlib.AsyncExitStack, address: Address
) -> asyncpg.Connection[asyncpg.Record]:
    with _told(address.shown):
        connection = await asyncpg.connect(
            address.uri,
            timeout=CONNECT_SECONDS,
            command_timeout=MIGRATION_SECONDS,
            statement_cache_size=0,
            server_settings={"application_name": "watchword store copy"},
        )
    stack.push_async_callback(_hang_up, connection)
    return connection


async def _hang_up(connection: Connection) -> None:
    try:
        await connection.close(timeout=CONNECT_SECONDS)
    except FAILURES:
        connection.terminate()


@contextlib.contextmanager
def _told(shown: str) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        found = reason(error)
        # The cause is dropped: its frames hold secrets.
        raise StoreError(f"the database {shown}: {found}", found.cause) from None

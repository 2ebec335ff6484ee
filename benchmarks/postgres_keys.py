"""PostgreSQL databases with many keys: made once and kept, and copied for each run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import msgspec
from benchmarks.harness import say
from benchmarks.server_databases import (
    ledger_of,
    make_default_key,
    make_token,
    sealed_keys,
    shares,
)
from benchmarks.server_keys import FORGET, PERIOD, Judged, Keys

from watchword_server.audit import Event
from watchword_server.store.postgres import PostgresStore
from watchword_server.store.postgres_address import parse_address
from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from postgres_engine import Cluster
    from watchword_server.ledger import Ledger

    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_T = TypeVar("_T")

_COLUMNS = (
    *("id", "name", "seal", "secret", "period"),
    *("status", "kind", "algorithm", "digits", "issuer", "account", "version", "created_at"),
    *("confirmed_at", "last_step", "failures", "locked_until", "drift"),
)
_SAME_OF_ALL = ("active", "totp", "SHA1", 6, "", "", 1, 0.0, 0.0, -1, 0, 0.0, 0)

_read_event = msgspec.json.Decoder(Event).decode


class PostgresDatabase:
    """A database of a cluster, with a data folder of its own; see `Database`."""

    def __init__(self, data: Path, cluster: Cluster, name: str) -> None:
        """Look at a database by its name; its sealing keys are in the folder `data`."""
        self.data = data
        self.name = name
        self.uri = cluster.dsn(name)
        self.options: Sequence[str] = ("--store", self.uri)

    def ask(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Do something on a connection."""
        return asyncio.run(_asked(self.uri, work))

    def forget(self) -> None:
        """See `Database.forget`; and clean up behind it, for each round to find the same pages."""

        async def work(connection: Connection) -> None:
            await connection.execute(FORGET)
            await connection.execute("VACUUM keys, audit_head")
            # Or what this wrote would be counted later, as the round's.
            await connection.execute("SELECT pg_stat_force_next_flush()")

        self.ask(work)

    def ends(self) -> Mapping[int, int]:
        """See `Database.ends`."""

        async def work(connection: Connection) -> dict[int, int]:
            return {
                row[0]: row[1] for row in await connection.fetch("SELECT chain, seq FROM audit_head")
            }

        return self.ask(work)

    def judged_since(self, ends: Mapping[int, int]) -> Judged:
        """See `Database.judged_since`: chains are put together by time.

        A key is in one transaction at a time, and the next one decides after the commit of that; all
        nodes have the clock of this machine.
        """

        async def work(connection: Connection) -> Judged:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                rows = await connection.fetch(
                    "SELECT chain, seq, event FROM audit LEFT JOIN"
                    " unnest($1::integer[], $2::bigint[]) AS e (chain, last) USING (chain)"
                    " WHERE seq > coalesce(e.last, 0)",
                    *(list(ends), list(ends.values())),
                )
                stored = await connection.fetch("SELECT name, last_step FROM keys WHERE last_step >= 0")
            events = [(_read_event(event), chain, seq) for chain, seq, event in rows]
            events.sort(key=lambda each: (each[0].at, *each[1:]))
            checks = [(event.verdict, event.key, event.offset) for event, _, _ in events]
            return Judged(checks, {row["name"]: row["last_step"] for row in stored})

        return self.ask(work)

    @contextlib.asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """See `Database.ledger`."""
        store = PostgresStore(parse_address(self.uri), lanes=1, clock=time.time)
        async with ledger_of(store, self.data) as ledger:
            yield ledger


@contextlib.contextmanager
def postgres_keys(cluster: Cluster, folder: Path, count: int) -> Iterator[tuple[Keys, PostgresDatabase]]:
    """Copy the kept database with that many keys, and make a token for it; it goes at the end.

    Args:
        cluster: Where it is.
        folder: Gets the server's data folder.
        count: How many keys there are beside the default one.
    """
    kept, copy = _kept(cluster, count), f"run_{count}"
    data = folder / f"data-postgres-{count}"
    shutil.copytree(kept.data, data)
    _run(cluster, f"DROP DATABASE IF EXISTS {copy}")
    # By its files: of a large one everything else takes far longer.
    _run(cluster, f"CREATE DATABASE {copy} TEMPLATE {_name(count)} STRATEGY FILE_COPY")
    try:
        database = PostgresDatabase(data, cluster, copy)
        token = make_token(database, Scope.CHECK, Scope.METRICS)
        yield Keys(database, count, token), database
    finally:
        _run(cluster, f"DROP DATABASE {copy} WITH (FORCE)")


def _kept(cluster: Cluster, count: int) -> PostgresDatabase:
    """The database with that many keys, made when there is none."""
    data = cluster.data.parent / f"keys-{count}"
    if not data.is_dir():
        say(f"making {count:,} keys")
        making = data.with_name(f"making-{count}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        _run(cluster, f"DROP DATABASE IF EXISTS {_name(count)}")
        _run(cluster, f"CREATE DATABASE {_name(count)}")
        database = PostgresDatabase(making, cluster, _name(count))
        make_default_key(database)
        _fill(database, count)
        making.rename(data)
    return PostgresDatabase(data, cluster, _name(count))


def _fill(database: PostgresDatabase, count: int) -> None:
    """Put keys into a database, past the store."""

    async def work(connection: Connection) -> None:
        for numbers in shares(count):
            await connection.copy_records_to_table(
                "keys",
                records=((*key, PERIOD, *_SAME_OF_ALL) for key in sealed_keys(database.data, numbers)),
                columns=_COLUMNS,
            )
        await connection.execute("VACUUM (FREEZE, ANALYZE)")

    database.ask(work)


def _name(count: int) -> str:
    return f"keys_{count}"


def _run(cluster: Cluster, statement: str) -> None:
    """Run a statement about whole databases."""

    async def work(connection: Connection) -> None:
        await connection.execute(statement)

    asyncio.run(_asked(cluster.dsn(), work))


async def _asked(uri: str, work: Callable[[Connection], Awaitable[_T]]) -> _T:
    async with connected(uri) as connection:
        return await work(connection)


@contextlib.asynccontextmanager
async def connected(uri: str) -> AsyncIterator[Connection]:
    """A connection, closed at the end."""
    connection = await asyncpg.connect(uri)
    try:
        yield connection
    finally:
        await connection.close()

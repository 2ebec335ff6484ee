"""Databases for single tests, all of one schema, each as if it had just been made.

with databases_of(cluster, migrate) as databases:   # for a whole run; `migrate` is given a DSN, once
    async with databases.lent() as database:
        ...                                         # one used before, and put back as it was
    async with databases.fresh() as database:
        ...                                         # a new one, dropped afterwards

Making one costs the more the more relations its schema has, for each is several files: 25 ms with 150 of
them, several times that where the disk is busy. Putting one back costs what was written to it: 5 ms.
"""

from __future__ import annotations

import contextlib
import io
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from other_loop import OtherLoop
from postgres_engine import connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from postgres_engine import Cluster, Connection

_OWN = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
_TABLES = f"""
    pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND {_OWN} AND pg_relation_size(c.oid) > 0
"""
"""Tables that rows were written to since they were made or truncated."""

_OURS = 16384
"""The first number of an object that no system comes with."""
_CATALOGS = {
    "pg_attribute": "attrelid",
    "pg_index": "indexrelid",
    **dict.fromkeys(("pg_attrdef", "pg_constraint", "pg_namespace", "pg_policy"), "oid"),
    **dict.fromkeys(("pg_proc", "pg_rewrite", "pg_trigger", "pg_type"), "oid"),
}
_CHANGES = "(SELECT concat(count(*), '/', max(xmin::text::bigint)) FROM {} WHERE {} >= {})"
_SHAPE = f"""
    SELECT concat_ws(' ',
        {", ".join(_CHANGES.format(name, number, _OURS) for name, number in _CATALOGS.items())},
        -- A truncated table has a new row here, and is the same table.
        (SELECT sum(hashtext(concat_ws(' ', oid, relname, relowner, relacl, reloptions, relrowsecurity,
            relpersistence))) FROM pg_class WHERE oid >= {_OURS}),
        (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
            WHERE d.datname = current_database())
    )
"""
"""What changes with every change of the schema, and with nothing else."""

_SEND_AWAY = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = f"""
    DO $$ DECLARE it record; BEGIN
        FOR it IN SELECT c.oid::regclass AS name, pg_relation_size(c.oid) AS size FROM {_TABLES} LOOP
            -- New files for a table cost milliseconds, old rows for a while nothing.
            IF it.size > 65536 THEN
                EXECUTE format('TRUNCATE %s CASCADE', it.name);
            ELSE
                EXECUTE format('DELETE FROM %s', it.name);
            END IF;
        END LOOP;
        FOR it IN SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
            WHERE last_value IS NOT NULL LOOP
            EXECUTE format('ALTER SEQUENCE %s RESTART', it.name);
        END LOOP;
    END $$
"""


@dataclass(frozen=True)
class Database:
    """One database of a cluster."""

    cluster: Cluster
    name: str

    @property
    def dsn(self) -> str:
        """Where it is, over the Unix socket."""
        return self.cluster.dsn(self.name)


@dataclass(frozen=True)
class _State:
    """What a database was like when its schema had just been made."""

    shape: str
    rows: list[tuple[str, str, bytes]]
    """Tables that are born with rows: schema, name, and the rows as COPY has them."""
    sequences: list[tuple[str, int]]
    """Those that have given numbers already, and the last."""


class Databases:
    """The databases of one schema in one cluster. Not for two tasks at a time."""

    def __init__(self, cluster: Cluster, build: Callable[[str], Awaitable[object]], name: str) -> None:
        self.cluster = cluster
        self._build = build
        self._name = name
        self._state: _State | None = None
        self._idle: list[Database] = []
        self._numbers = itertools.count()
        self._loop = OtherLoop()
        self._connections: dict[str, tuple[int, Connection]] = {}

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Database]:
        """A new database, for tests that change the schema; dropped afterwards."""
        database = await self._loop.run(self._make())
        try:
            yield database
        finally:
            await self._loop.run(self._drop(database))

    @contextlib.asynccontextmanager
    async def lent(self) -> AsyncIterator[Database]:
        """A database with the rows and sequences of a new one.

        What was written to it before is gone, and only an idle connection of ours is there. One whose
        schema was changed is not lent again. Roles and settings of the whole cluster stay as they are.
        """
        database = await self._loop.run(self._restore() if self._idle else self._make())
        try:
            yield database
        finally:
            self._idle.append(database)

    def close(self) -> None:
        """Hang up. The databases go with the cluster."""
        self._loop.close(self._hang_up())

    async def _make(self) -> Database:
        template = Database(self.cluster, f"{self._name}_template")
        if self._state is None:
            await self._run(f"CREATE DATABASE {template.name}")
            await self._build(template.dsn)
            async with connected(template.dsn) as connection:
                self._state = await _look(connection)
        database = Database(self.cluster, f"{self._name}_{next(self._numbers)}")
        # By files, not through the log: less than half the time.
        await self._run(f"CREATE DATABASE {database.name} TEMPLATE {template.name} STRATEGY FILE_COPY")
        return database

    async def _restore(self) -> Database:
        database = self._idle.pop()
        assert self._state is not None
        connection = await self._connection(database)
        await connection.execute(_SEND_AWAY)
        if await connection.fetchval(_SHAPE) == self._state.shape:
            await connection.execute(_EMPTY)
            await _fill(connection, self._state)
            return database
        await self._drop(database)
        return await self._make()

    async def _drop(self, database: Database) -> None:
        if kept := self._connections.pop(database.name, None):
            await kept[1].close()
        await self._run(f"DROP DATABASE {database.name} WITH (FORCE)")

    async def _run(self, statement: str) -> None:
        connection = await self._connection(Database(self.cluster, "postgres"))
        await connection.execute(statement)

    async def _connection(self, database: Database) -> Connection:
        """A connection that is kept: it knows all tables, and learning about them takes longest."""
        pid, connection = self._connections.get(database.name, (0, None))
        if connection is None or pid != self.cluster.pid:
            if connection is not None:
                connection.terminate()
            # Neither triggers nor foreign keys have a say in what is put back.
            connection = await asyncpg.connect(
                database.dsn, server_settings={"session_replication_role": "replica"}
            )
            self._connections[database.name] = self.cluster.pid, connection
        return connection

    async def _hang_up(self) -> None:
        for _, connection in self._connections.values():
            await connection.close()


@contextlib.contextmanager
def databases_of(
    cluster: Cluster, build: Callable[[str], Awaitable[object]], name: str = "test"
) -> Iterator[Databases]:
    """Lend databases of one schema.

    Args:
        cluster: Where they are.
        build: Makes the schema in the empty database at a DSN, and closes its connections.
        name: What their names begin with: another one for another schema.
    """
    databases = Databases(cluster, build, name)
    try:
        yield databases
    finally:
        databases.close()


async def _look(connection: Connection) -> _State:
    rows = []
    for schema, table in await connection.fetch(f"SELECT n.nspname, c.relname FROM {_TABLES}"):
        written = io.BytesIO()
        await connection.copy_from_table(table, schema_name=schema, output=written, format="binary")
        rows.append((schema, table, written.getvalue()))
    sequences = await connection.fetch(
        "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences"
        " WHERE last_value IS NOT NULL"
    )
    return _State(await connection.fetchval(_SHAPE), rows, [(name, last) for name, last in sequences])


async def _fill(connection: Connection, state: _State) -> None:
    for schema, table, rows in state.rows:
        await connection.copy_to_table(
            table, schema_name=schema, source=io.BytesIO(rows), format="binary"
        )
    for name, last in state.sequences:
        await connection.execute("SELECT setval($1::regclass, $2)", name, last)

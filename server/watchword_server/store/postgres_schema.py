"""The shape of a PostgreSQL database, moved forward one numbered file at a time and never back."""

from __future__ import annotations

import asyncio
import re
from importlib import resources
from typing import TYPE_CHECKING

from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    import asyncpg

PARTITIONS = 4
"""Parts of a table that parts by hash: each can be vacuumed, moved and restored by itself.

Each costs every statement some microseconds, since PostgreSQL gets all of them ready to be written.
"""

_LOCK = 0x77617463_68776F72
"""An advisory lock of our own: "watchwor"."""

# A key's state is written again and again: with room on its page a new version stays there, and no
# index is touched.
_ROOM = {"keys": " WITH (fillfactor = 80)"}

_PARTED = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\) PARTITION BY HASH \((\w+)\);", re.DOTALL)


async def bring_up_to_date(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Bring the database to this version's schema, whole or not at all; any number of nodes may at once.

    Raises:
        StoreError: A newer version of the server made this database.
        asyncpg.PostgresError: The database failed.
    """
    # Files are read in a thread, for the event loop answers requests meanwhile.
    scripts = await asyncio.to_thread(_scripts)
    if await schema_of(connection) == len(scripts):
        return
    async with connection.transaction():
        # Until the end of the transaction; where a pooler is in between, too.
        await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        # Read again: another node may have been first.
        found = await schema_of(connection)
        if found > len(scripts):
            message = (
                f"its schema is number {found} and this version knows {len(scripts)};"
                " install the newer watchword that made it"
            )
            raise StoreError(message)
        spreads = await _spreads_by_itself(connection)
        for script in scripts[found:]:
            await connection.execute(_parted(script, spreads=spreads))
        if found == 0:
            await connection.execute("CREATE TABLE schema_number (number integer NOT NULL PRIMARY KEY)")
            await connection.execute("INSERT INTO schema_number VALUES (0)")
        await connection.execute("UPDATE schema_number SET number = $1", len(scripts))


async def schema_of(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """The number of the last file applied; 0 for none.

    Raises:
        asyncpg.PostgresError: The database failed.
    """
    async with connection.transaction():
        if await connection.fetchval("SELECT to_regclass('schema_number')") is None:
            return 0
        return int(await connection.fetchval("SELECT number FROM schema_number"))


def newest_schema() -> int:
    """The number of the last file that this version knows."""
    return len(_scripts())


async def _spreads_by_itself(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    """Tell whether the database spreads the rows of any table over its nodes, and parts none by hash."""
    version = await connection.fetchval("SELECT version()")
    if "CockroachDB" in version or "-YB-" in version:
        return True
    citus = await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")
    return bool(citus)


def _parted(script: str, *, spreads: bool) -> str:
    if spreads:
        return _PARTED.sub(r"CREATE TABLE \1 (\2\n);", script)
    return _PARTED.sub(lambda found: "\n".join([found[0], *_parts(found[1])]), script)


def _parts(table: str) -> list[str]:
    return [
        f"CREATE TABLE {table}_{number} PARTITION OF {table}"
        f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number}){_ROOM.get(table, '')};"
        for number in range(PARTITIONS)
    ]


def _scripts() -> list[str]:
    folder = resources.files("watchword_server.store") / "postgres_migrations"
    scripts = {file.name: file for file in folder.iterdir() if file.name.endswith(".sql")}
    return [scripts[name].read_text(encoding="utf-8") for name in sorted(scripts)]

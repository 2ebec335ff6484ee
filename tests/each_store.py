"""Tests that hold for every store: run once on a SQLite file, and once on PostgreSQL.

A folder that has a file `store.uri` has its database there; else it is the SQLite file in the folder.
So a test goes on naming its folder, and never asks which it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import asyncpg

from watchword_server.store.postgres import PostgresStore
from watchword_server.store.postgres_address import parse_address
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_server.store.postgres_address import Address
    from watchword_server.store.protocol import Store

_NAME = "store.uri"


def put_on(folder: Path, uri: str) -> None:
    """Have the database of this folder be the one at `uri`."""
    (folder / _NAME).write_text(uri, encoding="utf-8")


def address_of(folder: Path) -> Address | None:
    """Where the database of this folder is; None for the SQLite file in it."""
    path = folder / _NAME
    return parse_address(path.read_text(encoding="utf-8")) if path.exists() else None


async def open_store_of(folder: Path) -> Store:
    """Open the database of this folder once more, as another process would."""
    address = address_of(folder)
    if address is None:
        return await SqliteStore.open(folder / "watchword.db")
    # Time stands still in tests; the database's clock does not.
    # One lane: rows come in the order in which they were decided, as tests want to see them.
    return PostgresStore(address, lanes=1, clock=None)


async def run_sql(database: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on a database behind its server's back; give the rows of the last one."""
    address = address_of(database.parent)
    if address is None:
        return await asyncio.to_thread(_run_on_file, database, statements)
    rows: list[tuple[Any, ...]] = []
    connection = await asyncpg.connect(address.uri)
    try:
        for statement in statements:
            rows = [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
    return rows


def _run_on_file(database: Path, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


async def tables_of(database: Path) -> list[str]:
    """The names of all tables."""
    query = (
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        if address_of(database.parent) is None
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    return [name for (name,) in await run_sql(database, query)]


async def everything_in(database: Path) -> bytes:
    """All that a thief of the database has: its files, or every value in PostgreSQL."""
    address = address_of(database.parent)
    if address is None:
        await run_sql(database, "PRAGMA wal_checkpoint")
        return await asyncio.to_thread(_read_all, database.parent)
    connection = await asyncpg.connect(address.uri)
    try:
        tables = await tables_of(database)
        rows = [row for table in tables for row in await connection.fetch(f"SELECT * FROM {table}")]
    finally:
        await connection.close()
    values = [value for row in rows for value in row]
    return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)


def _read_all(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())

"""What tests of `store copy` share: a SQLite database with anything in it, and what both hold."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

from postgres_engine import connected
from servers import Clock, open_ledger
from watchword_server.audit import Event, link
from watchword_server.store.postgres_address import parse_address
from watchword_server.store.postgres_copy import open_target
from watchword_server.store.records import Head
from watchword_server.store.sqlite import SqliteStore
from watchword_server.store.sqlite_copy import open_source
from watchword_server.storecopy import claim, copy_store, hand_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from watchword_server.storecopy import Report

Contents = dict[str, list[tuple[Any, ...]]]

# By hand, and not as the server has it: what it forgets is to be missed.
COLUMNS = {
    "keys": (
        "id name status seal secret kind algorithm digits period issuer account window version"
        " created_at confirmed_at expires_at last_step consumed_at failures locked_until offset drift"
    ),
    "deleted_keys": "name fingerprint last_step",
    "recovery_codes": "key_id digest used_at",
    "tickets": "digest key_id expires_at used_at",
    "answers": "digest fingerprint answer expires_at",
    "tokens": (
        "id digest name scopes keys rate_limit created_at expires_at replaced_at revoked_at last_used_at"
    ),
    "meta": "name value",
    "audit": "seq event mac",
    "audit_head": "seq mac at",
}
_OTHER_NAMES = {("tokens", "id"): "made"}


async def make_source(folder: Path) -> bytes:
    """A database in `folder` as a server's first start makes it; give the key of its audit log."""
    store = await SqliteStore.open(folder / "watchword.db")
    try:
        return await (await open_ledger(store, folder, Clock())).audit_key()
    finally:
        await store.close()


def put(database: Path, contents: Mapping[str, Iterable[tuple[Any, ...]]]) -> None:
    """Have these rows, and no others, in the tables that are named."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        for table, rows in contents.items():
            connection.execute(f"DELETE FROM {table}")
            names = COLUMNS[table].split()
            marks = ", ".join("?" for _ in names)
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", list(rows)
            )
        connection.commit()


def grow_log(database: Path, key: bytes, number: int) -> Head:
    """Add rows to the audit log as a server would."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        (row,) = connection.execute("SELECT seq, mac, at FROM audit_head").fetchall()
        head = Head(*row)
        events = [Event(at=head.at + each, event="check", key=f"ключ {each}") for each in range(number)]
        rows, head = link(key, head, events, head.at + number)
        connection.executemany(
            "INSERT INTO audit VALUES (?, ?, ?)", [(row.seq, row.event, row.mac) for row in rows]
        )
        connection.execute(
            "UPDATE audit_head SET seq = ?, mac = ?, at = ?", (head.seq, head.mac, head.at)
        )
        connection.commit()
    return head


def contents_of_file(database: Path) -> Contents:
    """Everything in a SQLite database but its mark, with the number of the next key."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = {
            table: sorted(connection.execute(f"SELECT {columns.replace(' ', ', ')} FROM {table}"))
            for table, columns in COLUMNS.items()
        }
        rows = connection.execute("SELECT seq + 1 FROM sqlite_sequence WHERE name = 'keys'").fetchall()
    return _without_mark(found) | {"next": rows or [(1,)]}


async def contents_of(uri: str) -> Contents:
    """Everything in a PostgreSQL database, as `contents_of_file` gives it."""
    found = {}
    async with connected(uri) as connection:
        for table, columns in COLUMNS.items():
            names = [_OTHER_NAMES.get((table, name), name) for name in columns.split()]
            quoted = ", ".join(f'"{name}"' for name in names)
            rows = await connection.fetch(f"SELECT {quoted} FROM {table}")
            found[table] = sorted(map(tuple, rows))
        rows = await connection.fetch("SELECT next FROM key_numbers")
        assert not await connection.fetchval("SELECT count(*) FROM audit WHERE chain <> 0")
    return _without_mark(found) | {"next": list(map(tuple, rows))}


def _without_mark(found: Contents) -> Contents:
    return found | {"meta": [row for row in found["meta"] if row[0] != "closed"]}


async def copy(database: Path, uri: str, key: bytes | None = None, *, final: bool = False) -> Report:
    """One run of `store copy`, without its command."""
    async with (
        open_source(database, alone=final) as source,
        open_target(parse_address(uri)) as target,
    ):
        mark = await claim(source, target, final=final)
        assert mark is not None
        report = await copy_store(source, target, key)
        if final and not report.faults:
            event = Event(at=Clock().now, event="store.copy")
            await hand_over(source, target, mark, key, event)
        return report

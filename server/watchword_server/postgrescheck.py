"""Looking whether a PostgreSQL database is whole, and set up so that it forgets nothing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from watchword_server.findings import Finding, ok, warning, wrong
from watchword_server.store.postgres_chain import MAX_CLOCK_DISTANCE
from watchword_server.store.postgres_connect import CONNECT_SECONDS, connect
from watchword_server.store.postgres_errors import FAILURES, reason
from watchword_server.store.postgres_schema import newest_schema, schema_of
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import asyncpg

    from watchword_server.store.postgres_address import Address

_RESTORE = "find out who changed it, and restore a backup"
_ORPHANS = {
    "recovery codes of no key": "recovery_codes WHERE key_id NOT IN (SELECT id FROM keys)",
    "links of no key": "tickets WHERE key_id NOT IN (SELECT id FROM keys)",
    "keys never sealed": "keys WHERE seal = 0",
}
_FORGETFUL = {
    "fsync": "a crash of the machine loses what was accepted, and can damage the database: set it on",
    "full_page_writes": "a crash of the machine can damage the database: set it on",
}
_FEW_CONNECTIONS = 12
"""What two nodes take."""


async def check_postgres(address: Address) -> Sequence[Finding]:
    """Look at the database by itself.

    Raises:
        StoreError: It cannot be reached, or not be read.
    """
    try:
        connection = await connect(address.uri)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return [
                    _way(address),
                    *await _settings(connection),
                    await _clock(connection),
                    *await _content(connection),
                ]
        finally:
            await connection.close(timeout=CONNECT_SECONDS)
    except FAILURES as error:
        found = reason(error)
        raise StoreError(f"the database {address.shown}: {found}", found.cause) from None


def _way(address: Address) -> Finding:
    if address.is_open:
        advice = "add sslmode=verify-full and sslrootcert=FILE to its address"
        return warning("way to the database", "not encrypted", advice)
    return ok("way to the database", "on this machine, or encrypted")


async def _settings(connection: asyncpg.Connection[asyncpg.Record]) -> Sequence[Finding]:
    names = (*_FORGETFUL, "max_connections")
    rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", names)
    found = {row["name"]: row["setting"] for row in rows}
    return list(_judged(found))


def _judged(settings: dict[str, str]) -> Iterator[Finding]:
    # A database that calls itself PostgreSQL need not have them all.
    for name, advice in _FORGETFUL.items():
        if settings.get(name) == "off":
            yield wrong(name, "off", advice)
        else:
            yield ok(name, "on")
    most = settings.get("max_connections", "")
    if most.isdecimal() and int(most) < _FEW_CONNECTIONS:
        yield warning("max_connections", most, "allow 6 for each process of the server")
    else:
        yield ok("max_connections", most or "unknown")


async def _clock(connection: asyncpg.Connection[asyncpg.Record]) -> Finding:
    theirs = float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
    distance = time.time() - theirs
    if abs(distance) > MAX_CLOCK_DISTANCE:
        advice = "have both follow a time server: the server accepts nothing like this"
        return wrong("clocks", f"ours is {distance:+,.0f} s from the database's", advice)
    return ok("clocks", "ours and the database's agree")


async def _content(connection: asyncpg.Connection[asyncpg.Record]) -> Sequence[Finding]:
    found, newest = await schema_of(connection), await asyncio.to_thread(newest_schema)
    if found != newest:
        advice = "start the server on it" if found < newest else "install a newer watchword"
        return [wrong("schema", f"{found}, and this version knows {newest}", advice)]
    findings = [ok("schema", str(found))]
    for what, rows in _ORPHANS.items():
        count = await connection.fetchval(f"SELECT count(*) FROM {rows}")  # noqa: S608 - our own text
        findings.append(wrong(what, str(count), _RESTORE) if count else ok(what, "none"))
    return findings

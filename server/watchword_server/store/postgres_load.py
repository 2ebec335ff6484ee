"""Reading a PostgreSQL store: rows to records. Each statement reads one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import Algorithm, Kind
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import (
    LIVE,
    Answer,
    AuditRow,
    DeletedKey,
    Head,
    RecoveryCode,
    Snapshot,
    Status,
    StoredKey,
    Ticket,
)
from watchword_server.store.token_rows import COLUMNS, token_of
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import asyncpg

    from watchword_server.store.postgres_pool import Connection
    from watchword_server.store.records import Wanted
    from watchword_server.tokens import Token

# Nothing of these is anyone's input: what is asked for comes as a parameter.
_KEYS = """
SELECT id, name, status, seal, secret, kind, algorithm, digits, period, issuer, account, "window",
  version, created_at, confirmed_at, expires_at,
  last_step, consumed_at, failures, locked_until, "offset", drift
FROM keys
"""
# Joined, so that PostgreSQL looks for each name in its own part only; `= ANY` looks for all in each.
_OF_NAMES = "JOIN unnest($1::text[]) AS w (wanted) ON name = wanted"
_BY_NAME = {
    # The status stands in the text, so that the index is found that holds only such rows.
    status: f"{_KEYS} {_OF_NAMES} WHERE status = '{status}'"
    for status in Status
}
_BY_ID = f"{_KEYS} WHERE id = ANY($1::bigint[])"
_LOCKED = " ORDER BY name, id FOR UPDATE OF keys"
"""In one order for all, or two nodes could wait for each other."""


async def snapshot(connection: Connection, wanted: Wanted, head: Head, *, locked: bool) -> Snapshot:
    """Load what is wanted; `locked` keeps others from changing the keys until the transaction ends."""
    suffix = _LOCKED if locked else ""
    keys: list[StoredKey] = []
    if wanted.names:
        names = list(wanted.names)
        for status in wanted.statuses:
            keys += await _keys(connection, _BY_NAME[status] + suffix, names)
    if wanted.ids:
        keys += await _keys(connection, _BY_ID + suffix, list(wanted.ids))
    ticket = None if wanted.ticket is None else await _ticket(connection, wanted.ticket)
    if ticket is not None:
        for invited in await _keys(connection, _BY_ID, [ticket.key_id]):
            for status in Status:
                keys += await _keys(connection, _BY_NAME[status] + suffix, [invited.name])
    return Snapshot(
        keys=keys,
        head=head,
        next_key_id=await next_key_id(connection) if wanted.meta else 0,
        deleted=await _deleted(connection, wanted.names) if wanted.deleted else (),
        recovery=await _recovery(connection, keys) if wanted.recovery else (),
        ticket=ticket,
        answers=await _answers(connection, wanted.answers) if wanted.answers else {},
        tokens=await tokens(connection) if wanted.tokens else (),
        meta=await _meta(connection, wanted.meta) if wanted.meta else {},
    )


async def keys_after(connection: Connection, after: str, limit: int) -> list[StoredKey]:
    """Active and pending keys of the next names."""
    found: set[str] = set()
    for status in LIVE:
        rows = await connection.fetch(
            f"SELECT name FROM keys WHERE status = '{status}' AND name > $1 ORDER BY name LIMIT $2",  # noqa: S608 - ours
            *(after, limit),
        )
        found |= {row["name"] for row in rows}
    names = sorted(found)[:limit]
    keys = [key for status in LIVE for key in await _keys(connection, _BY_NAME[status], names)]
    return sorted(keys, key=lambda key: key.name)


async def sealed_otherwise(connection: Connection, seal: int, limit: int) -> list[StoredKey]:
    """Keys that another sealing key has sealed."""
    return await _keys(connection, f"{_KEYS} WHERE seal <> $1 LIMIT $2", seal, limit)


async def expired(connection: Connection, now: float, limit: int) -> list[StoredKey]:
    """Pending keys whose time is over."""
    statement = f"{_KEYS} WHERE status = 'pending' AND expires_at <= $1 LIMIT $2"
    return await _keys(connection, statement, now, limit)


async def heads(connection: Connection) -> list[Head]:
    """The end of each chain of the audit log, by number."""
    rows = await connection.fetch("SELECT seq, mac, at, chain FROM audit_head ORDER BY chain")
    if not rows:
        message = "the end of its audit log was taken away; restore a backup"
        raise StoreError(message, Cause.DAMAGED)
    return [Head(*row) for row in rows]


async def audit_rows(connection: Connection, chain: int, after: int, limit: int) -> list[AuditRow]:
    """Rows of one chain after a number."""
    rows = await connection.fetch(
        "SELECT seq, event, mac, chain FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        *(chain, after, limit),
    )
    return [AuditRow(*row) for row in rows]


async def tokens(connection: Connection) -> list[Token]:
    """Every token there ever was."""
    rows = await connection.fetch(f"SELECT {COLUMNS} FROM tokens ORDER BY made")  # noqa: S608 - ours
    return [token_of(row) for row in rows]


async def next_key_id(connection: Connection) -> int:
    """The number that the next key gets."""
    return int(await connection.fetchval("SELECT next FROM key_numbers WHERE id = 1"))


async def _keys(connection: Connection, statement: str, *parameters: object) -> list[StoredKey]:
    return [_key(row) for row in await connection.fetch(statement, *parameters)]


def _key(row: asyncpg.Record) -> StoredKey:
    # By position: that is twice as fast as by name, and a check does little else here.
    (
        number,
        name,
        status,
        seal,
        secret,
        kind,
        algorithm,
        digits,
        period,
        issuer,
        account,
        window,
        version,
        created_at,
        confirmed_at,
        expires_at,
        *state,
    ) = row
    last_step, consumed_at, failures, locked_until, offset, drift = state
    try:
        return StoredKey(
            id=number,
            name=name,
            status=Status(status),
            seal=seal,
            secret=secret,
            kind=Kind(kind),
            algorithm=Algorithm(algorithm),
            digits=digits,
            period=period,
            issuer=issuer,
            account=account,
            window=window,
            version=version,
            created_at=created_at,
            confirmed_at=confirmed_at,
            expires_at=expires_at,
            state=KeyState(
                last_step=last_step,
                consumed_at=consumed_at,
                failures=failures,
                locked_until=locked_until,
                offset=offset,
                drift=drift,
            ),
        )
    except ValueError:
        message = "a key in it cannot be read; restore a backup"
        raise StoreError(message, Cause.DAMAGED) from None


async def _deleted(connection: Connection, names: Collection[str]) -> list[DeletedKey]:
    rows = await connection.fetch(
        "SELECT name, fingerprint, last_step FROM deleted_keys WHERE name = ANY($1::text[])", list(names)
    )
    return [DeletedKey(*row) for row in rows]


async def _recovery(connection: Connection, keys: Sequence[StoredKey]) -> list[RecoveryCode]:
    rows = await connection.fetch(
        "SELECT key_id, digest, used_at FROM recovery_codes WHERE key_id = ANY($1::bigint[])",
        [key.id for key in keys],
    )
    return [RecoveryCode(*row) for row in rows]


async def _ticket(connection: Connection, digest: bytes) -> Ticket | None:
    row = await connection.fetchrow(
        "SELECT digest, key_id, expires_at, used_at FROM tickets WHERE digest = $1", digest
    )
    return None if row is None else Ticket(*row)


async def _answers(connection: Connection, digests: Collection[bytes]) -> dict[bytes, Answer]:
    rows = await connection.fetch(
        "SELECT digest, fingerprint, answer, expires_at FROM answers WHERE digest = ANY($1::bytea[])",
        list(digests),
    )
    return {row["digest"]: Answer(*row) for row in rows}


async def _meta(connection: Connection, names: Collection[str]) -> dict[str, bytes]:
    rows = await connection.fetch(
        "SELECT name, value FROM meta WHERE name = ANY($1::text[])", list(names)
    )
    return {row["name"]: row["value"] for row in rows}

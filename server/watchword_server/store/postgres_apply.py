"""Writing a PostgreSQL store. Each statement has its condition, and the rows that met it are counted."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import asyncpg

from watchword_server.store.protocol import KeyNameTakenError, TokenNameTakenError
from watchword_server.store.records import (
    AcceptClock,
    AddKey,
    AddTicket,
    AddToken,
    NoteDeleted,
    PutKey,
    PutRecovery,
    PutToken,
    RemoveKey,
    SetMeta,
    UseRecovery,
    UseTicket,
)
from watchword_server.store.token_rows import row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.store.postgres_pool import Connection
    from watchword_server.store.records import (
        Advance,
        Answer,
        AuditRow,
        Change,
        Changes,
        StoredKey,
    )
    from watchword_server.tokens import Token

# The condition, and the count of rows that met it, decide: not the reading before. A step is only
# ever consumed if it is newer than the last (RFC 6238 section 5.2), whatever else goes wrong.
_ADVANCE = """
UPDATE keys AS k SET last_step = c.last_step, consumed_at = c.consumed_at, failures = c.failures,
  locked_until = c.locked_until, "offset" = c.moved, drift = c.drift
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::bigint[], $6::double precision[],
  $7::integer[], $8::double precision[], $9::bigint[], $10::bigint[], $11::boolean[])
  AS c (name, id, step_before, failures_before, last_step, consumed_at, failures, locked_until, moved,
    drift, consumes)
WHERE k.name = c.name AND k.id = c.id AND k.status IN ('active', 'pending')
  AND k.last_step = c.step_before AND k.failures = c.failures_before
  AND (k.last_step < c.last_step OR (k.last_step = c.last_step AND NOT c.consumes))
"""

_PUT_KEY = """
UPDATE keys SET status = $1, seal = $2, secret = $3, issuer = $4, account = $5, "window" = $6,
  version = $7, confirmed_at = $8, expires_at = $9
WHERE name = $10 AND id = $11 AND status = $12 AND version = $13 AND seal = $14 AND secret = $15
"""

_ADD_KEY = """
INSERT INTO keys (id, name, status, seal, secret, kind, algorithm, digits, period, issuer, account,
  "window", version, created_at, confirmed_at, expires_at,
  last_step, consumed_at, failures, locked_until, "offset", drift)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
  $22)
"""


_MANY = 1000
"""Most rows in one statement: it must end before it is given up."""


class ConflictError(Exception):
    """What a change was decided on is not stored any more; nothing of it must stay."""


async def apply(connection: Connection, changes: Changes) -> None:
    """Do all of it but the end of the audit log, in the transaction that is open.

    Raises:
        ConflictError: What a change was decided on is not stored any more.
        TokenNameTakenError: An added token has the name of one that counts.
        KeyNameTakenError: An added key has the name and status of another.
        asyncpg.PostgresError: The database failed.
    """
    if changes.advances:
        await _advance(connection, changes.advances)
    for kind, group in itertools.groupby(changes.others, type):
        if kind is AddKey:
            await _add_keys(connection, [change.key for change in group if isinstance(change, AddKey)])
            continue
        for change in group:
            await _apply(connection, change)
    if changes.answers:
        await _remember(connection, changes.answers)
    if changes.rows:
        await _log(connection, changes.rows)


async def _advance(connection: Connection, advances: Sequence[Advance]) -> None:
    # In one order for all, or two nodes could wait for each other.
    rows = sorted(map(_advanced, advances))
    columns = list(zip(*rows, strict=True))
    _require(await connection.execute(_ADVANCE, *columns), len(rows))


def _advanced(advance: Advance) -> tuple[object, ...]:
    before, after = advance.key.state, advance.after
    return (
        *(advance.key.name, advance.key.id, before.last_step, before.failures),
        *(after.last_step, after.consumed_at, after.failures, after.locked_until),
        *(after.offset, after.drift, after.consumed_at != before.consumed_at),
    )


async def _apply(connection: Connection, change: Change) -> None:
    match change:
        case AddKey(key):
            await _add_keys(connection, [key])
        case PutKey(before, after):
            await _put_key(connection, before, after)
        case RemoveKey(id=number):
            await _run(connection, "DELETE FROM keys WHERE id = $1", number)
            await connection.execute("DELETE FROM recovery_codes WHERE key_id = $1", number)
            await connection.execute("DELETE FROM tickets WHERE key_id = $1", number)
        case NoteDeleted(key):
            await _run(
                connection,
                "INSERT INTO deleted_keys AS d (name, fingerprint, last_step) VALUES ($1, $2, $3)"
                " ON CONFLICT (name, fingerprint)"
                " DO UPDATE SET last_step = greatest(d.last_step, excluded.last_step)",
                *(key.name, key.fingerprint, key.last_step),
            )
        case PutRecovery() | UseRecovery():
            await _recovery(connection, change)
        case AddToken() | PutToken():
            await _token(connection, change)
        case AcceptClock(now):
            await connection.execute("UPDATE audit_head SET at = $1 WHERE at > $1", now)
        case SetMeta(name, value):
            await _run(
                connection,
                "INSERT INTO meta (name, value) VALUES ($1, $2)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                *(name, value),
            )
        case AddTicket() | UseTicket():
            await _ticket(connection, change)


async def _ticket(connection: Connection, change: AddTicket | UseTicket) -> None:
    match change:
        case AddTicket(ticket):
            await connection.execute("DELETE FROM tickets WHERE key_id = $1", ticket.key_id)
            await _run(
                connection,
                "INSERT INTO tickets (digest, key_id, expires_at) VALUES ($1, $2, $3)",
                *(ticket.digest, ticket.key_id, ticket.expires_at),
            )
        case UseTicket(digest, at):
            await _run(
                connection,
                "UPDATE tickets SET used_at = $1 WHERE digest = $2 AND used_at IS NULL",
                *(at, digest),
            )


async def _token(connection: Connection, change: AddToken | PutToken) -> None:
    match change:
        case AddToken(token):
            await _add_token(connection, token)
        case PutToken(token):
            await _run(
                connection,
                "UPDATE tokens SET expires_at = $1, replaced_at = $2, revoked_at = $3"
                " WHERE digest = $4 AND revoked_at IS NULL",
                *(token.expires_at, token.replaced_at, token.revoked_at, token.digest),
            )


async def _recovery(connection: Connection, change: PutRecovery | UseRecovery) -> None:
    match change:
        case PutRecovery(key_id, digests):
            await connection.execute("DELETE FROM recovery_codes WHERE key_id = $1", key_id)
            await connection.execute(
                "INSERT INTO recovery_codes (key_id, digest) SELECT $1, * FROM unnest($2::bytea[])",
                *(key_id, digests),
            )
        case UseRecovery(key_id, digest, at):
            await _run(
                connection,
                "UPDATE recovery_codes SET used_at = $1"
                " WHERE key_id = $2 AND digest = $3 AND used_at IS NULL",
                *(at, key_id, digest),
            )


async def _add_keys(connection: Connection, keys: Sequence[StoredKey]) -> None:
    numbers = [key.id for key in keys]
    await _run(
        connection,
        "UPDATE key_numbers SET next = $1 WHERE id = 1 AND next <= $2",
        *(max(numbers) + 1, min(numbers)),
    )
    try:
        for start in range(0, len(keys), _MANY):
            await connection.executemany(_ADD_KEY, map(_added, keys[start : start + _MANY]))
    except asyncpg.UniqueViolationError:
        raise KeyNameTakenError from None


def _added(key: StoredKey) -> tuple[object, ...]:
    state = key.state
    return (
        *(key.id, key.name, key.status, key.seal, key.secret, key.kind, key.algorithm),
        *(key.digits, key.period, key.issuer, key.account, key.window, key.version),
        *(key.created_at, key.confirmed_at, key.expires_at, state.last_step),
        *(state.consumed_at, state.failures, state.locked_until, state.offset, state.drift),
    )


async def _put_key(connection: Connection, before: StoredKey, after: StoredKey) -> None:
    try:
        await _run(
            connection,
            _PUT_KEY,
            *(after.status, after.seal, after.secret, after.issuer, after.account, after.window),
            *(after.version, after.confirmed_at, after.expires_at),
            *(before.name, before.id, before.status, before.version, before.seal, before.secret),
        )
    except asyncpg.UniqueViolationError:
        raise KeyNameTakenError from None


async def _add_token(connection: Connection, token: Token) -> None:
    try:
        await connection.execute(
            "INSERT INTO tokens (name, digest, scopes, keys, rate_limit, created_at, expires_at, made)"
            " SELECT $1, $2, $3, $4, $5, $6, $7, coalesce(max(made), 0) + 1 FROM tokens",
            *row_of(token),
        )
    except asyncpg.UniqueViolationError:
        raise TokenNameTakenError from None


async def _remember(connection: Connection, answers: Sequence[Answer]) -> None:
    rows = sorted((each.digest, each.fingerprint, each.answer, each.expires_at) for each in answers)
    await connection.execute(
        "INSERT INTO answers (digest, fingerprint, answer, expires_at)"
        " SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::double precision[])"
        " ON CONFLICT (digest) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " answer = excluded.answer, expires_at = excluded.expires_at",
        *zip(*rows, strict=True),
    )


async def _log(connection: Connection, rows: Sequence[AuditRow]) -> None:
    try:
        await connection.execute(
            "INSERT INTO audit (chain, seq, event, mac)"
            " SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[])",
            rows[0].chain,
            [row.seq for row in rows],
            [row.event for row in rows],
            [row.mac for row in rows],
        )
    except asyncpg.UniqueViolationError:
        raise ConflictError from None


async def _run(connection: Connection, statement: str, *parameters: object) -> None:
    _require(await connection.execute(statement, *parameters), 1)


def _require(status: str, expected: int) -> None:
    """Look at what PostgreSQL says was done, such as "UPDATE 3" or "INSERT 0 1"."""
    if int(status.rpartition(" ")[2]) != expected:
        raise ConflictError

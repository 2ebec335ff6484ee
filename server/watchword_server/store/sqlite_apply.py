"""Writing a SQLite store. Each statement carries its condition, and the rows that met it are counted."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from watchword_server.store.protocol import (
    Cause,
    KeyNameTakenError,
    StoreError,
    TokenNameTakenError,
)
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

    from watchword_server.store.records import (
        Advance,
        Answer,
        AuditRow,
        Change,
        Changes,
        Head,
        StoredKey,
    )
    from watchword_server.tokens import Token

# The condition, and the count of rows that met it, decide: not the reading before. A step is only
# ever consumed if it is newer than the last (RFC 6238 section 5.2), whatever else goes wrong.
_ADVANCE = """
UPDATE keys SET last_step = ?, consumed_at = ?, failures = ?, locked_until = ?, offset = ?, drift = ?
WHERE id = ? AND status IN ('active', 'pending')
  AND last_step = ? AND failures = ?
  AND (last_step < ? OR (last_step = ? AND NOT ?))
"""

_PUT_KEY = """
UPDATE keys SET status = ?, seal = ?, secret = ?, issuer = ?, account = ?, window = ?, version = ?,
  confirmed_at = ?, expires_at = ?
WHERE id = ? AND status = ? AND version = ? AND seal = ? AND secret = ?
"""


def apply(connection: sqlite3.Connection, changes: Changes) -> None:
    """Do all of it, in the transaction that is open.

    Raises:
        StoreError: What a change was decided on is not stored any more.
        TokenNameTakenError: An added token has the name of one that counts.
        KeyNameTakenError: An added key has the name and status of another.
        sqlite3.Error: The database failed.
    """
    if changes.advances:
        _advance(connection, changes.advances)
    for change in changes.others:
        _apply(connection, change)
    if changes.answers:
        _remember(connection, changes.answers)
    if changes.rows and changes.head is not None:
        _log(connection, changes.rows, changes.head)


def _advance(connection: sqlite3.Connection, advances: Sequence[Advance]) -> None:
    rows = []
    for advance in advances:
        before, after = advance.key.state, advance.after
        consumes = after.consumed_at != before.consumed_at
        rows.append(
            (
                *(after.last_step, after.consumed_at, after.failures, after.locked_until),
                *(after.offset, after.drift),
                *(advance.key.id, before.last_step, before.failures),
                *(after.last_step, after.last_step, consumes),
            )
        )
    _require(connection.executemany(_ADVANCE, rows).rowcount, len(rows))


def _apply(connection: sqlite3.Connection, change: Change) -> None:
    match change:
        case AddKey(key):
            _add_key(connection, key)
        case PutKey(before, after):
            _put_key(connection, before, after)
        case RemoveKey(id=number):
            _run(connection, "DELETE FROM keys WHERE id = ?", number)
            connection.execute("DELETE FROM recovery_codes WHERE key_id = ?", (number,))
            connection.execute("DELETE FROM tickets WHERE key_id = ?", (number,))
        case NoteDeleted(key):
            _run(
                connection,
                "INSERT INTO deleted_keys (name, fingerprint, last_step) VALUES (?, ?, ?)"
                " ON CONFLICT (name, fingerprint)"
                " DO UPDATE SET last_step = max(last_step, excluded.last_step)",
                *(key.name, key.fingerprint, key.last_step),
            )
        case PutRecovery() | UseRecovery():
            _recovery(connection, change)
        case AddToken() | PutToken():
            _token(connection, change)
        case AcceptClock(now):
            connection.execute("UPDATE audit_head SET at = ? WHERE at > ?", (now, now))
        case SetMeta(name, value):
            _run(
                connection,
                "INSERT INTO meta (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                *(name, value),
            )
        case AddTicket() | UseTicket():
            _ticket(connection, change)


def _ticket(connection: sqlite3.Connection, change: AddTicket | UseTicket) -> None:
    match change:
        case AddTicket(ticket):
            connection.execute("DELETE FROM tickets WHERE key_id = ?", (ticket.key_id,))
            _run(
                connection,
                "INSERT INTO tickets (digest, key_id, expires_at) VALUES (?, ?, ?)",
                *(ticket.digest, ticket.key_id, ticket.expires_at),
            )
        case UseTicket(digest, at):
            _run(
                connection,
                "UPDATE tickets SET used_at = ? WHERE digest = ? AND used_at IS NULL",
                *(at, digest),
            )


def _token(connection: sqlite3.Connection, change: AddToken | PutToken) -> None:
    match change:
        case AddToken(token):
            _add_token(connection, token)
        case PutToken(token):
            _run(
                connection,
                "UPDATE tokens SET expires_at = ?, replaced_at = ?, revoked_at = ?"
                " WHERE digest = ? AND revoked_at IS NULL",
                *(token.expires_at, token.replaced_at, token.revoked_at, token.digest),
            )


def _recovery(connection: sqlite3.Connection, change: PutRecovery | UseRecovery) -> None:
    match change:
        case PutRecovery(key_id, digests):
            connection.execute("DELETE FROM recovery_codes WHERE key_id = ?", (key_id,))
            connection.executemany(
                "INSERT INTO recovery_codes (key_id, digest) VALUES (?, ?)",
                [(key_id, digest) for digest in digests],
            )
        case UseRecovery(key_id, digest, at):
            _run(
                connection,
                "UPDATE recovery_codes SET used_at = ?"
                " WHERE key_id = ? AND digest = ? AND used_at IS NULL",
                *(at, key_id, digest),
            )


def _add_key(connection: sqlite3.Connection, key: StoredKey) -> None:
    state = key.state
    try:
        connection.execute(
            "INSERT INTO keys (id, name, status, seal, secret, kind, algorithm, digits, period, issuer,"
            " account, window, version, created_at, confirmed_at, expires_at, last_step, consumed_at,"
            " failures, locked_until, offset, drift)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(key.id, key.name, key.status, key.seal, key.secret, key.kind, key.algorithm),
                *(key.digits, key.period, key.issuer, key.account, key.window, key.version),
                *(key.created_at, key.confirmed_at, key.expires_at, state.last_step),
                *(state.consumed_at, state.failures, state.locked_until, state.offset, state.drift),
            ),
        )
    except sqlite3.IntegrityError:
        raise KeyNameTakenError from None


def _put_key(connection: sqlite3.Connection, before: StoredKey, after: StoredKey) -> None:
    try:
        _run(
            connection,
            _PUT_KEY,
            *(after.status, after.seal, after.secret, after.issuer, after.account, after.window),
            *(after.version, after.confirmed_at, after.expires_at),
            *(before.id, before.status, before.version, before.seal, before.secret),
        )
    except sqlite3.IntegrityError:
        raise KeyNameTakenError from None


def _add_token(connection: sqlite3.Connection, token: Token) -> None:
    try:
        connection.execute(
            "INSERT INTO tokens (name, digest, scopes, keys, rate_limit, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row_of(token),
        )
    except sqlite3.IntegrityError:
        raise TokenNameTakenError from None


def _remember(connection: sqlite3.Connection, answers: Sequence[Answer]) -> None:
    connection.executemany(
        "INSERT INTO answers (digest, fingerprint, answer, expires_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (digest) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " answer = excluded.answer, expires_at = excluded.expires_at",
        [(each.digest, each.fingerprint, each.answer, each.expires_at) for each in answers],
    )


def _log(connection: sqlite3.Connection, rows: Sequence[AuditRow], head: Head) -> None:
    connection.executemany(
        "INSERT INTO audit (seq, event, mac) VALUES (?, ?, ?)",
        [(row.seq, row.event, row.mac) for row in rows],
    )
    _run(
        connection,
        "UPDATE audit_head SET seq = ?, mac = ?, at = ? WHERE id = 1 AND seq = ?",
        *(head.seq, head.mac, head.at, rows[0].seq - 1),
    )


def _run(connection: sqlite3.Connection, statement: str, *parameters: object) -> None:
    _require(connection.execute(statement, parameters).rowcount, 1)


def _require(changed: int, expected: int) -> None:
    if changed != expected:
        message = "it was changed by someone else at the same moment; try again"
        raise StoreError(message, Cause.CHANGED)

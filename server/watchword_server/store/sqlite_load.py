"""Reading a SQLite store: rows to records.

Keys come back as one JSON value: the sqlite3 module lets go of the interpreter at every row, and
getting it back from a busy event loop takes longer than all the rest of the work on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Algorithm, Kind
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import (
    LIVE,
    Answer,
    DeletedKey,
    Head,
    RecoveryCode,
    Snapshot,
    Status,
    StoredKey,
    Ticket,
)
from watchword_server.store.sqlite_connection import DAMAGED
from watchword_server.store.token_rows import COLUMNS, token_of
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from watchword_server.store.records import Wanted
    from watchword_server.tokens import Token

# Nothing of these is anyone's input: what is asked for comes as a parameter, a JSON array.
_KEYS = """
SELECT json_group_array(json_array(
  id, name, status, seal, hex(secret), kind, algorithm, digits, period, issuer, account, window,
  version, created_at, confirmed_at, expires_at,
  last_step, consumed_at, failures, locked_until, offset, drift
)) FROM keys
"""
_BY_NAME = {
    # The status stands in the text, so that SQLite finds the index that holds only such rows.
    status: f"{_KEYS} WHERE status = '{status}' AND name IN (SELECT value FROM json_each(?))"  # noqa: S608
    for status in Status
}
_BY_ID = f"{_KEYS} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608
_NAMES_AFTER = "SELECT name FROM keys WHERE status = '{}' AND name > ? ORDER BY name LIMIT ?"
_SEALED_OTHERWISE = f"{_KEYS} WHERE id IN (SELECT id FROM keys WHERE seal <> ? LIMIT ?)"  # noqa: S608
_EXPIRED = (
    f"{_KEYS} WHERE id IN (SELECT id FROM keys WHERE status = 'pending' AND expires_at <= ? LIMIT ?)"  # noqa: S608
)


class _Row(msgspec.Struct, array_like=True):
    id: int
    name: str
    status: Status
    seal: int
    secret: str
    kind: Kind
    algorithm: Algorithm
    digits: int
    period: int
    issuer: str
    account: str
    window: int | None
    version: int
    created_at: float
    confirmed_at: float | None
    expires_at: float | None
    last_step: int
    consumed_at: float | None
    failures: int
    locked_until: float
    offset: int | None
    drift: int

    def record(self) -> StoredKey:
        return StoredKey(
            id=self.id,
            name=self.name,
            status=self.status,
            seal=self.seal,
            secret=bytes.fromhex(self.secret),
            kind=self.kind,
            algorithm=self.algorithm,
            digits=self.digits,
            period=self.period,
            issuer=self.issuer,
            account=self.account,
            window=self.window,
            version=self.version,
            created_at=self.created_at,
            confirmed_at=self.confirmed_at,
            expires_at=self.expires_at,
            state=KeyState(
                last_step=self.last_step,
                consumed_at=self.consumed_at,
                failures=self.failures,
                locked_until=self.locked_until,
                offset=self.offset,
                drift=self.drift,
            ),
        )


_decode_rows = msgspec.json.Decoder(list[_Row]).decode
write_json = msgspec.json.Encoder().encode


def snapshot(connection: sqlite3.Connection, wanted: Wanted) -> Snapshot:
    """Load what is wanted."""
    keys: list[StoredKey] = []
    if wanted.names:
        names = write_json(list(wanted.names))
        for status in wanted.statuses:
            keys += _keys(connection, _BY_NAME[status], names)
    if wanted.ids:
        keys += _keys(connection, _BY_ID, write_json(list(wanted.ids)))
    ticket = None if wanted.ticket is None else _ticket(connection, wanted.ticket)
    if ticket is not None:
        for invited in _keys(connection, _BY_ID, write_json([ticket.key_id])):
            for status in Status:
                keys += _keys(connection, _BY_NAME[status], write_json([invited.name]))
    return Snapshot(
        keys=keys,
        head=head(connection),
        next_key_id=_next_key_id(connection) if wanted.meta else 0,
        deleted=_deleted(connection, wanted.names) if wanted.deleted else (),
        recovery=_recovery(connection, keys) if wanted.recovery else (),
        ticket=ticket,
        answers=_answers(connection, wanted.answers) if wanted.answers else {},
        tokens=tokens(connection) if wanted.tokens else (),
        meta=_meta(connection, wanted.meta) if wanted.meta else {},
    )


def keys_after(connection: sqlite3.Connection, after: str, limit: int) -> list[StoredKey]:
    """Active and pending keys of the next names."""
    found: set[str] = set()
    for status in LIVE:
        rows = connection.execute(_NAMES_AFTER.format(status), (after, limit))
        found |= {name for (name,) in rows}
    names = write_json(sorted(found)[:limit])
    keys = [key for status in LIVE for key in _keys(connection, _BY_NAME[status], names)]
    return sorted(keys, key=lambda key: key.name)


def sealed_otherwise(connection: sqlite3.Connection, seal: int, limit: int) -> list[StoredKey]:
    """Keys that another sealing key has sealed."""
    return _keys(connection, _SEALED_OTHERWISE, seal, limit)


def expired(connection: sqlite3.Connection, now: float, limit: int) -> list[StoredKey]:
    """Pending keys whose time is over."""
    return _keys(connection, _EXPIRED, now, limit)


def head(connection: sqlite3.Connection) -> Head:
    """The end of the audit log."""
    row = connection.execute("SELECT seq, mac, at FROM audit_head").fetchone()
    if row is None:
        message = "the end of its audit log was taken away; restore a backup"
        raise StoreError(message, Cause.DAMAGED)
    return Head(*row)


def tokens(connection: sqlite3.Connection) -> list[Token]:
    """Every token there ever was."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM tokens ORDER BY id")  # noqa: S608 - our own text
    return [token_of(row) for row in rows]


def _keys(connection: sqlite3.Connection, statement: str, *parameters: bytes | float) -> list[StoredKey]:
    (rows,) = connection.execute(statement, parameters).fetchone()
    try:
        return [row.record() for row in _decode_rows(rows)]
    except (msgspec.DecodeError, ValueError):
        raise StoreError(DAMAGED, Cause.DAMAGED) from None


def _next_key_id(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'keys'").fetchone()
    return 1 if row is None else int(row[0]) + 1


def _deleted(connection: sqlite3.Connection, names: Collection[str]) -> list[DeletedKey]:
    rows = connection.execute(
        "SELECT name, fingerprint, last_step FROM deleted_keys"
        " WHERE name IN (SELECT value FROM json_each(?))",
        (write_json(list(names)),),
    )
    return [DeletedKey(*row) for row in rows]


def _recovery(connection: sqlite3.Connection, keys: Sequence[StoredKey]) -> list[RecoveryCode]:
    rows = connection.execute(
        "SELECT key_id, digest, used_at FROM recovery_codes"
        " WHERE key_id IN (SELECT value FROM json_each(?))",
        (write_json([key.id for key in keys]),),
    )
    return [RecoveryCode(*row) for row in rows]


def _ticket(connection: sqlite3.Connection, digest: bytes) -> Ticket | None:
    row = connection.execute(
        "SELECT digest, key_id, expires_at, used_at FROM tickets WHERE digest = ?", (digest,)
    ).fetchone()
    return None if row is None else Ticket(*row)


def _answers(connection: sqlite3.Connection, digests: Collection[bytes]) -> dict[bytes, Answer]:
    found = {}
    for digest in digests:
        row = connection.execute(
            "SELECT digest, fingerprint, answer, expires_at FROM answers WHERE digest = ?", (digest,)
        ).fetchone()
        if row is not None:
            found[digest] = Answer(*row)
    return found


def _meta(connection: sqlite3.Connection, names: Collection[str]) -> dict[str, bytes]:
    rows = connection.execute("SELECT name, value FROM meta")
    return {name: value for name, value in rows if name in names}

"""Putting a backup in the database's place, so that no code that was used counts again.

Blocking: for the command line, not for an event loop.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Kind
from watchword_server.backup import LOGS, copy, remove_logs, require_sound
from watchword_server.errors import UserError
from watchword_server.privatefile import sync, touch_private
from watchword_server.restoresince import Since, since
from watchword_server.sqlitefile import damage, empty_log, opened
from watchword_server.store.closed import CLOSED
from watchword_server.store.protocol import StoreError
from watchword_server.store.schema import newest_schema, schema_of
from watchword_server.verifier import DEFAULT_LOOK_AHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A code that was accepted after the backup was made is of a step up to the end of the window as it is
# now, or is known to the database that is replaced. Wherever that one tells more, it is believed.
_STEPS = """
UPDATE keys SET last_step =
  max(last_step, CAST(:now AS INTEGER) / period + drift + coalesce(window, :window))
WHERE kind <> :hotp
"""
_COUNTERS = """
UPDATE keys SET last_step = last_step + coalesce(window, :look_ahead) + 1 WHERE kind = :hotp
"""
_CARRY_KEYS = """
UPDATE keys SET
  last_step = max(keys.last_step, now.last_step),
  drift = now.drift,
  failures = max(keys.failures, now.failures),
  locked_until = max(keys.locked_until, now.locked_until)
FROM replaced.keys AS now WHERE now.id = keys.id AND now.created_at = keys.created_at
"""
_CARRY_RECOVERY = """
UPDATE recovery_codes SET used_at = now.used_at FROM replaced.recovery_codes AS now
WHERE now.key_id = recovery_codes.key_id AND now.digest = recovery_codes.digest
  AND now.used_at IS NOT NULL
"""
_VOID_RECOVERY = "UPDATE recovery_codes SET used_at = :now WHERE used_at IS NULL"
_CARRY_TOKENS = """
UPDATE tokens SET revoked_at = now.revoked_at, replaced_at = now.replaced_at, expires_at = now.expires_at
FROM replaced.tokens AS now WHERE now.digest = tokens.digest
"""
_NOT_THERE = """
NOT EXISTS (SELECT 1 FROM replaced.keys AS now
  WHERE now.id = keys.id AND now.created_at = keys.created_at)
"""
_CODE_NOT_THERE = """
NOT EXISTS (SELECT 1 FROM replaced.recovery_codes AS now
  WHERE now.key_id = recovery_codes.key_id AND now.digest = recovery_codes.digest)
"""
# Links and remembered answers live for minutes; one that was used must not open again.
_FORGET = ("DELETE FROM tickets", "DELETE FROM answers")


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What a restored database is like."""

    keys: int
    """How many keys it has."""
    hotp: int
    """How many of them count by use."""
    knew_newer: bool
    """Whether the database it replaced could still be read, and told what had happened since."""
    since: Since | None
    """What happened to keys since the backup; None if nobody can tell."""


def prepare_copy(source: Path, made: Path) -> None:
    """Copy a backup over the file `made`, after seeing that it is one.

    Raises:
        UserError: It is not a backup, is damaged, or was made by a newer version.
        StoreError: It cannot be read.
    """
    if not source.is_file():
        message = f"there is no file {source}; name a backup that store backup has made"
        raise UserError(message)
    with opened(source) as connection:
        require_sound(connection, source)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        found = schema_of(connection)
        if "keys" not in tables or not found:
            message = f"{source} is a database of something else; name a backup of this server"
            raise UserError(message)
        if found > newest_schema():
            message = f"{source} is of a newer version: install the watchword that made it"
            raise UserError(message)
    touch_private(made)
    copy(source, made)
    if "meta" in tables:
        with opened(made) as connection:
            # A backup of one that was moved: here its used codes are burnt, so it may answer again.
            connection.execute("DELETE FROM meta WHERE name = ?", (CLOSED,))


def burn_codes(made: Path, replaced: Path | None, *, now: float, window: int) -> Restored:
    """Mark every key of a copy so that no code accepted since it was made is accepted again.

    Keys that count by time refuse every step up to the end of the window. What happened since is
    taken from the database that is replaced, if that can be read; if not, keys that count by use
    are moved on past their look-ahead, and recovery codes are void.

    Args:
        made: The copy, of this version's schema.
        replaced: The database it will replace.
        now: Unix seconds.
        window: Steps either side, for keys without a window of their own.

    Raises:
        StoreError: The copy failed.
    """
    values = {"now": now, "window": window, "hotp": Kind.HOTP, "look_ahead": DEFAULT_LOOK_AHEAD}
    with opened(made) as connection:
        knew_newer = replaced is not None and _attach(connection, replaced)
        connection.execute("BEGIN IMMEDIATE")
        happened = None
        if knew_newer:
            happened = since(connection)
            for statement in (_CARRY_KEYS, _CARRY_RECOVERY, _CARRY_TOKENS):
                connection.execute(statement)
            connection.execute(f"{_COUNTERS} AND {_NOT_THERE}", values)
            connection.execute(f"{_VOID_RECOVERY} AND {_CODE_NOT_THERE}", values)
        else:
            connection.execute(_COUNTERS, values)
            connection.execute(_VOID_RECOVERY, values)
        # Last, for a window may have been moved since.
        connection.execute(_STEPS, values)
        for statement in _FORGET:
            connection.execute(statement)
        keys, hotp = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE kind = :hotp) FROM keys", values
        ).fetchone()
        connection.execute("COMMIT")
        if knew_newer:
            connection.execute("DETACH replaced")
    return Restored(keys=keys, hotp=hotp, knew_newer=knew_newer, since=happened)


def put_in_place(made: Path, database: Path, *, now: float) -> Path | None:
    """Put a finished copy in the database's place; give where the one before is kept, if there was one.

    Nobody else may have either open.

    Raises:
        StoreError: The copy failed.
        OSError: The folder cannot be written.
    """
    empty_log(made)
    remove_logs(made)
    sync(made)
    kept = None
    if database.exists():
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        kept = database.with_name(f"{database.name}.replaced-{stamp}")
        with contextlib.suppress(StoreError):
            # What is only in the log belongs to the database before.
            empty_log(database)
        kept.hardlink_to(database)
    for suffix in LOGS:
        log = database.with_name(database.name + suffix)
        if log.exists() and kept is not None:
            # SQLite would read it into the new database.
            log.rename(kept.with_name(kept.name + suffix))
        log.unlink(missing_ok=True)
    made.replace(database)
    sync(database.parent)
    return kept


def _attach(connection: sqlite3.Connection, replaced: Path) -> bool:
    """Attach the database that is replaced, if it can be read, is up to date, and was not moved."""
    try:
        with opened(replaced) as other:
            if schema_of(other) != newest_schema() or damage(other, full=False):
                return False
            if other.execute("SELECT 1 FROM meta WHERE name = ?", (CLOSED,)).fetchone():
                # It was moved, and does not know what happened where it is now.
                return False
        connection.execute("ATTACH ? AS replaced", (str(replaced),))
    except (StoreError, sqlite3.Error):
        return False
    return True


@contextlib.contextmanager
def scratch(database: Path) -> Iterator[Path]:
    """A name beside the database for a copy that is worked on; what is left of it in the end goes."""
    made = database.with_name(f".{database.name}.{secrets.token_hex(4)}")
    try:
        yield made
    finally:
        for path in made.parent.glob(f"{made.name}*"):
            path.unlink()

"""The database's shape, moved forward one numbered file at a time and never back."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from importlib import resources
from pathlib import Path

from watchword_server.errors import UserError
from watchword_server.privatefile import beside
from watchword_server.store.protocol import StoreError

_logger = logging.getLogger(__name__)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to this version's schema, whole or not at all.

    `PRAGMA user_version` holds the number of the last file applied. Any number of processes may
    start on the same new database together. One that has something to lose is copied first, beside
    itself, to `NAME.before-NUMBER`.

    Raises:
        StoreError: A newer version of the server made this database.
        sqlite3.Error: The database failed.
    """
    scripts = _scripts()
    if schema_of(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been first.
        found = schema_of(connection)
        if found > len(scripts):
            message = (
                f"its schema is number {found} and this version knows {len(scripts)};"
                " install the newer watchword that made it"
            )
            raise StoreError(message)
        if 0 < found < len(scripts):
            _copy(connection, len(scripts))
        for script in scripts[found:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def schema_of(connection: sqlite3.Connection) -> int:
    """The number of the last file applied."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def newest_schema() -> int:
    """The number of the last file that this version knows."""
    return len(_scripts())


def _copy(connection: sqlite3.Connection, number: int) -> None:
    """Copy the database as it is before it changes; the transaction that is open keeps others off."""
    database = Path(
        next(file for _, name, file in connection.execute("PRAGMA database_list") if name == "main")
    )
    target = database.with_name(f"{database.name}.before-{number}")
    try:
        with (
            beside(target, force=True) as made,
            # What is committed, for what is open here is seen by nobody else.
            contextlib.closing(sqlite3.connect(database)) as source,
            contextlib.closing(sqlite3.connect(made)) as into,
        ):
            source.backup(into)
            into.execute("PRAGMA journal_mode = DELETE")
    except UserError as error:
        message = f"it is not brought to schema {number}, for it must be copied first: {error}"
        raise StoreError(message) from None
    _logger.warning("the database as it was before schema %d is kept in %s", number, target)


def _scripts() -> list[str]:
    folder = resources.files("watchword_server.store") / "migrations"
    scripts = {file.name: file for file in folder.iterdir() if file.name.endswith(".sql")}
    return [scripts[name].read_text(encoding="utf-8") for name in sorted(scripts)]


def _statements(script: str) -> list[str]:
    # Not executescript(): it commits first, so that the script would not be in our transaction.
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found

"""The database's shape, moved forward one numbered file at a time and never back."""

from __future__ import annotations

import sqlite3
from importlib import resources

from watchword_server.store.protocol import StoreError


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the database to this version's schema, whole or not at all.

    `PRAGMA user_version` holds the number of the last file applied. Any number of processes may
    start on the same new database together.

    Raises:
        StoreError: A newer version of the server made this database.
        sqlite3.Error: The database failed.
    """
    scripts = _scripts()
    if _version(connection) == len(scripts):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been first.
        found = _version(connection)
        if found > len(scripts):
            message = (
                f"its schema is number {found} and this version knows {len(scripts)};"
                " install the newer watchword that made it"
            )
            raise StoreError(message)
        for script in scripts[found:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(scripts)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


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

"""Copying the database while the server runs. Blocking: for the command line, not for an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_server.privatefile import beside
from watchword_server.sqlitefile import damage, opened
from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

LOGS = ("-wal", "-shm")
"""What the files of SQLite's write-ahead log have at the end of their names."""


def back_up(database: Path, target: Path, *, force: bool = False) -> int:
    """Copy the database as it is at one moment; a server may go on writing. Gives the copy's bytes.

    The copy is for its owner's eyes only, verified, on the disk, and in place whole or not at all.

    Raises:
        UserError: Something is there already, or the place cannot be written.
        StoreError: The database failed, or is damaged.
    """
    with beside(target, force=force) as made:
        copy(database, made)
        with opened(made) as connection:
            require_sound(connection, made)
    return target.stat().st_size


def copy(source: Path, made: Path) -> None:
    """Copy one database over the file `made`, as a single file without a log.

    Raises:
        StoreError: Either failed.
    """
    with opened(source) as connection, opened(made) as into:
        # All in one step, under one read transaction: page by page, a busy server would have it
        # begin again and again.
        connection.backup(into)
        into.execute("PRAGMA journal_mode = DELETE")
    remove_logs(made)


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a damaged database.

    Raises:
        StoreError: It is one.
    """
    found = damage(connection, full=False)
    if found:
        message = f"{path} is damaged: {found[0]}"
        raise StoreError(message, Cause.DAMAGED)


def remove_logs(made: Path) -> None:
    """Remove what an opened copy left beside itself; it is empty or belongs to another."""
    for suffix in LOGS:
        made.with_name(made.name + suffix).unlink(missing_ok=True)

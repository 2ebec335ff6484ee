"""A SQLite database as a file: looked at, copied and tidied by a connection of its own.

For the command line, beside a server that goes on working. Blocking: not for an event loop.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from watchword_server.store.protocol import StoreError
from watchword_server.store.sqlite_connection import BUSY_SECONDS, reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TRIES = 20
_PAUSE_SECONDS = 0.1


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a database that is there; each statement commits by itself.

    Raises:
        StoreError: It cannot be opened, or a statement failed.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", timeout=BUSY_SECONDS, isolation_level=None, uri=True
        )
        with contextlib.closing(connection):
            connection.execute("PRAGMA trusted_schema = OFF")
            yield connection
    except sqlite3.Error as error:
        found = reason(error)
        raise StoreError(f"cannot use the database {path}: {found}", found.cause) from None


def empty_log(path: Path) -> bool:
    """Copy the write-ahead log into the database and empty it; False if others kept it busy.

    What was overwritten in the database is then overwritten on the disk, too.

    Raises:
        StoreError: The database failed.
    """
    with opened(path) as connection:
        for _ in range(_TRIES):
            (busy, *_counts) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
            time.sleep(_PAUSE_SECONDS)
    return False


def compact(path: Path) -> bool:
    """Write the database anew without what was deleted; False if the log was then kept busy.

    Where rows moved from page to page, old copies stay in parts of the file that are not used any
    more, whatever `secure_delete` says. Whoever wants to write waits meanwhile.

    Raises:
        StoreError: The database failed, or others did not let go of it.
    """
    with opened(path) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("VACUUM")
    return empty_log(path)


def damage(connection: sqlite3.Connection, *, full: bool) -> list[str]:
    """What SQLite finds wrong with the file; `full` looks whether indexes match their tables, too."""
    pragma = "integrity_check" if full else "quick_check"
    rows = connection.execute(f"PRAGMA {pragma}(20)").fetchall()
    return [str(text) for (text,) in rows if text != "ok"]

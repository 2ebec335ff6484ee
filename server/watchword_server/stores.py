"""Which database there is: a SQLite file in the data folder, or the PostgreSQL that a setting names."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from watchword_server.datadir import DATABASE_NAME
from watchword_server.errors import UserError
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchword_server.settings import Settings
    from watchword_server.store.postgres import PostgresStore
    from watchword_server.store.postgres_address import Address
    from watchword_server.store.protocol import Store

_logger = logging.getLogger(__name__)


async def open_store(settings: Settings, *, clock: Callable[[], float]) -> Store:
    """Open the database of these settings; a SQLite file is made if there is none.

    PostgreSQL is not asked for anything yet: if it cannot be reached, what is done first says so.

    Args:
        settings: Where it is.
        clock: Unix seconds, to be compared with the clock of a database on another machine.

    Raises:
        UserError: The address of PostgreSQL is none, or its driver is not installed.
        StoreError: The file cannot be used.
    """
    if settings.address is None:
        return await SqliteStore.open(settings.data_path / DATABASE_NAME)
    if settings.address.is_open:
        _logger.warning(
            "the way to the database is not encrypted: add sslmode=verify-full to its address"
        )
    return postgres_at(settings.address, clock=clock)


def postgres_at(address: Address, *, clock: Callable[[], float] | None) -> PostgresStore:
    """A store on PostgreSQL.

    Raises:
        UserError: Its driver is not installed.
    """
    require_driver()
    # Here, so that a server on SQLite neither needs nor loads it.
    from watchword_server.store.postgres import PostgresStore  # noqa: PLC0415

    return PostgresStore(address, clock=clock)


def require_driver() -> None:
    """See that PostgreSQL's driver is there.

    Raises:
        UserError: It is not installed.
    """
    if find_spec("asyncpg") is None:
        message = "PostgreSQL needs the package asyncpg; install it: pip install 'watchword[postgresql]'"
        raise UserError(message)


def where_it_is(settings: Settings) -> str:
    """The database as people know it: the path of the file, or the address without its password."""
    if settings.address is None:
        return str(settings.data_path / DATABASE_NAME)
    return settings.address.shown


def database_file(settings: Settings) -> Path:
    """The SQLite file, for what only a file can have done to it.

    Raises:
        UserError: The database is PostgreSQL.
    """
    if settings.address is not None:
        message = (
            "this is for a SQLite file, and the database is PostgreSQL: use its own tools, such as"
            " pg_dump and pg_basebackup; see docs/scaling.md"
        )
        raise UserError(message)
    return settings.data_path / DATABASE_NAME

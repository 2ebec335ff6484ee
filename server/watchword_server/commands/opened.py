"""The database of a command: its own connection to the file that a running server has open, too."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from watchword_server.backup import LOGS
from watchword_server.bootstrap import prepare
from watchword_server.commands.common import PROGRAM
from watchword_server.datadir import DATABASE_NAME, LOCK_NAME, hold, is_read_only, prepare_data_dir
from watchword_server.errors import UserError, why
from watchword_server.findings import State
from watchword_server.ledger import Ledger
from watchword_server.seal import Keyring
from watchword_server.store.sqlite import SqliteStore
from watchword_server.storecheck import check_file
from watchword_server.stores import database_file, open_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence

    from watchword_server.findings import Finding
    from watchword_server.settings import Settings
    from watchword_server.store.protocol import Store

_T = TypeVar("_T")


def actor() -> str:
    """Who is at the command line, as the audit log names them."""
    return f"cli:{getpass.getuser()}"


def database_of(settings: Settings) -> Path:
    """The path of the SQLite file, which is there.

    Raises:
        UserError: It is not, or its folder is not safe, or the database is PostgreSQL.
    """
    if not database_file(settings).exists():
        # Not made here: a folder misspelt would get a token that no server knows.
        message = (
            f"there is no database in {settings.data_path};"
            f" name the server's folder with --data-dir, or start it first: {PROGRAM} serve"
        )
        raise UserError(message)
    return prepare_data_dir(settings.data_path)


def refuse_own_files(settings: Settings, target: Path) -> None:
    """Refuse to write over what the server lives on, even when asked to replace the file.

    Raises:
        UserError: The target is the database, its log, its lock or the sealing keys.
    """
    database = settings.data_path / DATABASE_NAME
    logs = (database.with_name(database.name + suffix) for suffix in LOGS)
    lock = settings.data_path / LOCK_NAME
    for own in (database, *logs, lock, settings.sealing_keys_path):
        # By both, for the name counts where nothing is yet, and a file may have several.
        if own.resolve() == target.resolve() or _is_same(own, target):
            message = f"{target} is {own.name}, which the server needs; choose another name"
            raise UserError(message)


def check_itself(
    settings: Settings, database: Path | None = None, *, full: bool = False
) -> Sequence[Finding]:
    """Look at the database by itself: the SQLite file, at this path, or PostgreSQL.

    Args:
        settings: Which it is.
        database: The file, or a copy of it; None for where it usually is.
        full: Whether to look at every index of the file, too.

    Raises:
        StoreError: It cannot be read at all.
    """
    if settings.address is None:
        return check_file(database or database_file(settings), full=full)
    # Here, so that SQLite does without the driver.
    from watchword_server.postgrescheck import check_postgres  # noqa: PLC0415

    return asyncio.run(check_postgres(settings.address))


def can_be_read(found: Sequence[Finding]) -> bool:
    """Whether what `check_itself` found lets the content be looked at, too."""
    return all(each.state is State.OK for each in found if each.subject in {"file", "schema"})


def keyring_of(settings: Settings) -> Keyring:
    """Where the sealing keys of this server are."""
    return Keyring(settings.sealing_keys_path, os.environ)


def with_ledger(
    settings: Settings,
    work: Callable[[Ledger], Awaitable[_T]],
    *,
    clock: Callable[[], float] = time.time,
) -> _T:
    """Open the database, do `work`, and let go of it.

    Raises:
        UserError: There is no database, or a backup is being restored.
        StoreError: It cannot be used, or not with these sealing keys.
    """
    if settings.address is None:
        database_of(settings)
    else:
        prepare_data_dir(settings.data_path)
    with hold(settings.data_path):
        return _run(settings, open_store(settings, clock=clock), work, clock=clock)


def read_ledger(settings: Settings, work: Callable[[Ledger], Awaitable[_T]]) -> _T:
    """As `with_ledger`, for work that only looks: on a read-only file system, too.

    Raises:
        UserError: There is no database, or it cannot be copied, or a backup is being restored.
        StoreError: It cannot be used, or not with these sealing keys.
    """
    if settings.address is not None:
        return with_ledger(settings, work)
    with database_to_read(settings) as database:
        return run_on(settings, database, work)


@contextlib.contextmanager
def database_to_read(settings: Settings) -> Iterator[Path]:
    """The database, held; or a copy for the moment if nothing can be written where it is.

    SQLite needs files beside a database with a log, even to read it.

    Raises:
        UserError: There is none, or it cannot be copied, or a backup is being restored.
    """
    source = settings.data_path / DATABASE_NAME
    if not (source.exists() and is_read_only(settings.data_path)):
        database = database_of(settings)
        with hold(settings.data_path):
            yield database
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="watchword-")
    except OSError:
        message = f"{settings.data_path} is on a read-only file system, and there is no room for a copy"
        raise UserError(message) from None
    with folder as name:
        copy = Path(name) / DATABASE_NAME
        try:
            shutil.copyfile(source, copy)
            log = source.with_name(f"{DATABASE_NAME}-wal")
            if log.exists():
                shutil.copyfile(log, copy.with_name(log.name))
        except OSError as error:
            message = f"cannot copy {source}, which is on a read-only file system: {why(error)}"
            raise UserError(message) from None
        yield copy


def run_on(
    settings: Settings,
    database: Path,
    work: Callable[[Ledger], Awaitable[_T]],
    *,
    clock: Callable[[], float] = time.time,
) -> _T:
    """Do `work` on a database that is held already, or that nobody else knows.

    Raises:
        StoreError: It cannot be used, or not with these sealing keys.
    """
    return _run(settings, SqliteStore.open(database), work, clock=clock)


def _run(
    settings: Settings,
    opening: Coroutine[Any, Any, Store],
    work: Callable[[Ledger], Awaitable[_T]],
    *,
    clock: Callable[[], float],
) -> _T:
    async def run() -> _T:
        store = await opening
        try:
            keyring = keyring_of(settings)
            # This may be the first program of a newer version that touches it.
            await prepare(store, keyring)
            return await work(Ledger(store, keyring, clock=clock))
        finally:
            await store.close()

    return asyncio.run(run())


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False

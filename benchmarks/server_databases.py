"""SQLite databases with many keys, made once and kept, and what any database of keys is filled by."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import CACHE, say
from benchmarks.server_keys import (
    DEFAULT_KEY,
    FORGET,
    PERIOD,
    Judged,
    Keys,
    key_of,
    name_of,
    with_ledger,
)

from watchword_server.bootstrap import activate_key, prepare
from watchword_server.ledger import Act, Ledger
from watchword_server.seal import Keyring
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import AddToken, Changes, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from benchmarks.server_keys import Database

    from watchword_server.store.protocol import Store
    from watchword_server.store.records import Snapshot

SHARE = 100_000
"""How many keys are put into a database at a time."""


class SqliteDatabase:
    """The file in a data folder; see `Database`."""

    def __init__(self, data: Path) -> None:
        """Look at the database of the data folder `data`."""
        self.data = data
        self.options: Sequence[str] = ()
        self._file = data / "watchword.db"

    def forget(self) -> None:
        """See `Database.forget`."""
        with contextlib.closing(sqlite3.connect(self._file, timeout=30)) as connection:
            with connection:
                connection.execute(FORGET)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def ends(self) -> Mapping[int, int]:
        """See `Database.ends`: there is but one chain."""
        with contextlib.closing(sqlite3.connect(self._file)) as connection:
            (count,) = connection.execute("SELECT seq FROM audit_head").fetchone()
        return {0: int(count)}

    def judged_since(self, ends: Mapping[int, int]) -> Judged:
        """See `Database.judged_since`."""
        with contextlib.closing(sqlite3.connect(self._file)) as connection:
            # At one moment: the last requests of a round may still be under way.
            connection.execute("BEGIN")
            checks = connection.execute(
                "SELECT event ->> 'verdict', event ->> 'key', event ->> 'offset' FROM audit"
                " WHERE seq > ? ORDER BY seq",
                (ends[0],),
            ).fetchall()
            stored = dict(connection.execute("SELECT name, last_step FROM keys WHERE last_step >= 0"))
        return Judged(checks, stored)

    @contextlib.asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        """See `Database.ledger`."""
        store = await SqliteStore.open(self._file)
        async with ledger_of(store, self.data) as ledger:
            yield ledger


def sqlite_keys(folder: Path, count: int) -> Keys:
    """Copy the kept SQLite database with that many keys to `folder`, and make a token for it."""
    data = folder / f"data-{count}"
    shutil.copytree(_kept(count), data)
    database = SqliteDatabase(data)
    return Keys(database, count, make_token(database, Scope.CHECK))


def make_token(database: Database, *scopes: Scope) -> str:
    """Make a token in a prepared database."""
    text = new_token()

    def decide(_: Snapshot, now: float) -> tuple[Act, None]:
        token = Token(
            name=f"benchmark-{scopes[0].value.replace(':', '-')}",
            digest=digest_of(text),
            scopes=frozenset(scopes),
            created_at=now,
        )
        return Act(Changes(others=[AddToken(token)])), None

    with_ledger(database, lambda ledger: ledger.transact(Wanted(), decide))
    return text


def make_keys(data: Path, count: int, period: int = PERIOD) -> SqliteDatabase:
    """Make a data folder with a default key and `count` more."""
    data.mkdir(parents=True, mode=0o700)
    database = SqliteDatabase(data)
    make_default_key(database)
    _fill(data, count, period)
    return database


def make_default_key(database: Database) -> None:
    """Prepare a database, and put the default key into it."""
    with_ledger(database, lambda ledger: activate_key(ledger, "default", DEFAULT_KEY))


def sealed_keys(data: Path, numbers: range) -> Iterator[tuple[int, str, int, bytes]]:
    """Keys to be put into a database past the store: number, name, sealing key, sealed secret."""
    ring = Keyring(data / "sealing.keys", {}).ring()
    for number in numbers:
        name, key_id = name_of(number), number + 10
        sealed = ring.seal_secret(ring.newest, key_id, name, key_of(number).secret)
        yield key_id, name, ring.newest, sealed


def shares(count: int) -> Iterator[range]:
    """The numbers of so many keys, in shares, each announced when it is done."""
    for begin in range(0, count, SHARE):
        numbers = range(begin, min(begin + SHARE, count))
        yield numbers
        if count > SHARE:
            say(f"  {numbers.stop}")


@contextlib.asynccontextmanager
async def ledger_of(store: Store, data: Path) -> AsyncIterator[Ledger]:
    """A store made ready with the sealing keys of a data folder; closed at the end."""
    try:
        keyring = Keyring(data / "sealing.keys", {})
        await prepare(store, keyring)
        yield Ledger(store, keyring, clock=time.time)
    finally:
        await store.close()


def made_of(migrations: str, *modules: str) -> str:
    """What databases of this making are told from others by.

    Args:
        migrations: The folder of the scripts that make the schema.
        modules: Files of this folder that have a part in it, beside those of all databases.
    """
    making = hashlib.sha256()
    for module in ("server_databases.py", "server_keys.py", *modules):
        making.update(Path(__file__).with_name(module).read_bytes())
    scripts = resources.files("watchword_server.store") / migrations
    for script in sorted(each.name for each in scripts.iterdir()):
        making.update((scripts / script).read_bytes())
    return making.hexdigest()[:16]


def _kept(count: int) -> Path:
    """The folder of the database with that many keys, made when there is none of this making yet."""
    folder = CACHE / "keys" / f"{count}-{made_of('migrations')}"
    if folder.is_dir():
        with contextlib.suppress(StoreError):
            with_ledger(SqliteDatabase(folder), _open_last)
            return folder
    for other in folder.parent.glob(f"{count}-*"):
        shutil.rmtree(other)
    say(f"making {count} keys")
    making = folder.with_name(f"{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    make_keys(making, count)
    making.rename(folder)
    return folder


async def _open_last(ledger: Ledger) -> None:
    (last,) = (await ledger.store.look(Wanted(names=["default"]))).keys
    ledger.keyring.open_key(last)


def _fill(data: Path, count: int, period: int) -> None:
    """Put keys into a database, past the store: it commits to disk, which takes its time."""
    with contextlib.closing(sqlite3.connect(data / "watchword.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for numbers in shares(count):
            with connection:
                connection.executemany(
                    "INSERT INTO keys (id, name, status, seal, secret, kind, algorithm, digits, period,"
                    " created_at, confirmed_at)"
                    " VALUES (?, ?, 'active', ?, ?, 'totp', 'SHA1', 6, ?, 0, 0)",
                    ((*key, period) for key in sealed_keys(data, numbers)),
                )

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from each_store import run_sql
from servers import KEY, NOON, Clock, change, find_key, open_ledger, store_token
from watchword_server.bootstrap import Activation, activate_key
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import (
    AddKey,
    Status,
    StoredKey,
)
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sqlite


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("watchword.db*")}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("watchword.db*")}


def sealed(name: str, *, number: int = 2) -> StoredKey:
    """A key as a store sees it: what is in it is sealed, and none of its business."""
    return StoredKey(
        id=number, name=name, status=Status.ACTIVE, seal=1, secret=b"sealed", created_at=NOON
    )


USED = KeyState(last_step=60_000_000, consumed_at=NOON, failures=0, locked_until=0.0)


class TestOpening:
    async def test_a_crash_loses_nothing_that_was_committed(self, tmp_path: Path) -> None:
        store = await SqliteStore.open(tmp_path / "watchword.db")
        await change(store, AddKey(msgspec.structs.replace(sealed("default"), state=USED)))
        # As a copy of the disk at this moment: the files as they are, nothing closed.
        copy = tmp_path / "copy"
        copy.mkdir()
        for name, content in contents(tmp_path).items():
            (copy / name).write_bytes(content)
        await store.close()
        reopened = await SqliteStore.open(copy / "watchword.db")
        assert (await find_key(reopened)).state == USED
        await reopened.close()

    @pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
    async def test_the_files_are_the_owners_alone_whatever_the_umask(
        self, tmp_path: Path, umask: int
    ) -> None:
        before = os.umask(umask)
        try:
            store = await SqliteStore.open(tmp_path / "watchword.db")
            await change(store, AddKey(sealed("default")))
        finally:
            os.umask(before)
        found = modes(tmp_path)
        await store.close()
        assert found == {
            "watchword.db": 0o600,
            "watchword.db-wal": 0o600,
            "watchword.db-shm": 0o600,
        }

    async def test_a_database_others_could_read_is_closed_to_them(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        path.touch(mode=0o644)
        await (await SqliteStore.open(path)).close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    async def test_a_symbolic_link_is_not_followed(self, tmp_path: Path) -> None:
        target = tmp_path / "target"
        target.touch()
        (tmp_path / "watchword.db").symlink_to(target)
        with pytest.raises(StoreError, match="cannot use the database"):
            await SqliteStore.open(tmp_path / "watchword.db")
        assert target.read_bytes() == b""

    async def test_a_newer_database_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        await (await SqliteStore.open(path)).close()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        with pytest.raises(StoreError, match="install the newer watchword"):
            await SqliteStore.open(path)
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (99,)
        connection.close()

    async def test_what_is_no_database_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        path.write_bytes(b"my diary, not a database\n" * 100)
        with pytest.raises(StoreError, match="not a database"):
            await SqliteStore.open(path)
        assert path.read_bytes().startswith(b"my diary")

    async def test_a_damaged_database_gives_no_key(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        store = await SqliteStore.open(path)
        await change(store, *(AddKey(sealed(f"key{number}", number=number)) for number in range(50)))
        await store.close()
        content = bytearray(path.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        path.write_bytes(content)
        store = await SqliteStore.open(path)
        with pytest.raises(StoreError, match="damaged") as raised:
            await find_key(store, "key1")
        assert raised.value.cause is Cause.DAMAGED
        await store.close()

    @pytest.mark.parametrize(
        "spoilt",
        ["kind = 'steam'", "digits = 99", "period = 0", "algorithm = 'MD5'", "secret = x''", "seal = 9"],
    )
    async def test_a_row_that_is_no_key_opens_nothing(
        self, store: SqliteStore, tmp_path: Path, spoilt: str
    ) -> None:
        ledger = await open_ledger(store, tmp_path, Clock())
        await run_sql(tmp_path / "watchword.db", f"UPDATE keys SET {spoilt}")
        with pytest.raises(StoreError) as raised:
            await asyncio.to_thread(ledger.keyring.open_key, await find_key(store))
        assert raised.value.cause in {Cause.DAMAGED, Cause.SEALING_KEY_WRONG, Cause.SEALING_KEY_MISSING}

    async def test_a_scope_of_a_newer_version_allows_nothing(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await store_token(store, Token(name="door", digest=b"x", scopes=frozenset({Scope.QR})))
        await run_sql(tmp_path / "watchword.db", "UPDATE tokens SET scopes = 'qr time:travel'")
        (token,) = await store.tokens()
        assert token.scopes == {Scope.QR}

    async def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="no such file"):
            await SqliteStore.open(tmp_path / "nowhere" / "watchword.db")

    async def test_many_may_open_a_new_database_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        stores = await asyncio.gather(*(SqliteStore.open(path) for _ in range(8)))
        ledgers = await asyncio.gather(*(open_ledger(store, tmp_path, Clock()) for store in stores))
        news = await asyncio.gather(
            *(activate_key(ledger, "default", KEY, replacing=False) for ledger in ledgers)
        )
        assert sorted(news) == [Activation.CREATED, *[Activation.KEPT] * 7]
        for store in stores:
            await store.close()

    async def test_every_commit_reaches_the_disk(self, store: SqliteStore) -> None:
        def read(pragma: str) -> object:
            with store._connection.transaction() as raw:
                return raw.execute(f"PRAGMA {pragma}").fetchone()[0]

        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(store._thread, read, "journal_mode") == "wal"
        # FULL: a commit waits for the disk.
        assert await loop.run_in_executor(store._thread, read, "synchronous") == 2

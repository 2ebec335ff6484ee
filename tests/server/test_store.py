from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from servers import KEY, NOON
from watchword_otp import Algorithm, Key, Secret
from watchword_server.store.protocol import Activation, Advance, StoreError, TokenNameTakenError
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token, digest_of
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from watchword_server.store.protocol import StoredKey

OTHER = Key(secret=Secret(b"another secret"), algorithm=Algorithm.SHA256, digits=8, period=60)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("watchword.db*")}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("watchword.db*")}


async def state_of(store: SqliteStore, name: str = "default") -> KeyState:
    stored = await store.find_key(name)
    assert stored is not None
    return stored.state


async def move(store: SqliteStore, before: KeyState, after: KeyState, name: str = "default") -> None:
    """Settle a change that was decided on `before`, whatever the store holds now."""

    def decide(keys: Mapping[str, StoredKey]) -> Sequence[Advance]:
        return [Advance(keys[name].id, before, after)]

    await store.settle([name], decide)


USED = KeyState(last_step=60_000_000, consumed_at=NOON, failures=0, locked_until=0.0)
FAILED = KeyState(failures=5, locked_until=NOON + 30)


class TestSettle:
    async def test_what_was_decided_is_stored(self, store: SqliteStore) -> None:
        for before, after in [(KeyState(), FAILED), (FAILED, USED)]:
            await move(store, before, after)
            assert await state_of(store) == after

    @pytest.mark.parametrize(
        "claim",
        [
            KeyState(last_step=USED.last_step, consumed_at=NOON + 1),
            KeyState(last_step=USED.last_step - 1, consumed_at=NOON + 1),
            KeyState(last_step=-1, consumed_at=NOON + 1),
        ],
        ids=["the same step", "an older step", "none"],
    )
    async def test_a_consumed_step_cannot_be_consumed_again_whoever_decides_so(
        self, store: SqliteStore, claim: KeyState
    ) -> None:
        await move(store, KeyState(), USED)
        with pytest.raises(StoreError):
            await move(store, USED, claim)
        assert await state_of(store) == USED

    @pytest.mark.parametrize("after", [USED, KeyState(failures=1)], ids=["accept", "failure"])
    async def test_a_decision_on_a_state_that_is_gone_is_void(
        self, store: SqliteStore, after: KeyState
    ) -> None:
        await move(store, KeyState(), FAILED)
        with pytest.raises(StoreError):
            await move(store, KeyState(), after)
        assert await state_of(store) == FAILED

    async def test_one_void_decision_voids_its_batch(self, store: SqliteStore) -> None:
        await store.activate_key("other", OTHER, NOON)

        def decide(keys: Mapping[str, StoredKey]) -> Sequence[Advance]:
            return [
                Advance(keys["default"].id, KeyState(), USED),
                Advance(keys["other"].id, KeyState(failures=3), USED),
            ]

        with pytest.raises(StoreError):
            await store.settle(["default", "other"], decide)
        assert await state_of(store) == await state_of(store, "other") == KeyState()

    async def test_a_decision_that_raises_changes_nothing(self, store: SqliteStore) -> None:
        def decide(_keys: Mapping[str, StoredKey]) -> Sequence[Advance]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await store.settle(["default"], decide)
        await move(store, KeyState(), USED)

    async def test_only_the_keys_asked_for_are_shown(self, store: SqliteStore) -> None:
        await store.activate_key("other", OTHER, NOON)
        seen: dict[str, StoredKey] = {}

        def decide(keys: Mapping[str, StoredKey]) -> Sequence[Advance]:
            seen.update(keys)
            return []

        await store.settle(["other", "nobody"], decide)
        assert {name: stored.key for name, stored in seen.items()} == {"other": OTHER}


class TestKeys:
    async def test_the_same_key_is_kept(self, store: SqliteStore) -> None:
        await move(store, KeyState(), USED)
        assert await store.activate_key("default", KEY, NOON) is Activation.KEPT
        assert await state_of(store) == USED

    async def test_another_secret_starts_afresh_and_the_old_one_comes_back_with_its_past(
        self, store: SqliteStore
    ) -> None:
        await move(store, KeyState(), USED)
        assert await store.activate_key("default", OTHER, NOON) is Activation.REPLACED
        assert await state_of(store) == KeyState()
        assert await store.activate_key("default", KEY, NOON) is Activation.RETURNED
        assert await state_of(store) == USED
        found = await store.find_key("default")
        assert found is not None
        assert found.key == KEY

    async def test_not_replacing_keeps_what_is_there(self, store: SqliteStore) -> None:
        assert await store.activate_key("default", OTHER, NOON, replacing=False) is Activation.KEPT
        assert await store.activate_key("new", OTHER, NOON, replacing=False) is Activation.CREATED

    async def test_no_key_of_that_name(self, store: SqliteStore) -> None:
        assert await store.find_key("nobody") is None


class TestTokens:
    async def test_kept_with_all_they_have(self, store: SqliteStore) -> None:
        token = Token(
            name="door", digest=digest_of("x"), scopes=frozenset({Scope.CHECK}), created_at=NOON
        )
        await store.add_token(token)
        assert list(await store.tokens()) == [token]

    async def test_a_name_is_taken_until_it_is_revoked(self, store: SqliteStore) -> None:
        for text in ("x", "y"):
            await store.add_token(
                Token(name="door", digest=digest_of(text), scopes=frozenset({Scope.QR}))
            )
            with pytest.raises(TokenNameTakenError):
                await store.add_token(
                    Token(name="door", digest=digest_of("z"), scopes=frozenset({Scope.QR}))
                )
            assert await store.revoke_token("door", NOON)
            assert not await store.revoke_token("door", NOON)
        assert [token.revoked_at for token in await store.tokens()] == [NOON, NOON]

    async def test_the_token_itself_is_nowhere_in_the_files(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await store.add_token(
            Token(name="door", digest=digest_of("ww_open"), scopes=frozenset({Scope.QR}))
        )
        files = contents(tmp_path)
        assert files.keys() >= {"watchword.db", "watchword.db-wal"}
        assert not any(b"ww_open" in content for content in files.values())


class TestOpening:
    async def test_a_crash_between_two_settlings_loses_neither(self, tmp_path: Path) -> None:
        store = await SqliteStore.open(tmp_path / "watchword.db")
        await store.activate_key("default", KEY, NOON)
        await move(store, KeyState(), USED)
        # As a copy of the disk at this moment: the files as they are, nothing closed.
        copy = tmp_path / "copy"
        copy.mkdir()
        for name, content in contents(tmp_path).items():
            (copy / name).write_bytes(content)
        await store.close()
        reopened = await SqliteStore.open(copy / "watchword.db")
        assert await state_of(reopened) == USED
        await reopened.close()

    @pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
    async def test_the_files_are_the_owners_alone_whatever_the_umask(
        self, tmp_path: Path, umask: int
    ) -> None:
        before = os.umask(umask)
        try:
            store = await SqliteStore.open(tmp_path / "watchword.db")
            await store.activate_key("default", KEY, NOON)
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

    async def test_a_damaged_database_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        store = await SqliteStore.open(path)
        for number in range(50):
            await store.activate_key(f"key{number}", KEY, NOON)
        await store.close()
        content = bytearray(path.read_bytes())
        content[4096:12288] = b"\xa5" * 8192
        path.write_bytes(content)
        with pytest.raises(StoreError, match="damaged"):
            await SqliteStore.open(path)

    @pytest.mark.parametrize(
        "change", ["kind = 'steam'", "digits = 99", "period = 0", "algorithm = 'MD5'", "secret = x''"]
    )
    async def test_a_row_that_is_no_key_is_damage(self, store: SqliteStore, change: str) -> None:
        def spoil() -> None:
            store._connection.execute(f"UPDATE keys SET {change}").close()

        await asyncio.get_running_loop().run_in_executor(store._thread, spoil)
        with pytest.raises(StoreError, match="damaged"):
            await store.find_key("default")

    async def test_a_scope_of_a_newer_version_allows_nothing(self, store: SqliteStore) -> None:
        await store.add_token(Token(name="door", digest=b"x", scopes=frozenset({Scope.QR})))

        def add_scope() -> None:
            store._connection.execute("UPDATE tokens SET scopes = 'qr audit:read'").close()

        await asyncio.get_running_loop().run_in_executor(store._thread, add_scope)
        (token,) = await store.tokens()
        assert token.scopes == {Scope.QR}

    async def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="no such file"):
            await SqliteStore.open(tmp_path / "nowhere" / "watchword.db")

    async def test_many_may_open_a_new_database_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "watchword.db"
        stores = await asyncio.gather(*(SqliteStore.open(path) for _ in range(8)))
        news = await asyncio.gather(
            *(store.activate_key("default", KEY, NOON, replacing=False) for store in stores)
        )
        assert sorted(news) == [Activation.CREATED, *[Activation.KEPT] * 7]
        for store in stores:
            await store.close()

    async def test_every_commit_reaches_the_disk(self, store: SqliteStore) -> None:
        def read(pragma: str) -> object:
            return store._connection.execute(f"PRAGMA {pragma}").fetchone()[0]

        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(store._thread, read, "journal_mode") == "wal"
        # FULL: a commit waits for the disk.
        assert await loop.run_in_executor(store._thread, read, "synchronous") == 2

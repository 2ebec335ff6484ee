from __future__ import annotations

import asyncio
import base64
import secrets
import sqlite3
from importlib import resources
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from each_store import everything_in, run_sql
from servers import KEY, NOON, Clock, RunningServer, audit_events, find_key, open_ledger
from watchword_otp import Key, Kind, Secret, code_at, step_at
from watchword_server.bootstrap import activate_key, prepare
from watchword_server.errors import UserError
from watchword_server.ledger import ACTIVE_SEAL, AUDIT_KEY, Ledger
from watchword_server.seal import CREDENTIAL_NAME, KEYS_VARIABLE, Keyring, Ring
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Status, StoredKey, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

RING = Ring.generate()
SECRET = Secret(b"a secret to look for!")


def spellings(secret: Secret) -> list[bytes]:
    """How a secret could lie in a file."""
    raw = secret.reveal()
    text = secret.base32()
    return [
        raw,
        text.encode(),
        text.lower().encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        base64.b64encode(raw).rstrip(b"="),
    ]


def assert_nowhere(folder: Path, wanted: Iterable[bytes]) -> None:
    # The copy made before a migration is as it was; `doctor` tells people to delete it.
    files = [file for file in folder.rglob("*") if file.is_file() and ".before-" not in file.name]
    assert files
    for file in files:
        content = file.read_bytes()
        # The texts stay out of the message: a failure would print the secret.
        found = [number for number, each in enumerate(wanted) if each in content]
        assert not found, f"{file.name} holds spelling {found} of a secret"


def stored(key_id: int, name: str, ring: Ring = RING, secret: Secret = SECRET) -> StoredKey:
    sealed = ring.seal_secret(ring.newest, key_id, name, secret)
    return StoredKey(
        id=key_id, name=name, status=Status.ACTIVE, seal=ring.newest, secret=sealed, created_at=NOON
    )


class TestStolenDatabase:
    @pytest.mark.sqlite
    async def test_it_reveals_no_secret(self, server: RunningServer, tmp_path: Path) -> None:
        await activate_key(server.ledger, "other", Key(secret=SECRET, kind=Kind.HOTP))
        async with server.client() as client:
            for _ in range(3):
                await client.post("/v1/keys/default/check", json={"code": server.code()})
        (tmp_path / "backup").mkdir()
        wanted = [*spellings(SECRET), *spellings(KEY.secret)]
        await asyncio.to_thread(assert_nowhere, tmp_path, wanted)
        await run_sql(server.database, f"VACUUM INTO '{tmp_path / 'backup' / 'copy.db'}'")
        await run_sql(server.database, "PRAGMA wal_checkpoint(TRUNCATE)")
        await asyncio.to_thread(assert_nowhere, tmp_path, wanted)

    async def test_the_key_of_the_log_is_sealed_too(self, ledger: Ledger, tmp_path: Path) -> None:
        key = await ledger.audit_key()
        content = await everything_in(tmp_path / "watchword.db")
        assert key not in content
        assert key.hex().encode() not in content

    async def test_another_ring_opens_nothing_of_it(self, ledger: Ledger, tmp_path: Path) -> None:
        other = Keyring(tmp_path / "other.keys", {})
        await asyncio.to_thread(other.create)
        with pytest.raises(StoreError) as raised:
            await Ledger(ledger.store, other, clock=Clock()).audit_key()
        assert raised.value.cause is Cause.SEALING_KEY_WRONG
        with pytest.raises(StoreError):
            await asyncio.to_thread(other.open_key, await find_key(ledger.store))


class TestSealed:
    def test_it_opens_where_it_belongs(self) -> None:
        assert RING.open_key(stored(7, "alice")) == Key(secret=SECRET)

    @pytest.mark.parametrize(
        "moved", [{"id": 8}, {"name": "bob"}, {"name": "7 alice"}, {"seal": 2}], ids=str
    )
    def test_moved_to_another_row_it_does_not(self, moved: dict[str, object]) -> None:
        ring = RING.with_new_key()
        with pytest.raises(StoreError) as raised:
            ring.open_key(msgspec.structs.replace(stored(7, "alice"), **moved))
        assert raised.value.cause is Cause.SEALING_KEY_WRONG

    async def test_a_secret_swapped_between_two_rows_is_refused_over_http(
        self, server: RunningServer
    ) -> None:
        await activate_key(server.ledger, "mallory", Key(secret=SECRET))
        await run_sql(
            server.database,
            "UPDATE keys SET secret = (SELECT secret FROM keys WHERE name = 'mallory')"
            " WHERE name = 'default'",
        )
        code = code_at(Key(secret=SECRET), step_at(KEY, NOON))
        async with server.client() as client:
            refused = await client.post("/v1/keys/default/check", json={"code": code})
            assert (refused.status_code, refused.json()["cause"]) == (503, "sealing-key-wrong")
            # The others go on.
            answer = await client.post("/v1/keys/mallory/check", json={"code": code})
        assert answer.json()["valid"] is True
        assert (await find_key(server.store)).state == KeyState()

    @given(st.data())
    def test_one_flipped_bit_is_refused(self, data: st.DataObject) -> None:
        key = stored(7, "alice")
        bit = data.draw(st.integers(0, len(key.secret) * 8 - 1))
        flipped = bytearray(key.secret)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StoreError):
            RING.open_key(msgspec.structs.replace(key, secret=bytes(flipped)))

    @pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
    def test_cut_short_it_is_refused(self, length: int) -> None:
        key = stored(7, "alice")
        with pytest.raises(StoreError):
            RING.open_key(msgspec.structs.replace(key, secret=key.secret[:length]))

    def test_the_same_secret_never_looks_the_same(self) -> None:
        assert len({stored(7, "alice").secret for _ in range(100)}) == 100

    def test_a_failure_shows_no_secret(self) -> None:
        with pytest.raises(StoreError) as raised:
            Ring.generate().open_key(stored(7, "alice"))
        for each in (str(raised.value), repr(raised.value), repr(RING), repr(stored(7, "alice"))):
            assert SECRET.base32() not in each
            assert RING.text()[2:20] not in each
        assert raised.value.__cause__ is None


class TestRing:
    def test_it_reads_what_it_writes(self) -> None:
        ring = RING.with_new_key().with_new_key()
        again = Ring.parse(f"# old ones first\n\n{ring.text()}", "there")
        assert (again.numbers, again.newest) == ([1, 2, 3], 3)
        assert again.open_key(stored(7, "alice", ring)) == Key(secret=SECRET)
        assert again.only(1).open_key(stored(7, "alice")) == Key(secret=SECRET)
        with pytest.raises(StoreError) as raised:
            again.only(1).open_key(stored(7, "alice", ring))
        assert raised.value.cause is Cause.SEALING_KEY_MISSING

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# nothing\n",
            "1\n",
            "1:\n",
            "1:short\n",
            f"0:{'A' * 43}\n",
            f"01:{'A' * 43}\n",
            f"-1:{'A' * 43}\n",
            f"\uff11:{'A' * 43}\n",
            f"99999:{'A' * 43}\n",
            f"1:{'A' * 42}\n",
            f"1:{'A' * 44}\n",
            f"1:{'A' * 42}+\n",
            f"1:{'A' * 43}\n1:{'B' * 43}\n",
            f"1:{'A' * 43} 2:{'B' * 43}\n",
        ],
    )
    def test_anything_else_is_refused_and_not_shown(self, text: str) -> None:
        with pytest.raises(UserError, match="there") as raised:
            Ring.parse(text, "there")
        assert "AAA" not in str(raised.value)


class TestKeyring:
    """Where the keys come from: a variable, systemd, or a file."""

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "sealing.keys"
        path.write_text(RING.text())
        path.chmod(0o600)
        return path

    def test_a_file_of_its_owner_alone(self, file: Path) -> None:
        assert Keyring(file, {}).open_key(stored(7, "alice")) == Key(secret=SECRET)

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777])
    def test_a_file_that_others_may_touch_is_refused(self, file: Path, mode: int) -> None:
        file.chmod(mode)
        with pytest.raises(StoreError, match="chmod 600"):
            Keyring(file, {}).ring()

    def test_a_symbolic_link_is_not_followed(self, file: Path) -> None:
        link = file.with_name("link")
        link.symlink_to(file)
        with pytest.raises(StoreError) as raised:
            Keyring(link, {}).ring()
        assert raised.value.cause is Cause.SEALING_KEY_MISSING

    def test_a_folder_and_a_file_that_is_no_text_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "bytes").write_bytes(b"\xff\xfe" * 40)
        (tmp_path / "bytes").chmod(0o600)
        for path in (tmp_path, tmp_path / "bytes"):
            with pytest.raises(StoreError, match="cannot read the sealing keys"):
                Keyring(path, {}).ring()

    def test_the_variable_goes_first_then_systemd_then_the_file(
        self, file: Path, tmp_path: Path
    ) -> None:
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        credential = credentials / CREDENTIAL_NAME
        credential.write_text(RING.with_new_key().text())
        # As systemd leaves it: not ours, and not ours to judge.
        credential.chmod(0o440)
        environment = {"CREDENTIALS_DIRECTORY": str(credentials)}
        third = RING.with_new_key().with_new_key()
        assert Keyring(file, {}).ring().numbers == [1]
        assert Keyring(file, environment).ring().numbers == [1, 2]
        assert Keyring(file, {**environment, KEYS_VARIABLE: third.text()}).ring().numbers == [1, 2, 3]
        credential.unlink()
        assert Keyring(file, environment).ring().numbers == [1]

    def test_a_credential_that_cannot_be_read_is_no_reason_to_take_another_key(
        self, file: Path, tmp_path: Path
    ) -> None:
        blocked = tmp_path / "no-folder"
        blocked.touch()
        keyring = Keyring(file, {"CREDENTIALS_DIRECTORY": str(blocked)})
        with pytest.raises(StoreError, match=f"cannot read the sealing keys in {blocked}"):
            keyring.ring()
        assert not keyring.is_ours

    def test_what_is_not_ours_is_not_written(self, file: Path) -> None:
        keyring = Keyring(file.with_name("new"), {KEYS_VARIABLE: RING.text()})
        for write in (keyring.create, lambda: keyring.replace(RING)):
            with pytest.raises(StoreError, match=KEYS_VARIABLE):
                write()
        assert not file.with_name("new").exists()

    @pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
    def test_a_new_file_is_its_owners_alone_and_never_overwritten(
        self, tmp_path: Path, with_umask: Callable[[int], int], umask: int
    ) -> None:
        path = tmp_path / "sealing.keys"
        with_umask(umask)
        ring = Keyring(path, {}).create()
        assert path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(StoreError, match="file exists"):
            Keyring(path, {}).create()
        assert path.read_text() == ring.text()
        Keyring(path, {}).replace(ring.with_new_key())
        assert path.stat().st_mode & 0o777 == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["sealing.keys"]

    def test_a_key_added_by_another_process_is_found(self, file: Path) -> None:
        keyring = Keyring(file, {})
        keyring.ring()
        newer = RING.with_new_key()
        file.write_text(newer.text())
        assert keyring.open_key(stored(7, "alice", newer)) == Key(secret=SECRET)


class TestUpgrade:
    """A database of the version that did not seal."""

    async def test_every_secret_is_sealed_and_no_copy_is_left(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        await asyncio.to_thread(make_unsealed, folder, 700)
        store = await SqliteStore.open(folder / "watchword.db")
        ledger = await open_ledger(store, folder, Clock())
        wanted = [each for number in (0, 1, 350, 699) for each in spellings(old_secret(number))]
        await asyncio.to_thread(assert_nowhere, folder, wanted)
        for number in (0, 350, 699):
            found = await find_key(store, f"key{number}")
            assert found.seal == 1
            assert found.state == KeyState(last_step=number, consumed_at=NOON, failures=2)
            assert await asyncio.to_thread(ledger.keyring.open_key, found) == Key(
                secret=old_secret(number)
            )
        retired = (await store.look(Wanted(ids=[701]))).keys[0]
        assert (retired.status, retired.seal) == (Status.RETIRED, 1)
        (token,) = await store.tokens()
        assert (token.name, token.expires_at, token.revoked_at) == ("door", None, None)
        assert await audit_events(ledger) == []
        await store.close()
        await asyncio.to_thread(assert_nowhere, folder, wanted)

    async def test_servers_that_start_on_it_together_do_not_disturb_each_other(
        self, tmp_path: Path
    ) -> None:
        folder = tmp_path / "data"
        await asyncio.to_thread(make_unsealed, folder, 1200)
        stores = [await SqliteStore.open(folder / "watchword.db") for _ in range(4)]
        ledgers = await asyncio.gather(*(open_ledger(store, folder, Clock()) for store in stores))
        found = await find_key(stores[0], "key1199")
        for ledger in ledgers:
            opened = await asyncio.to_thread(ledger.keyring.open_key, found)
            assert opened.secret == old_secret(1199)
        for store in stores:
            await store.close()

    async def test_the_second_start_changes_nothing(self, tmp_path: Path) -> None:
        store = await SqliteStore.open(tmp_path / "watchword.db")
        keyring = (await open_ledger(store, tmp_path, Clock())).keyring
        wanted = Wanted(meta=(AUDIT_KEY, ACTIVE_SEAL))
        before = (await store.look(wanted)).meta
        await prepare(store, keyring)
        assert (await store.look(wanted)).meta == before
        await store.close()


def old_secret(number: int) -> Secret:
    return Secret(b"plain secret %07d" % number)


def make_unsealed(folder: Path, keys: int) -> None:
    """A database as version 0.1 left it, one retired key with the secret of key 0 in it."""
    folder.mkdir(mode=0o700)
    migrations = resources.files("watchword_server.store") / "migrations"
    (first,) = [each for each in migrations.iterdir() if each.name.startswith("0001")]
    with sqlite3.connect(folder / "watchword.db", isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(first.read_text(encoding="utf-8"))
        rows = [
            (f"key{number}", "active", old_secret(number).reveal(), number) for number in range(keys)
        ]
        rows.append(("key0", "retired", old_secret(0).reveal(), 0))
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO keys (name, status, secret, kind, algorithm, digits, period, created_at,"
            " last_step, consumed_at, failures) VALUES (?, ?, ?, 'totp', 'SHA1', 6, 30, 0, ?,"
            f" {NOON}, 2)",
            rows,
        )
        connection.execute(
            "INSERT INTO tokens (name, digest, scopes, created_at) VALUES ('door', ?, 'check', 0)",
            (secrets.token_bytes(32),),
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA user_version = 1")
    connection.close()

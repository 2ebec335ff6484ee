"""A backup put back: no code accepted since it was made is accepted again, whatever was lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import stat
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from server_processes import run_server_command, server_process
from servers import NO_TLS
from watchword_otp import Key, Kind, Secret, code_at, parse_uri, step_at
from watchword_server.datadir import hold
from watchword_server.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server_commands import Commands

RAW = b"12345678901234567890"
TOTP = Key(secret=Secret(RAW))
HOTP = Key(secret=Secret(RAW), kind=Kind.HOTP)
BASE32 = TOTP.secret.base32()


class Service:
    """A server that is started, stopped and restored over one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "state" / "watchword"
        self.copy = home / "copy.db"
        with server_process(home):
            pass
        (home / "keys.csv").write_text(f"name,secret,kind\ntime,{BASE32},\ncount,{BASE32},hotp\n")
        self.run("import", "keys.csv")
        scopes = ("--scope", "check", "--scope", "check:detail")
        self.token = self.run("tokens", "create", "door", *scopes).strip()
        self.recovery = self.run("keys", "recovery-codes", "time", "--yes").split()

    def run(self, *arguments: str) -> str:
        done = run_server_command(self.home, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {self.token}"}
        with (
            server_process(self.home) as server,
            httpx.Client(base_url=server.url, headers=headers, trust_env=False, verify=NO_TLS) as client,
        ):
            yield client

    def back_up(self) -> None:
        self.run("store", "backup", str(self.copy))

    def restore(self) -> dict[str, object]:
        told: dict[str, object] = json.loads(
            self.run("store", "restore", str(self.copy), "--yes", "--json")
        )
        return told

    def lose(self) -> None:
        """The database is gone, as after a disk that failed."""
        for path in self.folder.glob("watchword.db*"):
            path.unlink()

    def spoil(self) -> None:
        content = bytearray((self.folder / "watchword.db").read_bytes())
        content[4096:20480] = b"\xa5" * 16384
        (self.folder / "watchword.db").write_bytes(content)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def check(client: httpx.Client, key: str, code: str) -> str:
    answer = client.post(f"/v1/keys/{key}/check", json={"code": code}).json()
    return str("valid" if answer["valid"] else answer["reason"])


def redeem(client: httpx.Client, code: str) -> bool:
    answer = client.post("/v1/keys/time/recovery-codes/redeem", json={"code": code})
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["valid"])


def used_since(service: Service) -> tuple[str, str]:
    """Have codes of both keys and a recovery code accepted after a backup."""
    service.back_up()
    with service.client() as client:
        sent = code_at(TOTP, step_at(TOTP, time.time()) + 1)
        counted = code_at(HOTP, 2)
        assert check(client, "time", sent) == "valid"
        assert check(client, "count", counted) == "valid"
        assert redeem(client, service.recovery[0])
    return sent, counted


def test_what_the_replaced_database_knows_is_taken_over(service: Service) -> None:
    sent, counted = used_since(service)
    service.run("keys", "create", "later")
    told = service.restore()
    assert (told["keys"], told["replaced_was_read"]) == (3, True)
    with service.client() as client:
        assert check(client, "time", sent) == "replayed"
        assert check(client, "count", counted) == "replayed"
        assert check(client, "count", code_at(HOTP, 3)) == "valid"
        assert not redeem(client, service.recovery[0])
        assert redeem(client, service.recovery[1])
    assert service.run("store", "check", "--full")
    assert "store.restore" in service.run("audit", "tail", "--event", "store.restore")


def test_revoked_tokens_stay_revoked(service: Service) -> None:
    service.back_up()
    service.run("tokens", "revoke", "door", "--yes")
    service.restore()
    tokens = json.loads(service.run("tokens", "list", "--json"))
    assert {each["state"] for each in tokens if each["name"] == "door"} == {"revoked"}


def test_it_names_the_keys_that_are_not_as_they_were(service: Service) -> None:
    """Somebody may still know the secret that a key was rotated away from."""
    uris = {"alone": service.run("keys", "create", "alone", "--uri")}
    (service.home / "more.csv").write_text(
        f"name,secret\nleft,{BASE32}\nanew,{BASE32}\nstays,{BASE32}\n"
    )
    service.run("import", "more.csv")
    service.back_up()
    uris["time"] = service.run("keys", "rotate", "time", "--uri")
    with service.client() as client:
        writer = service.run("tokens", "create", "writer", "--scope", "qr").strip()
        for name, uri in uris.items():
            key = parse_uri(uri.strip())
            code = code_at(key, step_at(key, time.time()))
            headers = {"Authorization": f"Bearer {writer}"}
            answer = client.post(f"/v1/keys/{name}/confirm", json={"code": code}, headers=headers)
            assert answer.status_code == 200, answer.text
    service.run("keys", "rotate", "left")
    service.run("keys", "delete", "count", "--yes")
    service.run("keys", "delete", "anew", "--yes")
    service.run("keys", "create", "anew")
    service.run("keys", "create", "new")
    told = service.restore()
    assert told["since"] == {
        "rotated": ["left", "time"],
        "created": ["new"],
        "deleted": ["count"],
        "changed": ["anew"],
        "confirmed": ["alone"],
    }


def test_people_are_told_twenty_names_and_how_many_more(service: Service) -> None:
    service.back_up()
    rows = "".join(f"new{number:02},{BASE32}\n" for number in range(23))
    (service.home / "more.csv").write_text(f"name,secret\n{rows}")
    service.run("import", "more.csv")
    said = service.run("store", "restore", str(service.copy), "--yes")
    assert "23 keys made since" in said
    assert "new19 and 3 more" in said
    assert "new20" not in said


@pytest.mark.parametrize("fate", ["lose", "spoil"])
def test_without_it_everything_up_to_now_is_refused(service: Service, fate: str) -> None:
    sent, counted = used_since(service)
    getattr(service, fate)()
    told = service.restore()
    assert (told["replaced_was_read"], told["since"]) == (False, None)
    assert (told["replaced"] is None) is (fate == "lose")
    with service.client() as client:
        assert check(client, "time", sent) == "replayed"
        assert check(client, "time", code_at(TOTP, step_at(TOTP, time.time()))) == "replayed"
        assert check(client, "count", counted) == "replayed"
        assert check(client, "count", code_at(HOTP, 8)) == "valid"
        assert not redeem(client, service.recovery[0])
        assert not redeem(client, service.recovery[1])


def test_what_is_no_backup_changes_nothing(service: Service, tmp_path: Path) -> None:
    before = (service.folder / "watchword.db").read_bytes()
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
    newer = tmp_path / "newer.db"
    service.run("store", "backup", str(newer))
    with contextlib.closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
    broken = tmp_path / "broken.db"
    broken.write_bytes(before[:8192] + b"\xa5" * 8192 + before[16384:])
    text = tmp_path / "text.db"
    text.write_text("my diary\n" * 1000)
    for path, told in (
        (other, "of something else"),
        (newer, "is of a newer version"),
        (broken, "damaged"),
        (text, "not a database"),
        (tmp_path / "nowhere.db", "there is no file"),
    ):
        done = run_server_command(tmp_path, "store", "restore", str(path), "--yes")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert told in done.stderr
    assert (service.folder / "watchword.db").read_bytes() == before
    assert sorted(path.name for path in service.folder.iterdir()) == [
        "sealing.keys",
        "watchword.db",
        "watchword.lock",
    ]


def test_a_backup_whose_sealing_keys_are_gone_is_refused(service: Service) -> None:
    service.back_up()
    service.run("seal", "rotate", "--yes")
    done = run_server_command(service.home, "store", "restore", str(service.copy), "--yes")
    assert (done.returncode, "sealing key 1 is not there" in done.stderr) == (2, True)
    assert service.run("seal", "check") == "3 of 3 secrets open.\n"


class TestBackup:
    @pytest.fixture(autouse=True)
    def _database(self, run: Commands) -> None:
        run.make_database()
        run("keys", "create", "alice")

    def test_it_is_private_whole_and_one_file(self, run: Commands, tmp_path: Path) -> None:
        copy = tmp_path / "copy.db"
        done = json.loads(run("store", "backup", str(copy), "--json").out)
        assert (stat.S_IMODE(copy.stat().st_mode), done["bytes"]) == (0o600, copy.stat().st_size)
        assert [path.name for path in tmp_path.glob("*copy*")] == ["copy.db"]
        assert (run.folder / "sealing.keys").read_bytes().split(b":")[1].strip() not in copy.read_bytes()

    def test_it_replaces_nothing_unasked(self, run: Commands, tmp_path: Path) -> None:
        copy = tmp_path / "copy.db"
        copy.write_text("precious")
        assert run("store", "backup", str(copy)).status == 2
        assert copy.read_text() == "precious"
        assert run("store", "backup", str(copy), "--force").status == 0

    def test_a_damaged_database_makes_no_backup(self, run: Commands, tmp_path: Path) -> None:
        path = run.folder / "watchword.db"
        content = bytearray(path.read_bytes())
        content[8192:20480] = b"\xa5" * 12288
        path.write_bytes(content)
        done = run("store", "backup", str(tmp_path / "copy.db"))
        assert (done.status, "damaged" in done.err) == (2, True)
        assert not list(tmp_path.glob("*copy*"))

    def test_it_is_of_one_moment_while_others_write(self, run: Commands, tmp_path: Path) -> None:
        async def write_on() -> None:
            with contextlib.closing(
                sqlite3.connect(run.folder / "watchword.db", isolation_level=None, timeout=5)
            ) as connection:
                connection.execute("CREATE TABLE pair (a INTEGER, b INTEGER)")
                connection.execute("INSERT INTO pair VALUES (0, 0)")
                for number in range(1, 300):
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("UPDATE pair SET a = ?", (number,))
                    await asyncio.sleep(0)
                    connection.execute("UPDATE pair SET b = ?", (number,))
                    connection.execute("COMMIT")

        async def both() -> None:
            writing = asyncio.create_task(write_on())
            await asyncio.sleep(0)
            await asyncio.to_thread(run, "store", "backup", str(tmp_path / "copy.db"))
            await writing

        asyncio.run(both())
        with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
            ((a, b),) = connection.execute("SELECT a, b FROM pair").fetchall()
        assert a == b


class TestLock:
    def test_many_may_hold_it_and_one_alone(self, tmp_path: Path) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(hold(tmp_path))
            stack.enter_context(hold(tmp_path))
            with pytest.raises(UserError, match="stop the server"):
                stack.enter_context(hold(tmp_path, alone=True))
        with contextlib.ExitStack() as stack:
            stack.enter_context(hold(tmp_path, alone=True))
            with pytest.raises(UserError, match="being replaced"):
                stack.enter_context(hold(tmp_path))
        with hold(tmp_path):
            pass

    def test_a_symbolic_link_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "watchword.lock").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UserError), hold(tmp_path):
            pass
        assert not (tmp_path / "elsewhere").exists()

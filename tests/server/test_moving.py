"""A live installation moved to PostgreSQL: no code is accepted twice, whatever is killed and when."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import httpx
import msgspec
import pytest

from postgres_engine import ask
from processes import wait_until
from server_processes import home_environment, run_server_command, server_process
from servers import NO_TLS
from store_copies import contents_of, contents_of_file
from watchword_otp import Key, Kind, Secret, code_at, step_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from postgres_databases import Databases

RAW = b"12345678901234567890"
TOTP = Key(secret=Secret(RAW))
HOTP = Key(secret=Secret(RAW), kind=Kind.HOTP)
BASE32 = TOTP.secret.base32()

DIES = """
import importlib, os, signal, sys
module, owner, name, when, *sys.argv[1:] = sys.argv[1:]
owner = getattr(importlib.import_module(module), owner)
work = getattr(owner, name)
async def deadly(*arguments):
    if when == "after":
        await work(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, deadly)
from watchword_server.__main__ import main
main()
"""
"""Runs the command, and is killed before or after a method does its work."""


@pytest.fixture
async def target(databases: Databases) -> AsyncIterator[str]:
    async with databases.lent() as database:
        yield database.dsn


other_target = target


class Made(msgspec.Struct):
    """What is known of a server that was set up: two keys of one secret, by time and by use."""

    home: Path
    token: str
    revoked: str
    recovery: list[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Set up once, and copied for each test."""
    home = tmp_path_factory.mktemp("made")

    def run(*arguments: str) -> str:
        done = run_server_command(home, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with server_process(home):
        pass
    (home / "keys.csv").write_text(f"name,secret,kind\ntime,{BASE32},\ncount,{BASE32},hotp\n")
    run("import", "keys.csv")
    scopes = ("--scope", "check", "--scope", "check:detail")
    token = run("tokens", "create", "door", *scopes).strip()
    revoked = run("tokens", "create", "old", *scopes).strip()
    run("tokens", "revoke", "old", "--yes")
    return Made(home, token, revoked, run("keys", "recovery-codes", "time", "--yes").split())


class Service:
    """A server over one home, and the PostgreSQL that it is moved to."""

    def __init__(self, made: Made, home: Path, target: str) -> None:
        shutil.copytree(made.home / "state", home / "state")
        self.home = home
        self.target = target
        self.folder = home / "state" / "watchword"
        self.database = self.folder / "watchword.db"
        self.token, self.revoked, self.recovery = made.token, made.revoked, made.recovery

    @property
    def places(self) -> tuple[str, str]:
        return f"sqlite:{self.folder}", self.target

    def run(self, *arguments: str) -> str:
        done = run_server_command(self.home, *arguments)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def refused(self, *arguments: str) -> str:
        done = run_server_command(self.home, *arguments)
        assert done.returncode == 2, done.stderr + done.stdout
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    def copy(self, *options: str) -> str:
        return self.run("store", "copy", *self.places, *options)

    def move(self) -> str:
        return self.copy("--final", "--yes")

    @contextlib.contextmanager
    def client(self, *options: str, token: str | None = None) -> Iterator[httpx.Client]:
        with (
            server_process(self.home, *options) as server,
            client_of(server.url, token or self.token) as client,
        ):
            yield client

    def client_there(self, token: str | None = None) -> contextlib.AbstractContextManager[httpx.Client]:
        return self.client("--store", self.target, token=token)

    def opens(self, *options: str) -> bool:
        """Whether a command gets to decide on the database."""
        return run_server_command(self.home, "keys", "list", *options).returncode == 0

    def same(self) -> bool:
        return asyncio.run(contents_of(self.target)) == contents_of_file(self.database)

    def fill(self, number: int) -> None:
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            columns = [row[1] for row in connection.execute("PRAGMA table_info (keys)")][2:]
            names = ", ".join(f'"{name}"' for name in columns)
            connection.execute(
                "WITH RECURSIVE n (value) AS"
                " (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?)"
                f" INSERT INTO keys (name, {names})"
                f" SELECT 'many' || value, {names} FROM n, keys WHERE name = 'time'",
                (number,),
            )
            connection.commit()


@pytest.fixture
def service(made: Made, tmp_path: Path, target: str) -> Service:
    return Service(made, tmp_path, target)


def client_of(url: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, verify=NO_TLS, timeout=20)


def check(client: httpx.Client, key: str, code: str) -> str:
    answer = client.post(f"/v1/keys/{key}/check", json={"code": code}).json()
    return str("valid" if answer["valid"] else answer["reason"])


def redeem(client: httpx.Client, code: str) -> bool:
    return bool(client.post("/v1/keys/time/recovery-codes/redeem", json={"code": code}).json()["valid"])


def test_it_goes_on_there_as_if_nothing_had_happened(service: Service) -> None:
    with service.client() as client:
        assert check(client, "count", code_at(HOTP, 0)) == "valid"
        assert "Nothing is moved yet" in service.copy()
        early = code_at(TOTP, step_at(TOTP, time.time()))
        assert check(client, "time", early) == "valid"
        assert check(client, "count", code_at(HOTP, 1)) == "valid"
        assert check(client, "count", "000000") == "wrong"
        assert redeem(client, service.recovery[0])
        service.run("keys", "create", "gone")
        service.run("keys", "delete", "gone", "--yes")
        assert "stop the server first" in service.refused(
            "store", "copy", *service.places, "--final", "--yes"
        )
    before = json.loads(service.run("keys", "list", "--json"))
    end = service.run("audit", "checkpoint").strip()
    told = service.move()
    assert f"up to audit row {end}" in told
    assert f"sealing keys are in {service.folder / 'sealing.keys'}" in told
    there = ("--store", service.target)
    assert json.loads(service.run("keys", "list", "--json", *there)) == before
    with service.client_there() as client:
        assert check(client, "time", early) == "replayed"
        assert [check(client, "count", code_at(HOTP, number)) for number in (0, 1, 2)] == [
            *("replayed", "replayed", "valid")
        ]
        assert not redeem(client, service.recovery[0])
        assert redeem(client, service.recovery[1])
    with service.client_there(service.revoked) as client:
        assert client.post("/v1/keys/time/check", json={"code": early}).status_code == 401
    # The number of a key that was deleted is not given again.
    service.run("keys", "create", "new", *there)
    rows = [
        json.loads(line)["event"] for line in service.run("audit", "tail", "--json", *there).splitlines()
    ]
    made = {row["key"]: row["key_id"] for row in rows if row["event"] == "key.create"}
    assert made["new"] == made["gone"] + 1
    service.run("audit", "verify", "--checkpoint", end, *there)
    assert "store.copy" in service.run("audit", "tail", *there)
    service.run("seal", "check", *there)


def test_what_is_accepted_while_it_is_copied_is_used_up_there(service: Service) -> None:
    service.fill(5000)
    accepted: list[int] = []
    with service.client() as client:
        stop = threading.Event()

        def use_codes() -> None:
            while not stop.is_set():
                number = len(accepted)
                assert check(client, "count", code_at(HOTP, number)) == "valid"
                accepted.append(number)

        thread = threading.Thread(target=use_codes)
        thread.start()
        try:
            for _ in range(2):
                before = len(accepted)
                service.copy()
                assert len(accepted) > before
        finally:
            stop.set()
            thread.join()
    service.move()
    with service.client_there() as client:
        # Of those long before nobody can tell any more that they were right.
        assert check(client, "count", code_at(HOTP, accepted[0])) != "valid"
        for number in accepted[-3:]:
            assert check(client, "count", code_at(HOTP, number)) == "replayed"
        assert check(client, "count", code_at(HOTP, len(accepted))) == "valid"
    service.run("audit", "verify", "--store", service.target)


@pytest.mark.timeout(180)
def test_killed_at_any_moment_and_run_again_it_goes_on(service: Service) -> None:
    number, dice = 30_000, random.Random(time.time())
    service.fill(number)
    copied, kills = 0, 0
    while copied < number:
        command = [sys.executable, "-m", "watchword_server", "store", "copy", *service.places]
        process = subprocess.Popen(
            command, env=home_environment(service.home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        limit = copied + dice.randint(1, number // 3)

        def is_far_enough(process: subprocess.Popen[bytes] = process, limit: int = limit) -> bool:
            return process.poll() is not None or rows_in(service.target) >= limit

        wait_until(is_far_enough, "some rows are there")
        process.kill()
        process.communicate(timeout=30)
        kills += process.returncode == -signal.SIGKILL
        found = rows_in(service.target)
        assert found >= copied
        copied = found
        assert not service.opens("--store", service.target)
    assert kills
    told = json.loads(service.copy("--json"))
    assert told["tables"]["keys"]["rows"] == number + 3
    assert service.same()


def rows_in(uri: str) -> int:
    found = asyncio.run(ask(uri, "SELECT count(*) FROM keys"))
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("module", "owner", "name"),
    [
        ("watchword_server.store.sqlite_copy", "Source", "close_as"),
        ("watchword_server.store.postgres_copy", "Target", "open_up"),
    ],
)
def test_killed_between_the_closing_and_the_opening(
    service: Service, module: str, owner: str, name: str, when: str
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", DIES, module, owner, name, when),
            *("store", "copy", *service.places, "--final", "--yes"),
        ],
        env=home_environment(service.home),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    there = ("--store", service.target)
    open_ones = [service.opens(), service.opens(*there)]
    assert open_ones == [(name, when) == ("close_as", "before"), (name, when) == ("open_up", "after")]
    service.move()
    assert [service.opens(), service.opens(*there)] == [False, True]
    service.run("audit", "verify", *there)


class TestMoved:
    @pytest.fixture(autouse=True)
    def _moved(self, service: Service) -> None:
        service.move()

    def test_nothing_decides_on_the_source_any_more(self, service: Service, other_target: str) -> None:
        for command in (
            ("serve", "--port", "0"),
            ("keys", "list"),
            ("audit", "verify"),
            ("store", "check"),
        ):
            assert "was moved to postgresql://watchword@" in service.refused(*command)
        assert "was moved to" in service.refused("store", "copy", service.places[0], other_target)

    def test_a_second_time_there_is_nothing_to_do(self, service: Service) -> None:
        service.run("keys", "create", "new", "--store", service.target)
        assert "moved to" in service.move()
        assert "already" in service.copy()
        assert service.opens("--store", service.target)

    def test_it_can_be_taken_back_while_nothing_was_decided_there(self, service: Service) -> None:
        with service.client_there():
            pass
        service.run("store", "reopen", *service.places, "--yes")
        assert [service.opens(), service.opens("--store", service.target)] == [True, False]
        assert "store.reopen" in service.run("audit", "tail")
        service.run("audit", "verify")
        # And it can be moved again, with what happened in between.
        service.run("keys", "create", "new")
        service.move()
        assert "new" in service.run("keys", "list", "--store", service.target)
        service.run("audit", "verify", "--store", service.target)

    def test_another_node_that_still_runs_there_cannot_go_on(self, service: Service) -> None:
        places = ("--data-dir", "node", "--sealing-keys", str(service.folder / "sealing.keys"))
        with service.client("--store", service.target, *places) as client:
            service.run("store", "reopen", *service.places, "--yes")
            code = code_at(TOTP, step_at(TOTP, time.time()))
            answer = client.post("/v1/keys/time/check", json={"code": code})
            assert answer.status_code == 503, answer.text
        with service.client() as client:
            assert check(client, "time", code_at(TOTP, step_at(TOTP, time.time()))) == "valid"

    def test_it_cannot_be_taken_back_once_a_code_was_used_there(self, service: Service) -> None:
        with service.client_there() as client:
            assert check(client, "count", code_at(HOTP, 0)) == "valid"
        assert "has decided on codes or keys since" in service.refused(
            "store", "reopen", *service.places, "--yes"
        )
        assert [service.opens(), service.opens("--store", service.target)] == [False, True]

    def test_restored_it_answers_again_and_takes_no_code_up_to_now(
        self, service: Service, tmp_path: Path
    ) -> None:
        """The way back if PostgreSQL is lost."""
        with service.client_there() as client:
            assert check(client, "count", code_at(HOTP, 0)) == "valid"
            assert redeem(client, service.recovery[0])
        service.run("store", "backup", str(tmp_path / "old.db"))
        told = json.loads(service.run("store", "restore", str(tmp_path / "old.db"), "--yes", "--json"))
        assert told["replaced_was_read"] is False
        with service.client() as client:
            assert check(client, "count", code_at(HOTP, 0)) == "replayed"
            assert check(client, "time", code_at(TOTP, step_at(TOTP, time.time()))) == "replayed"
            assert not redeem(client, service.recovery[0])


def test_what_was_not_moved_cannot_be_taken_back(service: Service) -> None:
    assert "was not moved" in service.refused("store", "reopen", *service.places, "--yes")
    service.copy()
    assert "was not moved" in service.refused("store", "reopen", *service.places, "--yes")


def test_no_server_starts_on_a_copy_that_is_not_finished(service: Service) -> None:
    service.copy()
    for command in (("serve", "--port", "0"), ("keys", "list")):
        told = service.refused(*command, "--store", service.target)
        assert "a copy into this database is not finished" in told
    assert service.opens()


def test_without_the_sealing_keys_everything_is_moved_sealed(service: Service) -> None:
    keys = service.folder / "sealing.keys"
    keys.rename(service.home / "elsewhere")
    told = service.move()
    assert "compared, but not verified by its key" in told
    (service.home / "elsewhere").rename(keys)
    with service.client_there() as client:
        assert check(client, "count", code_at(HOTP, 0)) == "valid"
    service.run("audit", "verify", "--store", service.target)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("postgresql://watchword@127.0.0.1:1/watchword", "cannot be reached"),
        ("mysql://watchword@127.0.0.1/watchword", "must be a URI such as postgresql://"),
        (
            "postgresql://watchword@db.example.net/watchword?sslmode=perhaps",
            "its address cannot be used",
        ),
    ],
)
def test_an_address_that_is_of_no_use(service: Service, uri: str, told: str) -> None:
    for command in ("copy", "reopen"):
        line = service.refused("store", command, service.places[0], uri, "--yes")
        assert told in line


def test_places_that_are_of_no_use(service: Service, tmp_path: Path) -> None:
    nowhere = service.target.replace("/test_", "/no_such_")
    assert "createdb" in service.refused("store", "copy", service.places[0], nowhere)
    assert "there is no database in" in service.refused("store", "copy", str(tmp_path), service.target)
    service.run("store", "backup", str(tmp_path / "copy.db"))
    told = service.refused("store", "copy", str(tmp_path / "copy.db"), service.target)
    assert "may be older than codes that were used since" in told
    assert "name the PostgreSQL" in service.refused("store", "copy", service.places[0])


def test_the_file_itself_may_be_named_and_the_setting_says_where_to(service: Service) -> None:
    environment = {"WATCHWORD_SERVER_STORE": service.target}
    done = run_server_command(
        service.home, "store", "copy", str(service.database), "--json", environment=environment
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["moved"] is False


def test_what_differs_is_told_and_nothing_is_moved(service: Service) -> None:
    service.copy()

    async def change() -> None:
        connection = await asyncpg.connect(service.target)
        await connection.execute("UPDATE audit SET event = '{}' WHERE seq = 2")
        await connection.close()

    asyncio.run(change())
    done = run_server_command(service.home, "store", "copy", *service.places, "--final", "--yes")
    assert done.returncode == 1
    assert "Not the same: audit: " in done.stdout
    assert "the first that differ: 2" in done.stdout
    assert "moved nothing" in done.stdout
    assert service.opens()

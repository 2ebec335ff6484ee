"""Real faults under a running validator: it says which, judges nothing, and recovers without help.

Each fault is a block in which it holds. Inside, a right code is neither accepted nor counted; after
it the same code is accepted by the same server.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import httpx
import pytest
from aiohttp import web

from each_store import run_sql
from faulty import CHECK, cause_of, code_by, eventually, is_ready
from server_processes import run_server_command, server_process
from servers import NO_TLS, Clock, RunningServer, audit_events, find_key, running_server
from watchword_server.app import create_app
from watchword_server.ledger import Ledger
from watchword_server.seal import Keyring, Ring
from watchword_server.serve import make_runner
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token, digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.sqlite


class Fault(Protocol):
    """Something that is wrong while its block lasts."""

    def __call__(self, server: RunningServer, /) -> contextlib.AbstractContextManager[None]: ...


@contextlib.contextmanager
def locked(server: RunningServer) -> Iterator[None]:
    """Another process is writing, and does not come to an end."""
    program = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, server.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.communicate()


@contextlib.contextmanager
def gone(server: RunningServer) -> Iterator[None]:
    """The file is moved away, and put back."""
    away = server.database.with_name("away")
    server.database.rename(away)
    yield
    away.rename(server.database)


@contextlib.contextmanager
def overwritten(server: RunningServer) -> Iterator[None]:
    """Something writes all over the file and its log; then a backup is restored."""
    files = list(server.database.parent.glob("watchword.db*"))
    before = {file: file.read_bytes() for file in files}
    for file, content in before.items():
        if not file.name.endswith("-shm"):
            file.write_bytes(b"\xa5" * len(content))
    yield
    for file in files:
        file.unlink(missing_ok=True)
    # As a restored backup: another file under the name.
    fresh = server.database.with_name("fresh")
    fresh.write_bytes(before[server.database])
    fresh.chmod(0o600)
    for file, content in before.items():
        if file != server.database:
            file.write_bytes(content)
    fresh.rename(server.database)


@contextlib.contextmanager
def full(_: RunningServer) -> Iterator[None]:
    """No file may grow any further: the limit of the process stands for the end of the disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signalled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signalled)


FAULTS: dict[str, tuple[Fault, set[Cause]]] = {
    "database locked": (locked, {Cause.LOCKED}),
    "database gone": (gone, {Cause.GONE}),
    "database overwritten": (overwritten, {Cause.DAMAGED}),
    "no room": (full, {Cause.DISK_FULL, Cause.FAILED}),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask anew for each `/readyz`, and wait for no lock."""
    monkeypatch.setattr("watchword_server.readiness.FRESH_SECONDS", 0)
    monkeypatch.setattr("watchword_server.store.sqlite_connection.BUSY_SECONDS", 0)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_named_judges_nothing_and_passes(
    name: str, server: RunningServer, client: httpx.AsyncClient
) -> None:
    fault, causes = FAULTS[name]
    wrong = server.wrong_code()
    assert (await client.post(CHECK, json={"code": wrong})).json()["attempts_left"] == 4
    assert await is_ready(client)
    with fault(server):
        for code in (server.code(), wrong):
            assert await cause_of(client, code) in causes
        assert not await is_ready(client)
        assert (await client.get("/healthz")).status_code == 200
    assert (await client.post(CHECK, json={"code": wrong})).json()["attempts_left"] == 3
    assert (await client.post(CHECK, json={"code": server.code()})).json()["valid"] is True
    assert await is_ready(client)
    verdicts = [event.verdict for event in await audit_events(server.ledger) if event.verdict]
    assert verdicts == ["wrong", "wrong", "accepted"]


async def test_a_deleted_database_is_not_made_again(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    for file in server.database.parent.glob("watchword.db*"):
        file.unlink()
    assert await cause_of(client, server.code()) == Cause.GONE
    assert list(server.database.parent.glob("watchword.db*")) == []


async def test_a_backup_put_in_its_place_is_what_counts_from_then_on(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    backup = server.database.with_name("backup")
    await run_sql(server.database, f"VACUUM INTO '{backup}'")
    await client.post(CHECK, json={"code": server.wrong_code()})
    for file in server.database.parent.glob("watchword.db-*"):
        file.unlink()
    backup.rename(server.database)
    # What happened after the backup is forgotten, and what happens now is kept in the new file.
    assert (await client.post(CHECK, json={"code": server.wrong_code()})).json()["attempts_left"] == 4
    assert (await find_key(server.store)).state.failures == 1
    (row,) = await run_sql(server.database, "SELECT failures FROM keys")
    assert row == (1,)


async def test_a_log_that_was_removed_takes_nothing_along(
    server: RunningServer, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """A crash right after it still finds the code used."""
    await client.post(CHECK, json={"code": server.wrong_code()})
    for file in server.database.parent.glob("watchword.db-*"):
        file.unlink()
    code = server.code()
    assert (await client.post(CHECK, json={"code": code})).json()["valid"] is True
    crashed = tmp_path / "crashed"
    await asyncio.to_thread(shutil.copytree, tmp_path, crashed)
    async with running_server(crashed, clock=server.clock) as restarted, restarted.client() as other:
        assert (await other.post(CHECK, json={"code": code})).json()["reason"] == "replayed"
        await audit_events(restarted.ledger)


async def test_looking_whether_it_is_ready_leaves_the_log_to_the_server(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    """The last program to close a database takes its log away; that must not be another one."""
    assert await is_ready(client)
    program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM keys').close()"
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, server.database)
    assert await other.wait() == 0
    assert server.database.with_name("watchword.db-wal").exists()


class TestSealingKeys:
    """The file `sealing.keys`, after the server has opened keys with it and before."""

    async def refused(self, folder: Path, clock: Clock) -> Cause:
        with pytest.raises(StoreError) as raised:
            async with running_server(folder, clock=clock):
                pass
        return raised.value.cause

    async def test_missing_wrong_and_put_back(self, tmp_path: Path) -> None:
        file = tmp_path / "sealing.keys"
        async with running_server(tmp_path) as server, server.client() as client:
            code = server.code()
            await client.post(CHECK, json={"code": server.wrong_code()})
        kept = await asyncio.to_thread(file.read_bytes)
        await asyncio.to_thread(file.unlink)
        assert await self.refused(tmp_path, server.clock) is Cause.SEALING_KEY_MISSING
        # None is made in its place: what it would seal could not be opened by the right one.
        assert not await asyncio.to_thread(file.exists)
        await asyncio.to_thread(file.write_text, Ring.generate().text())
        await asyncio.to_thread(file.chmod, 0o600)
        assert await self.refused(tmp_path, server.clock) is Cause.SEALING_KEY_WRONG
        await asyncio.to_thread(file.write_bytes, kept)
        async with running_server(tmp_path, clock=server.clock) as server, server.client() as client:
            answer = await client.post(CHECK, json={"code": code})
            assert answer.json()["valid"] is True

    async def test_a_server_that_starts_without_them_is_not_ready_until_they_are_back(
        self, tmp_path: Path
    ) -> None:
        file = tmp_path / "sealing.keys"
        async with running_server(tmp_path) as first:
            pass
        away = tmp_path / "away"
        await asyncio.to_thread(file.rename, away)
        async with unprepared_server(tmp_path, first.clock) as url:
            token = {"Authorization": "Bearer test"}
            async with httpx.AsyncClient(base_url=url, headers=token, verify=NO_TLS) as client:
                assert await cause_of(client, first.code()) == Cause.SEALING_KEY_MISSING
                assert not await is_ready(client)
                await asyncio.to_thread(away.rename, file)
                assert await is_ready(client)
                answer = await client.post(CHECK, json={"code": first.code()})
                assert answer.json()["valid"] is True

    async def test_a_server_process_comes_to_itself_when_they_are_back(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        environment = {"WATCHWORD_SERVER_DATA_DIR": str(data)}
        with server_process(tmp_path, environment=environment) as server:
            token = server.token
            assert server.stop() == 0
        away = data / "away"
        await asyncio.to_thread((data / "sealing.keys").rename, away)
        headers = {"Authorization": f"Bearer {token}"}
        with server_process(tmp_path, environment=environment) as server:
            async with httpx.AsyncClient(base_url=server.url, headers=headers, verify=NO_TLS) as client:
                assert await eventually(client, ready=False)
                assert await cause_of(client, "000000") == Cause.SEALING_KEY_MISSING
                await asyncio.to_thread(away.rename, data / "sealing.keys")
                assert await eventually(client, ready=True)
                code = await code_by(client)
                assert (await client.post(CHECK, json={"code": code})).json()["valid"] is True


def test_a_server_does_not_start_on_an_overwritten_database(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with server_process(tmp_path, "--data-dir", str(data)) as server:
        assert server.stop() == 0
    damage = b"\xa5" * 8192
    (data / "watchword.db").write_bytes(damage)
    ended = run_server_command(tmp_path, "serve", "--port", "0", "--data-dir", str(data))
    assert ended.returncode == 2
    assert "not a database; restore a backup" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (data / "watchword.db").read_bytes() == damage


@contextlib.asynccontextmanager
async def unprepared_server(folder: Path, clock: Clock) -> AsyncIterator[str]:
    """The application on a database as it is, its sealing keys not looked at; its token is `test`."""
    store = await SqliteStore.open(folder / "watchword.db")
    ledger = Ledger(store, Keyring(folder / "sealing.keys", {}), clock=clock)
    token = Token(name="test", digest=digest_of("test"), scopes=frozenset(Scope))
    runner = make_runner(create_app(ledger=ledger, clock=clock, configured_tokens=[token]))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{site.port}"
    finally:
        await runner.cleanup()
        await store.close()


class TestClock:
    async def test_set_back_it_judges_nothing_until_it_has_come_forward_again(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used = server.code()
        assert (await client.post(CHECK, json={"code": used})).json()["valid"] is True
        server.clock.advance(-7200)
        for code in (used, server.code(), server.wrong_code()):
            assert await cause_of(client, code) == Cause.CLOCK_BACK
        assert not await is_ready(client)
        server.clock.advance(7200)
        assert await is_ready(client)
        replayed = (await client.post(CHECK, json={"code": used})).json()
        assert (replayed["reason"], replayed["attempts_left"]) == ("replayed", 5)
        server.clock.advance(30)
        assert (await client.post(CHECK, json={"code": server.code()})).json()["valid"] is True

    async def test_a_few_seconds_are_what_time_servers_do(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await client.post(CHECK, json={"code": server.code()})
        server.clock.advance(-10)
        assert (await client.post(CHECK, json={"code": server.code()})).status_code == 200
        server.clock.advance(-0.5)
        assert await cause_of(client, server.code()) == Cause.CLOCK_BACK

"""Several processes behind one address, as people run them: `serve --workers N` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from loopback import free_port
from postgres_engine import connected
from processes import descendants, is_running, wait_until
from server_processes import ServerProcess, home_environment, run_server_command, server_process
from servers import NO_TLS
from systemd_units import activated, supervisor
from tls_files import flags, issue, serial_of, trusting, wait_for_line
from watchword_otp import code_at, parse_uri, step_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from postgres_engine import Cluster
    from server_commands import Commands

_SERVE = (sys.executable, "-m", "watchword_server", "serve")
_numbers = itertools.count()
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
async def dsn(postgres: Cluster) -> AsyncIterator[str]:
    """The address of an empty database."""
    name = f"workers_{next(_numbers)}"
    async with connected(postgres.dsn()) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
        yield postgres.dsn(name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def ask(running: ServerProcess, path: str, token: str | None = None) -> httpx.Response:
    """Ask on a connection of its own, which may come to any of the workers."""
    headers = {"Authorization": f"Bearer {token or running.token}"}
    return httpx.get(running.url + path, headers=headers, trust_env=False, verify=NO_TLS, timeout=20)


def asked(running: ServerProcess) -> int:
    """The worker that answers a new connection."""
    answer = ask(running, "/readyz")
    assert answer.status_code == 200, answer.text
    worker: int = answer.json()["worker"]
    return worker


def ask_all(running: ServerProcess, count: int) -> None:
    """Ask until each of the workers has answered."""
    missing = set(range(1, count + 1))

    def one_more() -> bool:
        missing.discard(asked(running))
        return not missing

    wait_until(one_more, f"all {count} workers answer")


def workers_of(running: ServerProcess) -> list[int]:
    """The processes of the workers."""
    return descendants(running.process.pid)


def metrics_token(folder: Path, dsn: str) -> str:
    done = run_server_command(folder, "tokens", "create", "watch", "--scope", "metrics", "--store", dsn)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def read_metrics(running: ServerProcess, token: str) -> dict[tuple[str, str], float]:
    """The samples, by name and route."""
    answer = ask(running, "/metrics", token)
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, sample.labels.get("route", "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_one_address_one_token_and_codes_that_count_once_whoever_is_asked(
    tmp_path: Path, dsn: str
) -> None:
    with server_process(tmp_path, "--workers", "3", "--store", dsn) as running:
        assert len(workers_of(running)) == 3
        ask_all(running, 3)
        assert running.token is not None
        key = parse_uri(ask(running, "/qr?format=uri").text)
        code = code_at(key, step_at(key, time.time()))
        accepted = [ask(running, f"/check/{code}").json()["status"] for _ in range(9)]
        assert accepted == [True] + [False] * 8
        running.process.send_signal(signal.SIGTERM)
        rest, _ = running.process.communicate(timeout=30)
        assert (running.process.returncode, rest) == (0, "")
    done = run_server_command(tmp_path, "tokens", "list", "--json", "--store", dsn)
    assert [token["name"] for token in json.loads(done.stdout)] == ["first"]
    assert "Traceback" not in running.log.read_text()
    with server_process(tmp_path, "--workers", "2", "--store", dsn) as again:
        assert again.token is None
        assert again.stop(signal.SIGINT) == 0


class TestEnding:
    def test_one_that_is_killed_is_missed_by_nobody_and_comes_back(
        self, tmp_path: Path, dsn: str
    ) -> None:
        with server_process(tmp_path, "--workers", "2", "--store", dsn) as running:
            before = workers_of(running)
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: not is_running(before[0]), "it is gone")
            # The other one has all of the connections.
            assert len({asked(running) for _ in range(10)}) == 1
            wait_until(lambda: "is back, as process" in running.log.read_text(), "it is back")
            ask_all(running, 2)
            assert len(set(workers_of(running)) - set(before)) == 1
            assert running.stop() == 0
        log = running.log.read_text()
        assert "ended by SIGKILL; it is started again in 1 s" in log
        assert "Traceback" not in log

    async def test_checks_in_flight_get_their_answers(self, tmp_path: Path, dsn: str) -> None:
        with server_process(tmp_path, "--workers", "2", "--store", dsn) as running:
            async with contextlib.AsyncExitStack() as stack:
                clients: dict[int, httpx.AsyncClient] = {}
                while len(clients) < 2:
                    client = await stack.enter_async_context(client_of(running))
                    clients[(await client.get("/readyz")).json()["worker"]] = client
                holder = await stack.enter_async_context(connected(dsn))
                transaction = holder.transaction()
                await transaction.start()
                await holder.execute("LOCK TABLE keys IN ACCESS EXCLUSIVE MODE")
                checks = [
                    asyncio.create_task(client.get("/check/000000")) for client in clients.values()
                ]
                while await holder.fetchval(_WAITING) < 2:  # noqa: ASYNC110 - PostgreSQL's state
                    await asyncio.sleep(0.01)
                running.process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(wait_until, lambda: not answers(running), "none accepts")
                assert not any(check.done() for check in checks)
                await transaction.rollback()
                for answer in await asyncio.gather(*checks):
                    assert (answer.status_code, answer.json()) == (200, {"status": False})
            assert await asyncio.to_thread(running.process.wait, 30) == 0
        assert "Traceback" not in running.log.read_text()

    def test_none_outlives_its_supervisor(self, tmp_path: Path, dsn: str) -> None:
        with server_process(tmp_path, "--workers", "2", "--store", dsn) as running:
            workers = workers_of(running)
            running.process.kill()
            running.process.wait(timeout=20)
            try:
                wait_until(lambda: not any(map(is_running, workers)), "they have ended")
            finally:
                for process in filter(is_running, workers):
                    os.kill(process, signal.SIGKILL)
            assert not answers(running)
        assert "Traceback" not in running.log.read_text()

    def test_one_that_is_stopped_by_hand_hands_over(self, tmp_path: Path, dsn: str) -> None:
        with server_process(tmp_path, "--workers", "2", "--store", dsn) as running:
            token = metrics_token(tmp_path, dsn)
            for _ in range(10):
                ask(running, "/healthz")
            os.kill(workers_of(running)[0], signal.SIGTERM)
            wait_until(lambda: "is back, as process" in running.log.read_text(), "it is back")
            # What it counted to the last was not lost.
            found = read_metrics(running, token)
            assert found["watchword_requests_total", "/healthz"] == 10
            assert found["watchword_worker_restarts_total", ""] == 1
        assert "ended with exit status 0; it is started again" in running.log.read_text()

    def test_ctrl_c_while_they_start_leaves_no_traceback(self, tmp_path: Path, dsn: str) -> None:
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [*_SERVE, "--port", "0", "--workers", "2", "--store", dsn],
                cwd=tmp_path,
                env=home_environment(tmp_path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # As a shell starts a command that the keys of its terminal are for.
                process_group=0,
            )
        try:
            wait_until(lambda: descendants(process.pid), "a worker starts")
            wait_until(
                lambda: process.pid not in map(os.getpgid, descendants(process.pid)),
                "it is out of the way of such keys",
            )
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.wait()
        assert "Traceback" not in (tmp_path / "log").read_text()

    def test_the_end_of_standard_input_ends_all_if_asked(self, tmp_path: Path, dsn: str) -> None:
        with server_process(tmp_path, "--workers", "2", "--stop-on-eof", "--store", dsn) as running:
            workers = workers_of(running)
            assert running.process.stdin is not None
            running.process.stdin.close()
            assert running.process.wait(timeout=30) == 0
            running.process.stdin = None
            assert not any(map(is_running, workers))


class TestAddress:
    @pytest.mark.parametrize("count", ["1", "2"])
    def test_that_of_others_is_refused_though_workers_share_one(
        self, tmp_path: Path, dsn: str, count: str
    ) -> None:
        with server_process(tmp_path, "--workers", "2", "--store", dsn) as running:
            port = str(urlsplit(running.url).port)
            arguments = ("serve", "--port", port, "--workers", count, "--store", dsn)
            done = run_server_command(tmp_path, *arguments)
            assert (done.returncode, done.stdout) == (2, "")
            assert f"port {port} on 127.0.0.1 is in use" in done.stderr
            ask_all(running, 2)

    def test_a_port_that_something_else_has_is_refused(self, tmp_path: Path, dsn: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            arguments = ("serve", "--port", port, "--workers", "2", "--store", dsn)
            done = run_server_command(tmp_path, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is in use" in done.stderr
        # No first token was made and lost.
        assert not (tmp_path / "state").exists()

    def test_two_that_start_at_once_do_not_share_one(self, tmp_path: Path, dsn: str) -> None:
        port = str(free_port())
        arguments = ("--json", "--port", port, "--workers", "2", "--store", dsn)
        both = [
            subprocess.Popen(
                [*_SERVE, *arguments],
                cwd=tmp_path,
                env=home_environment(tmp_path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        try:
            wait_until(lambda: any(each.poll() is not None for each in both), "one is refused")
            refused, serving = sorted(both, key=lambda each: each.poll() is None)
            assert refused.returncode == 2
            assert serving.stdout is not None
            assert json.loads(serving.stdout.readline())["url"] == f"http://127.0.0.1:{port}"
        finally:
            for each in both:
                each.terminate()
            said = [each.communicate(timeout=30)[1] for each in both]
        assert serving.returncode == 0
        assert f"port {port} on 127.0.0.1 is in use" in said[both.index(refused)]

    def test_a_unix_socket_is_everybodys_and_stays_until_the_last_has_ended(
        self, tmp_path: Path, dsn: str
    ) -> None:
        path = tmp_path / "w.sock"
        with server_process(
            tmp_path, "--unix-socket", str(path), "--workers", "2", "--store", dsn
        ) as running:
            transport = httpx.HTTPTransport(uds=str(path))
            with httpx.Client(transport=transport, base_url="http://localhost") as client:
                for process in workers_of(running):
                    before = running.log.read_text().count("is back")
                    os.kill(process, signal.SIGTERM)
                    wait_until(lambda: not is_running(process), "it has ended")  # noqa: B023 - now
                    assert client.get("/readyz").status_code == 200
                    wait_until(
                        lambda: running.log.read_text().count("is back") > before,  # noqa: B023 - now
                        "it is back",
                    )
            assert running.stop() == 0
        assert not path.exists()

    def test_how_many_connections_there_may_be_is_for_all_together(
        self, tmp_path: Path, dsn: str
    ) -> None:
        arguments = ("--workers", "2", "--max-connections", "6", "--store", dsn)
        with server_process(tmp_path, *arguments) as running, contextlib.ExitStack() as stack:
            address = ("127.0.0.1", urlsplit(running.url).port)
            # So many that each of the two is asked for more than its share.
            opened = [stack.enter_context(socket.create_connection(address)) for _ in range(60)]
            statuses = []
            for each in opened:
                each.settimeout(20)
                each.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                statuses.append(each.recv(12).decode())
            assert statuses.count("HTTP/1.1 200") == 6
            assert statuses.count("HTTP/1.1 503") == 54


def test_metrics_are_of_all_whichever_is_asked(tmp_path: Path, dsn: str) -> None:
    with server_process(tmp_path, "--workers", "3", "--store", dsn) as running:
        token = metrics_token(tmp_path, dsn)
        for _ in range(30):
            ask(running, "/healthz")
        for _ in range(3):
            assert ask(running, "/check/000000").status_code == 200
        for asked_before in range(6):
            found = read_metrics(running, token)
            assert found["watchword_requests_total", "/healthz"] == 30
            assert found["watchword_request_seconds_count", "/healthz"] == 30
            assert found["watchword_commit_seconds_count", ""] == 3
            assert found.get(("watchword_requests_total", "/metrics"), 0) == asked_before
            assert found["watchword_ready", ""] == 1
            assert found["watchword_workers", ""] == 3
        killed = workers_of(running)[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not is_running(killed), "it is gone")
        # What it had counted when it was asked last is still in the sum.
        found = read_metrics(running, token)
        assert found["watchword_requests_total", "/healthz"] == 30
        wait_until(lambda: "is back" in running.log.read_text(), "it is back")
        found = read_metrics(running, token)
        assert found["watchword_requests_total", "/healthz"] == 30
        assert found["watchword_workers", ""] == 3


def test_logs_say_which_worker(tmp_path: Path, dsn: str) -> None:
    # Also where the name of a host stands for several addresses.
    log = ("--host", "localhost", "--access-log", "--log-format", "json")
    arguments = (*log, "--workers", "2", "--store", dsn)
    with server_process(tmp_path, *arguments) as running:
        ask_all(running, 2)
        assert running.stop() == 0
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    requests = {line["worker"] for line in lines if line.get("route") == "/readyz"}
    assert requests == {1, 2}
    (stopping,) = [line for line in lines if line["message"] == "stopping"]
    assert "worker" not in stopping
    # One of them looks after the audit log.
    assert {line["worker"] for line in lines if "audit checkpoint" in line["message"]} == {1}


def test_a_certificate_is_renewed_in_all_of_them(tmp_path: Path, dsn: str) -> None:
    authority = trustme.CA()
    files = issue(authority, tmp_path)
    context = trusting(authority)
    with server_process(tmp_path, *flags(files), "--workers", "2", "--store", dsn) as running:
        before = serial_of(running, context)
        issue(authority, tmp_path)
        running.process.send_signal(signal.SIGHUP)
        # Of the supervisor, who looks at the files first, and of both.
        wait_until(lambda: running.log.read_text().count("TLS files were read again") == 3, "all have")
        after = {serial_of(running, context) for _ in range(20)}
        assert len(after) == 1
        assert before not in after
        files.cert.write_text("no certificate")
        running.process.send_signal(signal.SIGHUP)
        wait_for_line(running, "TLS stays as it was")
        assert {serial_of(running, context) for _ in range(5)} == after
        assert running.log.read_text().count("TLS stays as it was") == 1


class TestSystemd:
    @pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")
    def test_states_are_those_of_all(self, tmp_path: Path, dsn: str) -> None:
        with supervisor(tmp_path) as listening:
            environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "20000"}
            arguments = ("--workers", "2", "--store", dsn)
            with server_process(tmp_path, *arguments, environment=environment) as running:
                assert listening.recv(999) == b"READY=1"
                assert count_listeners(urlsplit(running.url).port) == 2
                assert [listening.recv(999) for _ in range(3)] == [b"WATCHDOG=1"] * 3
                running.process.send_signal(signal.SIGTERM)
                while (said := listening.recv(999)) == b"WATCHDOG=1":
                    pass
                assert said == b"STOPPING=1"
                assert running.process.wait(timeout=30) == 0

    def test_its_sockets_are_shared(self, tmp_path: Path, dsn: str) -> None:
        environment = {"WATCHWORD_SERVER_WORKERS": "2", "WATCHWORD_SERVER_STORE": dsn}
        with socket.create_server(("127.0.0.1", 0)) as passed:
            with activated(tmp_path, passed, environment=environment) as (process, url):
                assert url == f"http://127.0.0.1:{passed.getsockname()[1]}"
                found = {httpx.get(f"{url}/readyz", trust_env=False, verify=NO_TLS).json()["worker"]}
                assert found <= {1, 2}
                workers = descendants(process.pid)
                assert len(workers) == 2
                process.terminate()
                assert process.wait(timeout=30) == 0
            assert not any(map(is_running, workers))


class TestRefusals:
    def test_one_process_is_faster_on_sqlite(self, run: Commands) -> None:
        done = run("serve", "--port", "0", "--workers", "4")
        assert (done.status, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert line.startswith("watchword-server: --workers 4 needs --store postgresql://...: ")
        assert line.endswith("leave --workers out")
        assert not run.folder.exists()

    def test_what_a_worker_finds_is_said_as_if_there_were_none(
        self, tmp_path: Path, postgres: Cluster
    ) -> None:
        arguments = ("serve", "--port", "0", "--store", postgres.dsn("nowhere"), "--workers")
        alone, several = (run_server_command(tmp_path, *arguments, count) for count in ("1", "2"))
        assert (several.returncode, several.stdout) == (alone.returncode, alone.stdout) == (2, "")
        assert several.stderr.splitlines()[-1] == alone.stderr.splitlines()[-1]


def test_a_database_that_is_not_ready_is_waited_for(tmp_path: Path, dsn: str) -> None:
    with server_process(tmp_path, "--store", dsn) as alone:
        assert alone.stop() == 0
    keys = tmp_path / "state" / "watchword" / "sealing.keys"
    keys.rename(tmp_path / "away")
    with server_process(tmp_path, "--workers", "2", "--store", dsn) as running:
        assert ask(running, "/readyz", alone.token).status_code == 503
        (tmp_path / "away").rename(keys)
        assert running.process.stdout is not None
        assert "not_ready" not in json.loads(running.process.stdout.readline())
        wait_until(lambda: running.log.read_text().count("ready now") == 2, "both are ready")
        ask_all(running, 2)
        running.process.send_signal(signal.SIGTERM)
        # It was said once, though both found out.
        rest, _ = running.process.communicate(timeout=30)
        assert (running.process.returncode, rest) == (0, "")


def count_listeners(port: int | None) -> int:
    """How many sockets listen on this port of 127.0.0.1."""
    text = Path("/proc/net/tcp").read_text()
    return sum(line.split()[1:4:2] == [f"0100007F:{port:04X}", "0A"] for line in text.splitlines())


def client_of(running: ServerProcess) -> httpx.AsyncClient:
    """A client that keeps its connection, and so its worker."""
    return httpx.AsyncClient(
        base_url=running.url,
        headers={"Authorization": f"Bearer {running.token}"},
        trust_env=False,
        verify=NO_TLS,
        timeout=20,
    )


def answers(running: ServerProcess) -> bool:
    """Whether a new connection is accepted."""
    try:
        socket.create_connection(("127.0.0.1", urlsplit(running.url).port or 0)).close()
    except ConnectionRefusedError:
        return False
    return True

"""How several processes end, one or all, and that nobody else gets their address."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from loopback import free_port
from postgres_engine import connected
from processes import descendants, is_running, wait_until
from server_processes import home_environment, run_server_command, server_process
from several_processes import (
    answers,
    ask,
    ask_all,
    asked,
    client_of,
    empty_database,
    metrics_token,
    read_metrics,
    workers_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from postgres_engine import Cluster

# Each test starts a handful of interpreters.
pytestmark = pytest.mark.timeout(180)

_SERVE = (sys.executable, "-m", "watchword_server", "serve")
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
async def dsn(postgres: Cluster) -> AsyncIterator[str]:
    async with empty_database(postgres) as dsn:
        yield dsn


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

"""Several processes behind one address, as people run them: `serve --workers N` on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from postgres_engine import ask as ask_database
from processes import descendants, is_running, wait_until
from server_processes import run_server_command, server_process
from servers import NO_TLS
from several_processes import (
    ask,
    ask_all,
    count_listeners,
    empty_database,
    metrics_token,
    read_metrics,
    workers_of,
)
from systemd_units import activated, supervisor
from tls_files import flags, issue, serial_of, trusting, wait_for_line
from watchword_otp import code_at, parse_uri, step_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from postgres_engine import Cluster
    from server_commands import Commands

# Each test starts a handful of interpreters.
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def dsn(postgres: Cluster) -> AsyncIterator[str]:
    async with empty_database(postgres) as dsn:
        yield dsn


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
    assert "Traceback" not in running.log.read_text()
    assert asyncio.run(ask_database(dsn, "SELECT count(*) FROM tokens")) == 1


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

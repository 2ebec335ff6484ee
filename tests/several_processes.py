"""Servers of several processes: which one answers, and what they have counted together."""

from __future__ import annotations

import contextlib
import itertools
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from postgres_engine import connected
from processes import descendants, wait_until
from server_processes import run_server_command
from servers import NO_TLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from postgres_engine import Cluster
    from server_processes import ServerProcess

_numbers = itertools.count()


@contextlib.asynccontextmanager
async def empty_database(postgres: Cluster) -> AsyncIterator[str]:
    """The address of a database that nobody has used, dropped afterwards."""
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

"""How long a server takes from its start to the first check answered, by how many keys it has."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.figures import ratio
from benchmarks.harness import UnavailableError, plain_environment
from benchmarks.server_databases import sqlite_keys
from benchmarks.server_keys import DEFAULT_KEY
from benchmarks.server_processes import server_command

from watchword_otp import code_at, step_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.server_keys import Keys

MANY = 1_000_000
ROUNDS = 9


def measure(bench: Bench) -> None:
    """Start a server with many keys and one with none but the default key in turns."""
    many, none = bench.in_turns(
        ROUNDS,
        {
            f"watchword-server, {MANY:,} keys": _start(sqlite_keys(bench.folder, MANY)),
            "watchword-server, none but the default key": _start(sqlite_keys(bench.folder, 0)),
        },
        "start to first check",
    )
    bench.add(ratio(f"start to first check, {MANY:,} keys / none", many, none, 1.5))


def _start(keys: Keys) -> Callable[[], float]:
    data = keys.database.data
    command, environment = server_command(data), plain_environment(data.parent)

    def run() -> float:
        started = time.perf_counter()
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            # Leaving this block closes its standard input, and so ends the server.
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise UnavailableError("the server does not start")
            _check(json.loads(line)["url"], keys.token)
            return time.perf_counter() - started

    return run


def _check(url: str, token: str) -> None:
    code = code_at(DEFAULT_KEY, step_at(DEFAULT_KEY, time.time()))
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", f"/check/{code}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise UnavailableError(f"the first check was answered with {answer.status}")

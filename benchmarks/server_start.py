"""How long a server takes from its start to the first check answered, by how many keys it has."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.harness import Figure, UnavailableError, interleaved, milliseconds, plain_environment
from benchmarks.server_keys import DEFAULT_KEY, Keys
from benchmarks.server_processes import server_command

from watchword_otp import code_at, step_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANY = 1_000_000
ROUNDS = 9


def measure(folder: Path) -> list[Figure]:
    """Start a server with many keys and one with none but the default key in turns."""
    many, none = interleaved(ROUNDS, _start(Keys(folder, MANY)), _start(Keys(folder, 0)))
    return [
        Figure(
            name=f"start to first check, {MANY} keys / none",
            value=statistics.median(many) / statistics.median(none),
            unit="times",
            goal=1.5,
            basis=f"{milliseconds(many)} against {milliseconds(none)}, median of {ROUNDS}",
        )
    ]


def _start(keys: Keys) -> Callable[[], float]:
    command, environment = server_command(keys.data), plain_environment(keys.data.parent)

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

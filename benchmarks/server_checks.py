"""Checks a second over HTTP, each a durable acceptance, against the prototype that stores nothing."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib.util
import json
import secrets
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import (
    Figure,
    UnavailableError,
    peer_environment,
    plain_environment,
    require_program,
    say,
)

from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONNECTIONS = 64
ROUNDS = 3
"""One for each step of the window, so that each round finds every key's next code unused."""
SECONDS = 4
KEYS = 100_000
"""More than a round can check: every request is another key's."""
WARM_UP_KEYS = 5_000
PERIOD = 86_400
"""A day, for no code to grow old while the others are sent."""

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class _Server:
    """Where to send requests."""

    url: str
    token: str
    yes: str
    """What the answer to a good code holds."""


@dataclass(frozen=True)
class _Round:
    """What wrk counted in one round."""

    seconds: float
    yes: int
    no: int
    errors: int
    p50: float
    p99: float


def measure(folder: Path) -> list[Figure]:
    """Have wrk send checks to the server and to the prototype in turns."""
    require_program("wrk")
    commands = peer_environment("prototype", ["flask", "gunicorn", "pyotp>=2.12"])
    database = folder / "data" / "watchword.db"
    database.parent.mkdir(mode=0o700)
    say(f"making {KEYS + WARM_UP_KEYS} keys")
    token = asyncio.run(_create(database))
    keys = _add_keys(database, "key", KEYS)
    warm_up_keys = _add_keys(database, "warm-up", WARM_UP_KEYS)
    step = step_at(next(iter(keys.values())), time.time())
    ours, theirs = [], []
    with _watchword(folder, token) as server, _prototype(commands, folder) as (prototype, totp):
        _send(server, _checks(folder, warm_up_keys, step))
        _send(prototype, _legacy_check(folder, totp))
        for consumed in range(step - 1, step + ROUNDS - 1):
            say(f"sending checks to each for {SECONDS} s")
            ours.append(_send(server, _checks(folder, keys, consumed)))
            _compare_with_database(database, consumed, ours[-1].yes)
            theirs.append(_send(prototype, _legacy_check(folder, totp)))
    rate, prototype_rate = _rate(ours), _rate(theirs)
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    return [
        Figure(
            name="durable checks a second / prototype",
            value=rate / prototype_rate,
            unit="times",
            goal=2.5,
            at_least=True,
            basis=(
                f"{rate:.0f}/s ({_latency(ours)}; one process, {loop}) against"
                f" {prototype_rate:.0f}/s ({_latency(theirs)}; gunicorn, 2 sync workers),"
                f" {CONNECTIONS} connections, median of {ROUNDS} rounds of {SECONDS} s;"
                f" {sum(found.yes for found in ours)} codes accepted and found in the database"
            ),
        )
    ]


async def _create(database: Path) -> str:
    """Make the database and a token that may have codes checked; give the token."""
    store = await SqliteStore.open(database)
    try:
        token = new_token()
        scopes = frozenset({Scope.CHECK})
        await store.add_token(Token(name="benchmark", digest=digest_of(token), scopes=scopes))
    finally:
        await store.close()
    return token


def _add_keys(database: Path, prefix: str, count: int) -> dict[str, Key]:
    """Put keys into the database, past the store: it commits each to disk, which takes minutes."""
    keys = {
        f"{prefix}-{number}": Key(secret=Secret(secrets.token_bytes(20)), period=PERIOD)
        for number in range(count)
    }
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO keys (name, status, secret, kind, algorithm, digits, period, created_at)"
            " VALUES (?, 'active', ?, ?, ?, ?, ?, 0)",
            [
                (name, key.secret.reveal(), key.kind, key.algorithm, key.digits, key.period)
                for name, key in keys.items()
            ],
        )
    return keys


def _checks(folder: Path, keys: dict[str, Key], step: int) -> Path:
    """Write a request for each key's code at `step`."""
    path = folder / "checks"
    lines = [
        f'POST /v1/keys/{name}/check {{"code":"{code_at(key, step)}"}}\n' for name, key in keys.items()
    ]
    path.write_text("".join(lines), encoding="ascii")
    return path


def _legacy_check(folder: Path, totp: Key) -> Path:
    """Write the one request that the prototype gets: its key's code now."""
    path = folder / "legacy-check"
    path.write_text(f"GET /check/{code_at(totp, step_at(totp, time.time()))}\n", encoding="ascii")
    return path


@contextlib.contextmanager
def _watchword(folder: Path, token: str) -> Iterator[_Server]:
    command = [sys.executable, "-m", "watchword_server", "serve", "--json", "--stop-on-eof"]
    command += ["--port", "0", "--data-dir", str(folder / "data")]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=plain_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        # Leaving this block closes its standard input, and so ends the server.
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise UnavailableError("the server does not start")
        yield _Server(json.loads(line)["url"], token, '{"valid":true}')


@contextlib.contextmanager
def _prototype(commands: Path, folder: Path) -> Iterator[tuple[_Server, Key]]:
    """Run the prototype; give where it is and its only key."""
    totp = Key(secret=Secret.generate())
    token = secrets.token_urlsafe()
    environment = plain_environment(folder)
    environment |= {"TOTP_BASE32_SECRET": totp.secret.base32(), "BEARER": token}
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        port = listener.getsockname()[1]
        command = [str(commands / "gunicorn"), "--workers", "2", "--bind", f"fd://{listener.fileno()}"]
        command += ["--log-level", "error", "--chdir", str(_HERE / "peers"), "prototype:app"]
        process = subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()])
        try:
            _await_answer(port, process)
            yield _Server(f"http://127.0.0.1:{port}", token, '"status":true'), totp
        finally:
            process.terminate()
            process.wait()


def _await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the prototype answers, if only by a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", "/check/000000")
        connection.getresponse().read()
    except OSError:
        raise UnavailableError(f"the prototype does not answer (status {process.poll()})") from None
    finally:
        connection.close()


def _send(server: _Server, requests: Path) -> _Round:
    """Send requests from all connections, each as soon as the one before it is answered.

    Raises:
        UnavailableError: Some answer was not yes, so that the round is not worth its name.
    """
    command = [require_program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "5s"]
    command += ["-s", str(_HERE / "requests.lua"), server.url, "--", str(requests), server.yes]
    environment = plain_environment(requests.parent) | {"BEARER": server.token}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    try:
        found = _Round(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        raise UnavailableError("wrk gives no result") from None
    if found.no or found.errors or not found.yes:
        raise UnavailableError(
            f"of the answers {found.yes} were yes, {found.no} were not, {found.errors} failed"
        )
    return found


def _compare_with_database(database: Path, step: int, answered: int) -> None:
    """Hold what was answered against what is on disk; requests under way at the end may be there too.

    Raises:
        UnavailableError: They do not agree.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (stored,) = connection.execute(
            "SELECT count(*) FROM keys WHERE last_step = ? AND name LIKE 'key-%'", (step,)
        ).fetchone()
    if not answered <= stored <= answered + CONNECTIONS:
        raise UnavailableError(f"{answered} acceptances were answered and {stored} stored")


def _rate(rounds: Sequence[_Round]) -> float:
    return statistics.median(found.yes / found.seconds for found in rounds)


def _latency(rounds: Sequence[_Round]) -> str:
    p50 = statistics.median(found.p50 for found in rounds)
    p99 = statistics.median(found.p99 for found in rounds)
    return f"median {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"

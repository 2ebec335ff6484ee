"""Checks a second over HTTP, each a durable acceptance, against the prototype that stores nothing."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib.util
import itertools
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
    from collections.abc import Iterable, Iterator, Sequence

CONNECTIONS = 64
SECONDS = 2
"""Length of a round. Short rounds, and many, so that a busy moment hits both sides alike."""
GROUPS = 2
KEYS_A_GROUP = 50_000
"""More than a round can check: every request is another key's."""
OFFSETS = (-1, 0, 1)
"""The steps of the window, oldest first: so often a key has a code that was never used."""
ROUNDS = GROUPS * len(OFFSETS)
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

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.yes / self.seconds


def measure(folder: Path) -> list[Figure]:
    """Have wrk send checks to the server and to the prototype in turns."""
    require_program("wrk")
    commands = peer_environment("prototype", ["flask", "gunicorn", "pyotp>=2.12"])
    database = folder / "data" / "watchword.db"
    database.parent.mkdir(mode=0o700)
    say(f"making {GROUPS * KEYS_A_GROUP} keys")
    token = asyncio.run(_create(database))
    today = int(time.time() // PERIOD)
    warm_up_keys = _add_keys(database, "warm-up", WARM_UP_KEYS, today)
    groups = [_add_keys(database, f"group-{number}", KEYS_A_GROUP, today) for number in range(GROUPS)]
    ours, theirs = [], []
    with _watchword(folder, token) as server, _prototype(commands, folder) as (prototype, totp):
        _send(server, _checks(folder, warm_up_keys, today))
        _send(prototype, _legacy_check(folder, totp))
        say(f"sending checks for {ROUNDS} rounds of {SECONDS} s to each")
        for keys, offset in itertools.product(groups, OFFSETS):
            ours.append(_send(server, _checks(folder, keys, today + offset)))
            _compare_with_database(database, keys, today + offset, ours[-1].yes)
            theirs.append(_send(prototype, _legacy_check(folder, totp)))
    ratios = [our.rate / their.rate for our, their in zip(ours, theirs, strict=True)]
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    return [
        Figure(
            name="durable checks a second / prototype",
            value=statistics.median(ratios),
            unit="times",
            goal=2.5,
            at_least=True,
            basis=(
                f"median of {ROUNDS} rounds of {SECONDS} s ({min(ratios):.2f} to {max(ratios):.2f}),"
                f" {CONNECTIONS} connections: {_describe(ours)}, one process, {loop}, against"
                f" {_describe(theirs)}, gunicorn with 2 sync workers;"
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


def _add_keys(database: Path, prefix: str, count: int, today: int) -> dict[str, Key]:
    """Put keys into the database, past the store: it commits each to disk, which takes minutes."""
    keys = {f"{prefix}-{number}": _new_key(today) for number in range(count)}
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


def _new_key(today: int) -> Key:
    """Make a key whose codes of the window all differ.

    Of 100,000 keys every third run has one with the same code twice: consumed as the newer step, it
    is rightly refused when its turn comes.
    """
    while True:
        key = Key(secret=Secret.generate(), period=PERIOD)
        if len({code_at(key, today + offset) for offset in OFFSETS}) == len(OFFSETS):
            return key


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


def _compare_with_database(database: Path, keys: Iterable[str], step: int, answered: int) -> None:
    """Hold what was answered against what is on disk; requests under way at the end may be there too.

    Raises:
        UnavailableError: They do not agree.
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (stored,) = connection.execute(
            "SELECT count(*) FROM keys WHERE last_step = ? AND name IN (SELECT value FROM json_each(?))",
            (step, json.dumps(list(keys))),
        ).fetchone()
    if not answered <= stored <= answered + CONNECTIONS:
        raise UnavailableError(f"{answered} acceptances were answered and {stored} stored")


def _describe(rounds: Sequence[_Round]) -> str:
    rate = statistics.median(found.rate for found in rounds)
    p50 = statistics.median(found.p50 for found in rounds)
    p99 = statistics.median(found.p99 for found in rounds)
    return f"{rate:.0f}/s (median {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms)"

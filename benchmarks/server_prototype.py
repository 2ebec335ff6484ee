"""Checks a second by `GET /check/{code}`, against the prototype that stores nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import ratio
from benchmarks.harness import say
from benchmarks.server_checks import audited
from benchmarks.server_databases import sqlite_keys
from benchmarks.server_keys import DEFAULT_KEY
from benchmarks.server_processes import Loop, prototype, watchword
from benchmarks.server_wrk import send, send_in_turns

from watchword_otp import code_at, step_at

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.server_keys import Keys
    from benchmarks.server_wrk import Served

    from watchword_otp import Key

KEYS = 10_000
ROUNDS = 5
SECONDS = 2
RATE_GOALS = {64: 3, 256: 3}
"""By connections."""


@dataclass(frozen=True)
class _Both:
    """The servers, ours on one event loop, and what they are asked."""

    loop: Loop
    ours: Served
    posted: Served
    theirs: Served
    keys: Keys
    mixed: Path
    totp: Key
    """The prototype's only key."""


def measure(bench: Bench) -> None:
    """Have wrk send the same kind of request to the server and to the prototype in turns."""
    bench.program("wrk")
    commands = bench.packages("prototype", ["flask", "gunicorn", "pyotp>=2.12"])
    keys = sqlite_keys(bench.folder, KEYS)
    mixed = keys.mixed(bench.folder / "mixed", seed=1)
    with prototype(commands, bench.folder) as (theirs, totp):
        for loop in Loop:
            # The status tells nothing here: the same code again is no longer valid with us.
            with watchword(keys, loop, '"status":') as ours, watchword(keys, loop) as posted:
                both = _Both(loop, ours, posted, theirs, keys, mixed, totp)
                for connections, goal in RATE_GOALS.items():
                    say(f"{connections} connections, ours on {loop}, {ROUNDS} rounds of {SECONDS} s")
                    _compare(bench, both, connections, goal)
    keys.require_whole_audit()


def _compare(bench: Bench, both: _Both, connections: int, goal: float) -> None:
    """Ask both for the same code again and again; beside it stands the mix over many keys."""
    where = f"{connections} connections, {both.loop}"
    folder = bench.folder
    ours, theirs, _ = send_in_turns(
        bench,
        ROUNDS,
        {
            f"watchword-server, GET /check/CODE, {where}": lambda: send(
                both.ours, _again(folder, DEFAULT_KEY), connections=connections, seconds=SECONDS
            ),
            f"prototype, GET /check/CODE, in turns with {where}": lambda: send(
                both.theirs, _again(folder, both.totp), connections=connections, seconds=SECONDS
            ),
            f"watchword-server, mixed checks, {where}": lambda: audited(
                both.keys,
                lambda: send(both.posted, both.mixed, connections=connections, seconds=SECONDS),
                connections=connections,
            ),
        },
    )
    bench.add(
        ratio(f"GET /check/CODE / prototype's, {where}", ours.rate, theirs.rate, goal, at_least=True)
    )


def _again(folder: Path, key: Key) -> Path:
    """Write the one request that is sent again and again: a key's code now."""
    path = folder / "by-path"
    path.write_text(f"GET /check/{code_at(key, step_at(key, time.time()))}\n", encoding="ascii")
    return path

"""Checks a second by `GET /check/{code}`, against the prototype that stores nothing."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, peer_environment, require_program, say
from benchmarks.server_checks import audited
from benchmarks.server_keys import DEFAULT_KEY, Keys
from benchmarks.server_processes import Loop, prototype, watchword
from benchmarks.server_wrk import describe, ratios, send, spread

from watchword_otp import code_at, step_at

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_otp import Key

KEYS = 10_000
CONNECTIONS = 64
ROUNDS = 5
SECONDS = 2


def measure(folder: Path) -> list[Figure]:
    """Have wrk send the same kind of request to the server and to the prototype in turns."""
    require_program("wrk")
    commands = peer_environment("prototype", ["flask", "gunicorn", "pyotp>=2.12"])
    keys = Keys(folder, KEYS)
    mixed = keys.mixed(folder / "mixed", seed=1)
    figures: list[Figure] = []
    with prototype(commands, folder) as (theirs, totp):
        for loop in Loop:
            say(f"{ROUNDS} rounds of {SECONDS} s to each, ours on {loop}")
            # The status tells nothing here: the same code again is no longer valid with us.
            with watchword(keys, loop, '"status":') as ours, watchword(keys, loop) as posted:
                by_path, by_name, prototypes = [], [], []
                for _ in range(ROUNDS + 1):
                    requests = _again(folder, DEFAULT_KEY)
                    by_path.append(send(ours, requests, connections=CONNECTIONS, seconds=SECONDS))
                    requests = _again(folder, totp)
                    prototypes.append(send(theirs, requests, connections=CONNECTIONS, seconds=SECONDS))
                    by_name.append(
                        audited(keys, posted, mixed, connections=CONNECTIONS, seconds=SECONDS)
                    )
            rates = ratios(by_path[1:], prototypes[1:])
            posts = ratios(by_name[1:], prototypes[1:])
            figures.append(
                Figure(
                    name=f"GET /check/CODE / prototype, {loop}",
                    value=statistics.median(rates),
                    unit="times",
                    goal=3,
                    at_least=True,
                    basis=(
                        f"median of {ROUNDS} rounds of {SECONDS} s ({spread(rates)}), {CONNECTIONS}"
                        f" connections: {describe(by_path[1:])}, one process, against"
                        f" {describe(prototypes[1:])}, gunicorn with 2 sync workers; POST over {KEYS}"
                        f" keys, {describe(by_name[1:])}: {statistics.median(posts):.2f} times"
                    ),
                )
            )
    keys.require_whole_audit()
    return figures


def _again(folder: Path, key: Key) -> Path:
    """Write the one request that is sent again and again: a key's code now."""
    path = folder / "by-path"
    path.write_text(f"GET /check/{code_at(key, step_at(key, time.time()))}\n", encoding="ascii")
    return path

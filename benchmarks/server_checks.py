"""Checks a second, good, wrong and used codes, against an aiohttp server that does nothing else."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import ratio
from benchmarks.harness import UnavailableError, say
from benchmarks.server_databases import sqlite_keys
from benchmarks.server_processes import Loop, bare, watchword
from benchmarks.server_wrk import send, send_in_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.server_keys import Database, Keys
    from benchmarks.server_wrk import Round, Served

KEYS = 10_000
ROUNDS = 5
SECONDS = 2
"""Length of a round. Short rounds, and many, so that a busy moment hits both sides alike."""
RATE_GOALS = {64: 0.5, 256: 0.65}
"""By connections."""
LATENCY_GOAL = 3.0


@dataclass(frozen=True)
class _Both:
    """The two servers on one event loop, and what they are sent."""

    loop: Loop
    keys: Keys
    server: Served
    base: Served
    mixed: Path
    constant: Path


def measure(bench: Bench) -> None:
    """Have wrk send the same requests to the server and to bare aiohttp in turns, on each event loop."""
    bench.program("wrk")
    if importlib.util.find_spec("uvloop") is None:
        raise UnavailableError("uvloop is not installed; run: make")
    folder = bench.folder
    keys = sqlite_keys(folder, KEYS)
    requests = keys.mixed(folder / "mixed", seed=1)
    constant = folder / "constant"
    constant.write_text("GET /\n", encoding="ascii")
    for loop in Loop:
        with watchword(keys, loop) as server, bare(folder, loop) as base:
            both = _Both(loop, keys, server, base, requests, constant)
            for connections, goal in RATE_GOALS.items():
                say(f"{connections} connections on {loop}, {ROUNDS} rounds of {SECONDS} s to each")
                _compare(bench, both, connections, goal)
    keys.require_whole_audit()


def audited(keys: Keys, sending: Callable[[], Round], *, connections: int) -> Round:
    """Send checks in a round that begins with keys of which nothing was used, and look at the database.

    Requests under way when the round ends may be in the database without being in its numbers.

    Args:
        keys: What the checks are about, on every server that is sent any.
        sending: Sends a mix of checks.
        connections: By how many, in all.

    Raises:
        UnavailableError: An answer was no answer, or database and answers do not agree.
    """
    before = _forgotten(keys.database)
    found = sending()
    accepted, rows = keys.decided_after(before)
    if not found.yes <= accepted <= found.yes + connections:
        raise UnavailableError(f"{found.yes} acceptances were answered and {accepted} stored")
    # The last ones of an exhausted list may be sent twice by each connection.
    if not found.answers <= rows <= found.answers + 2 * connections:
        raise UnavailableError(f"{found.answers} answers were given and {rows} audited")
    # A third, but for the first ones: until a code is sent again every second one is good.
    if not 0.3 < found.yes / found.answers < 0.52:
        raise UnavailableError(
            f"{found.yes} of {found.answers} answers were yes, not between a third and a half"
        )
    return found


def _forgotten(database: Database) -> Mapping[int, int]:
    """Have nothing used, and give the ends of the audit log as of then.

    Checks of the round before may still be under way: whatever one of them decided while all was being
    forgotten is forgotten once more.
    """
    while True:
        ends = database.ends()
        database.forget()
        if database.ends() == ends:
            return ends


def _compare(bench: Bench, both: _Both, connections: int, goal: float) -> None:
    """Send the same mix to both in turns, and to bare aiohttp what it need not read."""
    where = f"{connections} connections, {both.loop}"
    ours, theirs, _ = send_in_turns(
        bench,
        ROUNDS,
        {
            f"watchword-server, mixed checks, {where}": lambda: audited(
                both.keys,
                lambda: send(both.server, both.mixed, connections=connections, seconds=SECONDS),
                connections=connections,
            ),
            f"bare aiohttp, the same requests, {where}": lambda: send(
                both.base, both.mixed, connections=connections, seconds=SECONDS
            ),
            f"bare aiohttp, a constant GET, {where}": lambda: send(
                both.base, both.constant, connections=connections, seconds=1
            ),
        },
    )
    bench.add(
        ratio(f"mixed checks / bare aiohttp, {where}", ours.rate, theirs.rate, goal, at_least=True),
        ratio(f"their p99 / bare aiohttp's, {where}", ours.p99, theirs.p99, LATENCY_GOAL),
    )

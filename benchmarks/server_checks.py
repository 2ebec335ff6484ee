"""Checks a second, good, wrong and used codes, against an aiohttp server that does nothing else."""

from __future__ import annotations

import importlib.util
import statistics
from typing import TYPE_CHECKING

from benchmarks.harness import Figure, UnavailableError, require_program, say
from benchmarks.server_keys import Keys
from benchmarks.server_processes import Loop, bare, watchword
from benchmarks.server_wrk import Round, describe, ratios, send, spread

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.server_wrk import Served

KEYS = 10_000
ROUNDS = 5
SECONDS = 2
"""Length of a round. Short rounds, and many, so that a busy moment hits both sides alike."""
RATE_GOALS = {64: 0.5, 256: 0.65}
"""By connections."""
LATENCY_GOAL = 3.0


def measure(folder: Path) -> list[Figure]:
    """Have wrk send the same requests to the server and to bare aiohttp in turns, on each event loop."""
    require_program("wrk")
    if importlib.util.find_spec("uvloop") is None:
        raise UnavailableError("uvloop is not installed; run: make")
    keys = Keys(folder, KEYS)
    requests = keys.mixed(folder / "mixed", seed=1)
    constant = folder / "constant"
    constant.write_text("GET /\n", encoding="ascii")
    figures: list[Figure] = []
    for loop in Loop:
        with watchword(keys, loop) as server, bare(folder, loop) as base:
            for connections, goal in RATE_GOALS.items():
                say(f"{connections} connections on {loop}, {ROUNDS} rounds of {SECONDS} s to each")
                figures += _compare(keys, server, base, loop, connections, goal, requests, constant)
    keys.require_whole_audit()
    return figures


def audited(keys: Keys, server: Served, requests: Path, *, connections: int, seconds: int) -> Round:
    """Send checks in a round that begins with keys of which nothing was used, and look at the database.

    Requests under way when the round ends may be in the database without being in its numbers.

    Raises:
        UnavailableError: An answer was no answer, or database and answers do not agree.
    """
    keys.forget()
    before = keys.rows()
    found = send(server, requests, connections=connections, seconds=seconds)
    accepted, rows = keys.decided_after(before)
    if not found.yes <= accepted <= found.yes + connections:
        raise UnavailableError(f"{found.yes} acceptances were answered and {accepted} stored")
    # The last ones of an exhausted list may be sent twice by each connection.
    if not found.answers <= rows <= found.answers + 2 * connections:
        raise UnavailableError(f"{found.answers} answers were given and {rows} audited")
    if not 0.3 < found.yes / found.answers < 0.4:
        raise UnavailableError(f"{found.yes} of {found.answers} answers were yes, not a third")
    return found


def _compare(  # noqa: PLR0913, PLR0917 - what is compared
    keys: Keys,
    server: Served,
    base: Served,
    loop: Loop,
    connections: int,
    goal: float,
    requests: Path,
    constant: Path,
) -> list[Figure]:
    def ours() -> Round:
        return audited(keys, server, requests, connections=connections, seconds=SECONDS)

    def theirs(path: Path, seconds: int = SECONDS) -> Round:
        return send(base, path, connections=connections, seconds=seconds)

    ours()
    theirs(requests)
    checks, posts, gets = [], [], []
    for _ in range(ROUNDS):
        checks.append(ours())
        posts.append(theirs(requests))
        gets.append(theirs(constant, 1))
    rates = ratios(checks, posts)
    p99s = [check.p99 / post.p99 for check, post in zip(checks, posts, strict=True)]
    basis = (
        f"median of {ROUNDS} rounds of {SECONDS} s ({spread(rates)}), {KEYS} keys: {describe(checks)}"
        f" against {describe(posts)}; to a GET that answers a constant, {describe(gets)}:"
        f" {statistics.median(ratios(checks, gets)):.2f} times;"
        f" {sum(check.yes for check in checks)} accepted, {sum(check.no for check in checks)} not"
    )
    where = f"{connections} connections, {loop}"
    return [
        Figure(
            name=f"checks / bare aiohttp, {where}",
            value=statistics.median(rates),
            unit="times",
            goal=goal,
            at_least=True,
            basis=basis,
        ),
        Figure(
            name=f"their p99 / bare aiohttp's, {where}",
            value=statistics.median(p99s),
            unit="times",
            goal=LATENCY_GOAL,
            basis=f"median of the same rounds ({spread(p99s)})",
        ),
    ]

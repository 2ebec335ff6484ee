"""Checks a second and memory with a million keys, against a thousand."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Series, ratio
from benchmarks.harness import UnavailableError, say
from benchmarks.server_checks import audited
from benchmarks.server_databases import sqlite_keys
from benchmarks.server_processes import Loop, watchword
from benchmarks.server_wrk import send, send_in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from benchmarks.server_keys import Keys
    from benchmarks.server_wrk import Round, Served

FEW, MANY = 1_000, 1_000_000
CONNECTIONS = 64
ROUNDS = 12
TRIPLES = 3 * FEW
"""Good codes in a round, of as many keys if there are so many; it takes less than a second."""


def measure(bench: Bench) -> None:
    """Send checks to a server with few keys and to one with many in turns, then look at their memory."""
    bench.program("wrk")
    many, few = sqlite_keys(bench.folder, MANY), sqlite_keys(bench.folder, FEW)
    names = f"{MANY:,} keys", f"{FEW:,} keys"
    with watchword(many, Loop.UVLOOP) as big, watchword(few, Loop.UVLOOP) as small:
        say(f"{ROUNDS} rounds of {3 * TRIPLES} checks to each")
        senders = _sender(many, big, TRIPLES), _sender(few, small, None)
        loads = send_in_turns(bench, ROUNDS, dict(zip(names, senders, strict=True)))
        weights = [
            Series(name, "most resident memory", "bytes", (_resident(server.pid),))
            for name, server in zip(names, (big, small), strict=True)
        ]
    many.require_whole_audit()
    bench.keep(*weights)
    (big_load, small_load), (big_weight, small_weight) = loads, weights
    versus = " / ".join(names)
    bench.add(
        ratio(f"mixed checks, {versus}", big_load.rate, small_load.rate, 0.9, at_least=True),
        ratio(f"resident memory, {versus}", big_weight, small_weight, 1.2),
    )


def _sender(keys: Keys, server: Served, triples: int | None) -> Callable[[], Round]:
    """What sends a round, each time in another order and, of many keys, to others."""
    seeds = itertools.count()

    def once() -> Round:
        mixed = keys.mixed(keys.database.data.parent / "mixed", seed=next(seeds), triples=triples)
        return audited(
            keys,
            lambda: send(server, mixed, connections=CONNECTIONS, seconds=1),
            connections=CONNECTIONS,
        )

    return once


def _resident(pid: int) -> float:
    """The most memory that a process ever had in RAM, bytes, from its status file (proc(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        raise UnavailableError("memory is read from /proc, which is not here") from None
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise UnavailableError("the kernel does not say how much memory a process has")
    return 1024.0 * int(found[1])

"""Checks a second and memory with a million keys, against a thousand."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

from benchmarks.harness import Figure, UnavailableError, require_program, say
from benchmarks.server_checks import audited
from benchmarks.server_keys import Keys
from benchmarks.server_processes import Loop, watchword
from benchmarks.server_wrk import describe, ratios, spread

FEW, MANY = 1_000, 1_000_000
CONNECTIONS = 64
ROUNDS = 12
TRIPLES = 3 * FEW
"""Good codes in a round, of as many keys if there are so many; it takes less than a second."""


def measure(folder: Path) -> list[Figure]:
    """Send checks to a server with few keys and to one with many in turns, then look at their memory."""
    require_program("wrk")
    many, few = Keys(folder, MANY), Keys(folder, FEW)
    mixed = folder / "mixed"
    with watchword(many, Loop.UVLOOP) as big, watchword(few, Loop.UVLOOP) as small:
        say(f"{ROUNDS} rounds of {3 * TRIPLES} checks to each")
        bigs, smalls = [], []
        for number in range(ROUNDS + 1):
            many.mixed(mixed, seed=number, triples=TRIPLES)
            bigs.append(audited(many, big, mixed, connections=CONNECTIONS, seconds=1))
            few.mixed(mixed, seed=number)
            smalls.append(audited(few, small, mixed, connections=CONNECTIONS, seconds=1))
        big_memory, small_memory = _resident(big.pid), _resident(small.pid)
    many.require_whole_audit()
    # The first round warms up.
    rates = ratios(bigs[1:], smalls[1:])
    return [
        Figure(
            name=f"checks, {MANY} keys / {FEW} keys",
            value=statistics.median(rates),
            unit="times",
            goal=0.9,
            at_least=True,
            basis=(
                f"median of {ROUNDS} rounds of {3 * TRIPLES} checks ({spread(rates)}),"
                f" {CONNECTIONS} connections, uvloop: {describe(bigs[1:])}"
                f" against {describe(smalls[1:])}"
            ),
        ),
        Figure(
            name=f"memory, {MANY} keys / {FEW} keys",
            value=big_memory / small_memory,
            unit="times",
            goal=1.2,
            basis=(
                f"most resident memory of the server: {big_memory / 1024:.0f} MiB"
                f" against {small_memory / 1024:.0f} MiB"
            ),
        ),
    ]


def _resident(pid: int) -> int:
    """The most memory that a process ever had in RAM, KiB, from its status file (proc(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        raise UnavailableError("memory is read from /proc, which is not here") from None
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise UnavailableError("the kernel does not say how much memory a process has")
    return int(found[1])

"""`make soak NODES=3`: several nodes on one PostgreSQL, struck again and again, and nothing may be lost.

What happened is told by the clients' log and the database alone: see `benchmarks.history`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.harness import ROOT, say
from benchmarks.history import History, Said, unheard
from benchmarks.history_reading import evidence_in
from benchmarks.report import Result
from benchmarks.server_keys import key_of, name_of
from benchmarks.soak_chaos import plan
from benchmarks.soak_load import (
    KEYS,
    PERIOD,
    Client,
    check_for_ever,
    volley_for_ever,
)
from benchmarks.soak_times import told, unexcused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.history import Evidence
    from benchmarks.soak_times import Struck
    from benchmarks.soak_world import World

CLIENTS = 12
"""For each node."""
VOLLEYS = 12
"""Clients that send each code to all nodes at once."""


def soak_nodes(folder: Path, nodes: int, seconds: float, seed: int) -> Result:
    """Soak; print the counts, give how much was not as it should be."""
    # The tests know how to run a PostgreSQL.
    sys.path.append(str(ROOT / "tests"))
    from benchmarks.soak_world import world  # noqa: PLC0415 - as above

    say("making a PostgreSQL and its replica")
    with world(folder, nodes) as made:
        return asyncio.run(_soak(made, folder, seconds, seed))


async def _soak(world: World, folder: Path, seconds: float, seed: int) -> Result:
    from nodes import furnish, opened  # noqa: PLC0415 - as above

    say(f"making {KEYS} keys")
    keys = {name_of(number): key_of(number, PERIOD) for number in range(KEYS)}
    token = await furnish(world.pair.dsn(), folder, keys)
    history, struck = History(), []
    async with world:
        clients = [[Client(node, token, history) for node in world.nodes] for _ in range(VOLLEYS)]
        single = [Client(node, token, history) for node in world.nodes for _ in range(CLIENTS)]
        tasks = [
            *(
                asyncio.create_task(volley_for_ever(group, history, n))
                for n, group in enumerate(clients)
            ),
            *(asyncio.create_task(check_for_ever(one, history, n)) for n, one in enumerate(single)),
        ]
        began = time.monotonic()
        for planned in plan(seed, seconds, len(world.nodes)):
            await _calm(tasks, planned.calm)
            say(f"  {time.monotonic() - began:4.0f} s: {planned.blow}")
            struck.append(await world.strike(planned))
        await _calm(tasks, max(began + seconds - time.monotonic(), 10))
        took = time.monotonic() - began
        await _end(tasks, history)
        for client in (*single, *(each for group in clients for each in group)):
            client.close()
    say("comparing the answers with the database")
    async with opened(world.pair.dsn(), folder) as ledger:
        evidence = await evidence_in(ledger)
    history.compare(evidence, period=PERIOD)
    history.faults += unexcused(history.asked, struck)
    return _report(history, evidence, struck, took, seed)


async def _calm(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait; no client ever ends by itself."""
    done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _end(tasks: Sequence[asyncio.Task[None]], history: History) -> None:
    for task in tasks:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(found, asyncio.CancelledError):
            history.fault(f"a client stopped: {found!r}")


def _report(
    history: History, evidence: Evidence, struck: Sequence[Struck], seconds: float, seed: int
) -> Result:
    answers = sum(history.answers[f"check: {said}"] for said in Said if said is not Said.NOTHING)
    nodes = sorted({each.node for each in history.asked})
    accepted = Counter(each.node for each in history.asked if each.said is Said.TRUE)
    print(f"{seconds:.0f} s, {len(nodes)} nodes, {KEYS} keys, seed {seed}")
    print(f"{answers:,} answers to checks, {answers / seconds:.0f} a second")
    print(history.as_text())
    print(f"acceptances answered: {accepted.total():,}; lost: 0 wanted")
    print(*(f"  by {node}: {accepted[node]:,}" for node in nodes), sep="\n")
    lost = unheard(history.asked, evidence)
    print(f"acceptances in the database: {len(evidence.accepted):,}; not answered: {lost:,}")
    print(
        f"audit log: {evidence.rows:,} rows in {evidence.chains} chains,"
        f" {evidence.audit_fault or 'intact'}"
    )
    for kind, found in told(history.asked, struck).items():
        print(f"{kind}: {found.as_text()}")
    print()
    result = Result("soak of nodes")
    result.figures.append(Figure("what must not have happened", len(history.faults), "times", 0))
    return result

"""`make soak`: full load on a server that is killed every half minute, and nothing may be lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Series
from benchmarks.harness import plain_environment, say, workplace
from benchmarks.history import History, Said, unheard
from benchmarks.history_reading import evidence_in
from benchmarks.machine import machine
from benchmarks.report import Report, Result
from benchmarks.server_databases import SqliteDatabase, make_keys, make_token
from benchmarks.server_keys import with_ledger
from benchmarks.soak_load import (
    KEYS,
    PERIOD,
    Client,
    administer_for_ever,
    check_for_ever,
    verify_audit,
)
from benchmarks.soak_nodes import soak_nodes
from benchmarks.soak_server import Mortal
from benchmarks.tables import as_text

from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = 96
LIFE_SECONDS = 30
MOST_GROWTH = 1.15
DEFAULT_SECONDS = 600


def main() -> None:
    """Soak for `SECONDS` of the environment; exit status 1 if anything was not as it should be.

    `NODES` is how many there are on one PostgreSQL; without it, one on SQLite. `SEED` is of what is done
    to them.
    """
    seconds = float(os.environ.get("SECONDS") or DEFAULT_SECONDS)
    nodes = int(os.environ.get("NODES") or 0)
    seed = int(os.environ.get("SEED") or random.randrange(10**6))
    report = Report(machine(), time.strftime("%Y-%m-%d"))
    with workplace() as folder:
        soaked = (
            soak_nodes(folder, nodes, seconds, seed) if nodes else asyncio.run(_soak(folder, seconds))
        )
        report.results.append(soaked)
    print(as_text(report))
    sys.exit(not report.passed)


async def _soak(folder: Path, seconds: float) -> Result:
    data = folder / "data"
    say(f"making {KEYS} keys")
    check_token, admin_token = await asyncio.to_thread(_prepare, data)
    server, history = Mortal(data), History()
    await server.start()
    clients = [Client(server, check_token, history) for _ in range(CLIENTS)]
    admin, verifier = Client(server, admin_token, history), Client(server, admin_token, history)
    tasks = [
        asyncio.create_task(check_for_ever(client, history, seed)) for seed, client in enumerate(clients)
    ]
    tasks.append(asyncio.create_task(administer_for_ever(admin, history)))
    await _live(server, history, verifier, seconds, tasks)
    for task in tasks:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(found, asyncio.CancelledError):
            history.fault(f"a client stopped: {found!r}")
    for client in (*clients, admin, verifier):
        client.close()
    await server.kill()
    say("comparing the answers with the database")
    return await asyncio.to_thread(_judge, server, history, seconds)


def _prepare(data: Path) -> tuple[str, str]:
    database = make_keys(data, KEYS, PERIOD)
    return make_token(database, Scope.CHECK), make_token(database, *sorted(Scope, reverse=True))


async def _live(
    server: Mortal, history: History, verifier: Client, seconds: float, tasks: list[asyncio.Task[None]]
) -> None:
    """Kill and start again; in the middle of it all, change the sealing key and verify the log."""
    end = time.monotonic() + seconds
    side = asyncio.create_task(_on_the_side(server, history, verifier, seconds / 3))
    while (left := end - time.monotonic()) > 0:
        last = time.monotonic() + min(LIFE_SECONDS, left)
        while time.monotonic() < last and not any(task.done() for task in tasks):
            await asyncio.sleep(1)
            server.sample()
        if any(task.done() for task in tasks):
            break
        say(f"  {end - time.monotonic():4.0f} s left, {history.answers['check: true']} accepted")
        if time.monotonic() < end - 1:
            await server.kill()
            await server.start()
    side.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await side


async def _on_the_side(server: Mortal, history: History, verifier: Client, wait: float) -> None:
    await asyncio.sleep(wait)
    say("  rotating the sealing key")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "watchword_server", "seal", "rotate", "--yes"),
        *("--data-dir", str(server.data)),
        env=plain_environment(server.data.parent),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    history.answers["admin: rotate the sealing key"] += 1
    if process.returncode:
        history.fault(f"seal rotate: {said.decode().strip()}")
    await verify_audit(verifier, history)


def _judge(server: Mortal, history: History, seconds: float) -> Result:
    """Hold the answers against the database; print the counts, give figures."""
    evidence = with_ledger(SqliteDatabase(server.data), evidence_in)
    history.compare(evidence, period=PERIOD)
    # A server that is alone has no excuse: it is dead, or it decides.
    if refused := history.answers[f"check: {Said.UNAVAILABLE}"]:
        history.fault(f"{refused} checks were answered with 503")
    checks = sum(history.answers[f"check: {said}"] for said in Said if said is not Said.NOTHING)
    print(f"{seconds:.0f} s, {len(server.lives) - 1} kills, {CLIENTS} clients, {KEYS} keys")
    print(f"{checks:,} answers to checks, {checks / seconds:.0f} a second")
    print(history.as_text())
    print(
        f"acceptances answered: {history.answers[f'check: {Said.TRUE}']:,}; in the database:"
        f" {len(evidence.accepted):,}, of them {unheard(history.asked, evidence):,} not answered"
    )
    print(f"audit log: {evidence.rows:,} rows, {evidence.audit_fault or 'intact'}\n")
    found = Result("soak")
    found.figures.append(Figure("what must not have happened", len(history.faults), "times", 0))
    growths = [growth for life in server.lives if (growth := life.growth) is not None]
    peaks = [1024.0 * max(life.samples) for life in server.lives if life.samples]
    if growths:
        grown = Series(
            "watchword-server", "memory, last third of a life / first", "times", tuple(growths)
        )
        found.series.append(grown)
        name = f"{grown.quantity}: the most"
        found.figures.append(Figure(name, max(growths), "times", MOST_GROWTH, spread=grown.spread))
    if peaks:
        most = Series("watchword-server", "most memory in a life", "bytes", tuple(peaks))
        found.series.append(most)
    return found


if __name__ == "__main__":
    main()

"""Rounds with so many processes, keys and connections, and what each check cost in them."""

from __future__ import annotations

import contextlib
import re
import statistics
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import UnavailableError, say
from benchmarks.processor import spending
from benchmarks.scaling_measured import Point
from benchmarks.server_checks import audited
from benchmarks.server_processes import Loop, watchword
from benchmarks.server_wrk import send_to_all
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.postgres_keys import Connection, PostgresDatabase
    from benchmarks.processor import Spent
    from benchmarks.server_keys import Keys
    from benchmarks.server_wrk import Round, Served

    from postgres_engine import Cluster

ROUNDS = 3
SECONDS = 2
_TRIPLES = 8_000
"""Good codes in a round, of many keys; of fewer, all three codes of each."""

_SYNCS_UNTIL_17 = "SELECT wal_sync FROM pg_stat_wal"
_SYNCS = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal' AND context = 'normal'"
_COUNTED = ("watchword_batch_size_count", "watchword_batch_size_sum", "watchword_commit_seconds_sum")


@dataclass(frozen=True)
class Counted:
    """Counters of the nodes and of PostgreSQL at one moment, or what was added between two."""

    batches: float
    checks: float
    commit_seconds: float
    log: float
    images: float
    flushes: float

    def since(self, before: Counted) -> Counted:
        """What was added."""
        return Counted(
            self.batches - before.batches,
            self.checks - before.checks,
            self.commit_seconds - before.commit_seconds,
            self.log - before.log,
            self.images - before.images,
            self.flushes - before.flushes,
        )


@dataclass(frozen=True)
class Place:
    """What rounds run on."""

    keys: Keys
    database: PostgresDatabase
    cluster: Cluster
    folder: Path


def measure_points(place: Place, settings: Sequence[tuple[int, int]]) -> list[Point]:
    """Measure with several numbers of processes and connections.

    Args:
        place: What they run on.
        settings: Processes, and connections to all of them together.

    Raises:
        UnavailableError: Answers and database do not agree, or something is missing.
    """
    most = max(processes for processes, _ in settings)
    points = []
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(watchword(place.keys, Loop.UVLOOP)) for _ in range(most)]
        for processes, connections in settings:
            say(
                f"{place.keys.count:,} keys, {processes} processes, {connections} connections:"
                f" {ROUNDS} rounds of {SECONDS} s"
            )
            points.append(_point(place, nodes[:processes], connections))
    return points


def _point(place: Place, nodes: Sequence[Served], connections: int) -> Point:
    count = place.keys.count
    targets = []
    for at, node in enumerate(nodes):
        part = range(at * count // len(nodes), (at + 1) * count // len(nodes))
        triples = _TRIPLES if len(part) > 3 * _TRIPLES else None
        path = place.folder / f"mixed-{at}"
        # As soon as may be, for a third of each kind in short rounds, too.
        lag = connections // len(nodes) // 2 + 2
        mixed = place.keys.mixed(path, seed=at, triples=triples, among=part, lag=lag)
        targets.append((node, mixed))
    rounds: list[tuple[Round, Spent, Counted]] = []
    groups = {"nodes": [node.pid for node in nodes], "PostgreSQL": [place.cluster.pid]}

    def sending() -> Round:
        before = _counted(place, nodes)
        found, spent = spending(
            groups,
            lambda: send_to_all(targets, connections=connections // len(nodes), seconds=SECONDS),
        )
        rounds.append((found, spent, _counted(place, nodes).since(before)))
        return found

    # Once more at first, for connections to be open and caches warm.
    for _ in range(ROUNDS + 1):
        audited(place.keys, sending, connections=connections)
    shape = len(nodes), count, connections
    return _summed(rounds[1:], shape, max(_private_memory(node.pid) for node in nodes))


def _summed(
    rounds: Sequence[tuple[Round, Spent, Counted]], shape: tuple[int, int, int], memory: float
) -> Point:
    processes, keys, connections = shape
    checks = sum(counted.checks for _, _, counted in rounds)
    batches = sum(counted.batches for _, _, counted in rounds)
    return Point(
        processes=processes,
        keys=keys,
        connections=connections,
        rate=statistics.median(found.rate for found, _, _ in rounds),
        p50=statistics.median(found.p50 for found, _, _ in rounds),
        p99=statistics.median(found.p99 for found, _, _ in rounds),
        batch=checks / batches,
        commit=sum(counted.commit_seconds for _, _, counted in rounds) / batches,
        node=sum(spent.by["nodes"] for _, spent, _ in rounds) / checks,
        database=sum(spent.by["PostgreSQL"] for _, spent, _ in rounds) / checks,
        sender=sum(spent.senders for _, spent, _ in rounds) / checks,
        log=sum(counted.log for _, _, counted in rounds) / checks,
        images=sum(counted.images for _, _, counted in rounds) / checks,
        flushes=sum(counted.flushes for _, _, counted in rounds) / checks,
        others=statistics.mean(spent.others for _, spent, _ in rounds),
        memory=memory,
    )


def _counted(place: Place, nodes: Sequence[Served]) -> Counted:
    of_nodes = [_metrics(node) for node in nodes]
    batches, checks, seconds = (sum(each[name] for each in of_nodes) for name in _COUNTED)

    async def work(connection: Connection) -> tuple[float, float, float]:
        syncs = _SYNCS_UNTIL_17 if connection.get_server_version().major < 18 else _SYNCS
        log, images = await connection.fetchrow(
            "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, (SELECT wal_fpi FROM pg_stat_wal)"
        ) or (0, 0)
        return float(log), float(images), float(await connection.fetchval(syncs))

    log, images, flushes = place.database.ask(work)
    return Counted(batches, checks, seconds, log, images, flushes)


def _private_memory(pid: int) -> float:
    """What a process has in RAM and shares with no other, bytes."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        raise UnavailableError("memory is read from /proc, which is not here") from None
    return 1024.0 * sum(map(int, re.findall(r"^Private_\w+:\s+(\d+) kB$", told, re.MULTILINE)))


def _metrics(node: Served) -> Mapping[str, float]:
    """The counters of a node, of those without labels."""
    request = urllib.request.Request(
        f"{node.url}/metrics", headers={"Authorization": f"Bearer {node.token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        if answer.status != 200:
            raise UnavailableError(f"/metrics answers {answer.status}")
        text = answer.read().decode()
    samples = (one for family in text_string_to_metric_families(text) for one in family.samples)
    return {one.name: one.value for one in samples if not one.labels}

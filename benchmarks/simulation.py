"""Nodes, PostgreSQL and those who ask, simulated: what the measured times come to elsewhere.

It knows what the server does with checks (`checker.py`: lanes, batches, answers after the commit) and
what each step takes; it knows nothing of locks within PostgreSQL, of its caches, or of a full disk.
"""

from __future__ import annotations

import itertools
import random
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.events import Log, Machine, Worker, World

from watchword_server.checker import MAX_BATCH
from watchword_server.store.postgres import LANES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.events import Activity, Resume, Wait

TRIPS = 6
"""Of one batch to the database and back: begin, load, advance, log, the end of the chain, commit."""

_PLENTY = 1_000_000
"""Cores of machines that are nobody's limit."""


@dataclass(frozen=True)
class Costs:
    """What each step takes, seconds; all of a processor unless it says otherwise."""

    sender: float
    """Of whoever asks, each request."""
    http: float
    """Of a node, each check: HTTP and JSON in and out."""
    node_batch: float
    """Of a node, each batch, however large."""
    node_check: float
    """Of a node, each check of a batch: to decide, and its rows to and from the database."""
    database_batch: float
    """Of PostgreSQL, each batch."""
    database_check: float
    """Of PostgreSQL, each check."""
    flushes: Sequence[float]
    """How long flushes of the log to disk took; each one is as one of these. No processor."""
    network: float = 0.0
    """One way between node and database. No processor."""
    replica: float = 0.0
    """Until a synchronous replica has confirmed a flush, beyond that; 0 without. No processor."""


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    nodes: int
    connections: int = 0
    """Closed loop: that many ask, each again as soon as it is answered."""
    rate: float = 0.0
    """Open loop: checks a second that come whatever happens; of the two one is not 0."""
    shared_cores: int | None = None
    """Cores of the one machine that senders, nodes and database share; None: each has its own."""
    database_cores: int = _PLENTY
    """Where nothing is shared."""
    lanes: int = LANES
    """Batches under way in a node at once."""


@dataclass(frozen=True)
class Outcome:
    """What came of it, in the time that counted."""

    rate: float
    """Answers a second."""
    p50: float
    """Seconds."""
    p99: float
    """Seconds."""
    batch: float
    """Checks in one, on average."""
    flushes: float
    """Of the log, a second."""
    database_cores: float
    """Cores that were busy with what is PostgreSQL's."""
    waiting: int
    """Checks that had no answer at the end: of an open loop that grows with time, it is too much."""


@dataclass
class _Node:
    process: Worker
    backends: list[Worker]
    """Of the database, those that work for no lane now."""
    waiting: list[Resume] = field(default_factory=list)


class _Simulation:
    def __init__(self, costs: Costs, setting: Setting, seed: int) -> None:
        self.world = World()
        self.costs, self.setting = costs, setting
        self.random = random.Random(seed)
        self.latencies: list[float] = []
        self.batches: list[int] = []
        self.database_seconds = 0.0
        shared = setting.shared_cores
        here = None if shared is None else Machine(self.world, shared)
        senders = here or Machine(self.world, _PLENTY)
        database = here or Machine(self.world, setting.database_cores)
        self.log = Log(self.world, lambda: self.random.choice(costs.flushes) + costs.replica)
        self.nodes = [
            _Node(
                Worker(here or Machine(self.world, 1)),
                [Worker(database) for _ in range(setting.lanes)],
            )
            for _ in range(setting.nodes)
        ]
        self.senders = [Worker(senders) for _ in range(setting.nodes)]

    def run(self, seconds: float, warm_up: float) -> Outcome:
        if self.setting.connections:
            for number in range(self.setting.connections):
                self.world.start(self._connection(number % len(self.nodes)))
        else:
            self.world.start(self._arrivals())
        self.world.run(warm_up)
        self.latencies, self.batches = [], []
        flushes, database = self.log.flushes, self.database_seconds
        self.world.run(warm_up + seconds)
        latencies = sorted(self.latencies) or [float("inf")]
        return Outcome(
            rate=len(self.latencies) / seconds,
            p50=statistics.median(latencies),
            p99=latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
            batch=statistics.mean(self.batches) if self.batches else 0.0,
            flushes=(self.log.flushes - flushes) / seconds,
            database_cores=(self.database_seconds - database) / seconds,
            waiting=sum(len(node.waiting) for node in self.nodes),
        )

    def _connection(self, at: int) -> Activity:
        while True:
            yield self.senders[at].work(self.costs.sender)
            yield from self._check(self.nodes[at])

    def _arrivals(self) -> Activity:
        turns = itertools.cycle(self.nodes)
        while True:
            yield self.world.pause(self.random.expovariate(self.setting.rate))
            self.world.start(self._check(next(turns)))

    def _check(self, node: _Node) -> Activity:
        asked = self.world.now
        yield node.process.work(self.costs.http / 2)
        yield self._judged(node)
        yield node.process.work(self.costs.http / 2)
        self.latencies.append(self.world.now - asked)

    def _judged(self, node: _Node) -> Wait:
        def ask(resume: Resume) -> None:
            node.waiting.append(resume)
            if node.backends:
                self.world.start(self._work(node, node.backends.pop()))

        return ask

    def _work(self, node: _Node, backend: Worker) -> Activity:
        """A lane: batches, until nobody waits. What is on its way to the node is let in before."""
        costs = self.costs
        while node.waiting:
            yield node.process.work(0.0, when_idle=True)
            batch, node.waiting = node.waiting[:MAX_BATCH], node.waiting[MAX_BATCH:]
            if not batch:
                break
            ours = (costs.node_batch + costs.node_check * len(batch)) / TRIPS
            theirs = (costs.database_batch + costs.database_check * len(batch)) / TRIPS
            for trip in range(TRIPS):
                yield node.process.work(ours)
                yield self.world.pause(costs.network)
                yield backend.work(theirs)
                self.database_seconds += theirs
                if trip == TRIPS - 1:
                    yield self.log.flushed()
                yield self.world.pause(costs.network)
            self.batches.append(len(batch))
            for resume in batch:
                resume()
        node.backends.append(backend)


def simulate(
    costs: Costs, setting: Setting, *, seconds: float = 1.0, warm_up: float = 0.3, seed: int = 1
) -> Outcome:
    """Let it run; the same arguments give the same outcome.

    Args:
        costs: What each step takes.
        setting: Who takes part.
        seconds: How long it counts.
        warm_up: How long it runs before that.
        seed: For what is drawn: flushes, and when checks come.
    """
    return _Simulation(costs, setting, seed).run(seconds, warm_up)

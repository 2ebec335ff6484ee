"""Checks a second on PostgreSQL: one node against bare aiohttp, and two nodes against one."""

from __future__ import annotations

import contextlib
import importlib.util
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.figures import Series, ratio
from benchmarks.harness import UnavailableError, say
from benchmarks.postgres_cluster import kept_cluster, version_of
from benchmarks.postgres_keys import postgres_keys
from benchmarks.processor import only_a_share, spending
from benchmarks.server_checks import audited
from benchmarks.server_processes import Loop, bare, watchword
from benchmarks.server_wrk import send, send_in_turns, send_to_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.bench import Bench
    from benchmarks.processor import Spent
    from benchmarks.server_keys import Keys
    from benchmarks.server_wrk import Round, Served

    from postgres_engine import Cluster

KEYS = 10_000
ROUNDS = 5
SECONDS = 2
"""Length of a round. Short rounds, and many, so that a busy moment hits both sides alike."""
RATE_GOALS = {64: 0.5, 256: 0.5}
"""Against bare aiohttp, by connections."""

NODES = 2
SHARE = 0.2
"""Of a core, for each node: so little that the nodes are the limit, on a machine that has to hold
PostgreSQL and wrk as well."""
CONNECTIONS = 128
"""To all nodes together."""
NODES_GOAL = 1.6


def measure(bench: Bench) -> None:
    """Measure one node in turns with bare aiohttp, then one slow node in turns with two."""
    bench.program("wrk")
    if importlib.util.find_spec("uvloop") is None:
        raise UnavailableError("uvloop is not installed; run: make")
    with kept_cluster() as cluster, postgres_keys(cluster, bench.folder, KEYS) as (keys, _):
        version = version_of(cluster.run("postgres", "--version"))
        bench.result.peers.append(f"PostgreSQL {version}")
        _one_node(bench, keys)
        with bench.apart():
            _many_nodes(bench, keys, cluster)
        keys.require_whole_audit()


def _one_node(bench: Bench, keys: Keys) -> None:
    """Send the same mix to a node and to bare aiohttp in turns."""
    mixed = keys.mixed(bench.folder / "mixed", seed=1)
    with watchword(keys, Loop.UVLOOP) as node, bare(bench.folder, Loop.UVLOOP) as base:
        for connections, goal in RATE_GOALS.items():
            say(f"{connections} connections, {ROUNDS} rounds of {SECONDS} s to each")
            where = f"{connections} connections"

            def sending(server: Served, connections: int = connections) -> Callable[[], Round]:
                return lambda: send(server, mixed, connections=connections, seconds=SECONDS)

            ours, theirs = send_in_turns(
                bench,
                ROUNDS,
                {
                    f"one node, mixed checks, {where}": _audited(keys, sending(node), connections),
                    f"bare aiohttp, the same requests, {where}": sending(base),
                },
            )
            name = f"PostgreSQL, one node: mixed checks / bare aiohttp, {where}"
            bench.add(ratio(name, ours.rate, theirs.rate, goal, at_least=True))


@dataclass
class _Metered:
    """What was spent in the rounds of one subject."""

    subject: str
    cluster: Cluster
    nodes: Sequence[Served]
    rounds: list[tuple[Round, Spent]] = field(default_factory=list)

    def round_of(self, sending: Callable[[], Round]) -> Callable[[], Round]:
        """The same round, looked at."""

        def metered() -> Round:
            groups = {"nodes": [node.pid for node in self.nodes], "PostgreSQL": [self.cluster.pid]}
            found, spent = spending(groups, sending)
            self.rounds.append((found, spent))
            return found

        return metered

    def series(self) -> list[Series]:
        """Shares of a core in the rounds that count, the first did not."""
        rounds = self.rounds[1:]
        shares = {
            "each node": [spent.by["nodes"] / len(self.nodes) / sent.seconds for sent, spent in rounds],
            "PostgreSQL": [spent.by["PostgreSQL"] / sent.seconds for sent, spent in rounds],
            # With its start, in which it reads the requests.
            "wrk": [spent.senders / sent.seconds for sent, spent in rounds],
        }
        return [
            Series(self.subject, f"{who}: of a core", "%", tuple(100 * share for share in took))
            for who, took in shares.items()
        ]


def _many_nodes(bench: Bench, keys: Keys, cluster: Cluster) -> None:
    """Send as many connections' checks to one slow node and to two of them, in turns."""
    parts = [range(at * KEYS // NODES, (at + 1) * KEYS // NODES) for at in range(NODES)]
    requests = [
        keys.mixed(bench.folder / f"mixed-{at}", seed=2, among=part) for at, part in enumerate(parts)
    ]
    whole = keys.mixed(bench.folder / "whole", seed=2)
    say(f"1 and {NODES} nodes of {SHARE:.0%} of a core, {ROUNDS} rounds of {SECONDS} s to each")
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(watchword(keys, Loop.UVLOOP)) for _ in range(NODES)]
        for node in nodes:
            stack.enter_context(only_a_share(node.pid, SHARE))
        one = _Metered("one slow node", cluster, nodes[:1])
        all_of_them = _Metered(f"{NODES} slow nodes", cluster, nodes)

        def to(targets: list[tuple[Served, Path]]) -> Callable[[], Round]:
            each = CONNECTIONS // len(targets)
            return lambda: send_to_all(targets, connections=each, seconds=SECONDS)

        single, several = send_in_turns(
            bench,
            ROUNDS,
            {
                one.subject: _audited(keys, one.round_of(to([(nodes[0], whole)])), CONNECTIONS),
                all_of_them.subject: _audited(
                    keys,
                    all_of_them.round_of(to(list(zip(nodes, requests, strict=True)))),
                    CONNECTIONS,
                ),
            },
        )
    bench.keep(*one.series(), *all_of_them.series())
    name = f"PostgreSQL: {NODES} nodes / one, {SHARE:.0%} of a core each, {CONNECTIONS} connections"
    bench.add(ratio(name, several.rate, single.rate, NODES_GOAL, at_least=True))


def _audited(keys: Keys, sending: Callable[[], Round], connections: int) -> Callable[[], Round]:
    return lambda: audited(keys, sending, connections=connections)

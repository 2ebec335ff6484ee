"""Some nodes on a PostgreSQL with a replica, each on lines of its own, and the blows that they get."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Self

from benchmarks.soak_chaos import Blow
from benchmarks.soak_server import Mortal
from benchmarks.soak_times import Struck

from postgres_pair import running_pair
from shifted import shifted
from wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.soak_chaos import Planned

    from postgres_pair import Pair

CLOCK_SECONDS = 300
SLOW_SECONDS = 0.05
"""Each way: a check asks some ten times, so that it takes a second."""


class World:
    """The nodes, and all below them."""

    def __init__(self, folder: Path, pair: Pair, lines: Sequence[tuple[Wire, Wire]]) -> None:
        """Have a node for each pair of lines, one to the primary and one to the replica."""
        self.pair = pair
        self.nodes: list[Mortal] = []
        self._lines = lines
        self._database = pair.primary
        for number, (first, second) in enumerate(lines):
            home = folder / f"node{number}"
            home.mkdir()
            ports = pair.dsn().replace(f":{pair.primary.port}", f":{first.port}")
            settings = {
                "WATCHWORD_SERVER_STORE": ports.replace(f":{pair.replica.port}", f":{second.port}"),
                "WATCHWORD_SERVER_SEALING_KEYS": str(folder / "sealing.keys"),
            }
            self.nodes.append(Mortal(home / "data", home.name, settings))

    async def __aenter__(self) -> Self:
        for node in self.nodes:
            await node.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            await node.kill()

    async def strike(self, planned: Planned) -> Struck:
        """Strike a blow, and put right what it broke."""
        began = time.monotonic()
        match planned.blow:
            case Blow.KILL_NODE:
                await self._restart(self._node(planned), planned.lasting)
            case Blow.CLOCK:
                sign = 1 if int(planned.lasting * 1000) % 2 else -1
                await self._restart(self._node(planned), 0, under=shifted(sign * CLOCK_SECONDS))
                await asyncio.sleep(planned.lasting)
                await self._restart(self._node(planned), 0)
            case Blow.CUT | Blow.SLOW:
                await self._disturb(planned)
            case Blow.KILL_DATABASE:
                await asyncio.to_thread(self._database.kill)
                await asyncio.sleep(planned.lasting)
                await asyncio.to_thread(self._database.start)
            case Blow.FAILOVER:
                await asyncio.to_thread(self._database.kill)
                await asyncio.sleep(planned.lasting)
                await asyncio.to_thread(self.pair.promote)
                self._database = self.pair.replica
        hit = self.nodes if planned.node is None else [self.nodes[planned.node]]
        return Struck(planned, began, time.monotonic(), frozenset(node.name for node in hit))

    def _node(self, planned: Planned) -> Mortal:
        assert planned.node is not None
        return self.nodes[planned.node]

    async def _restart(self, node: Mortal, lasting: float, under: Sequence[str] = ()) -> None:
        await node.kill()
        await asyncio.sleep(lasting)
        await node.start(under)

    async def _disturb(self, planned: Planned) -> None:
        assert planned.node is not None
        lines = self._lines[planned.node]
        for line in lines:
            if planned.blow is Blow.CUT:
                await asyncio.to_thread(line.cut)
            else:
                line.delay = SLOW_SECONDS
        await asyncio.sleep(planned.lasting)
        for line in lines:
            line.delay = 0.0
            if planned.blow is Blow.CUT:
                await asyncio.to_thread(line.mend)


@contextlib.contextmanager
def world(folder: Path, nodes: int) -> Iterator[World]:
    """Make a PostgreSQL with a synchronous replica, both durable, and lines for so many nodes."""
    with running_pair() as pair, contextlib.ExitStack() as stack:
        lines = [
            (
                stack.enter_context(Wire(pair.primary.port)),
                stack.enter_context(Wire(pair.replica.port)),
            )
            for _ in range(nodes)
        ]
        yield World(folder, pair, lines)

"""What is done to the nodes, the lines and the database while they are under load, and when. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CALM_SECONDS = 5.0
"""Between two blows, and before the first."""


class Blow(StrEnum):
    """A kind of fault."""

    KILL_NODE = "kill -9 of a node"
    KILL_DATABASE = "kill -9 of PostgreSQL"
    CUT = "a line that swallows all"
    SLOW = "a slow line"
    CLOCK = "a node whose clock is off"
    FAILOVER = "failover to the replica"


_LASTING: dict[Blow, tuple[float, float]] = {
    Blow.KILL_NODE: (1, 3),
    Blow.KILL_DATABASE: (1, 3),
    Blow.CUT: (3, 9),
    Blow.SLOW: (4, 8),
    Blow.CLOCK: (5, 8),
    Blow.FAILOVER: (0, 1),
}
"""Seconds that it lasts, at least and at most; how long all takes to start again comes on top."""

_OF_ALL = {Blow.KILL_DATABASE, Blow.FAILOVER}
"""Those that hit every node."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One blow that is to come."""

    blow: Blow
    node: int | None
    """Whom it hits; None for all."""
    calm: float
    """Seconds of peace before it."""
    lasting: float
    """Seconds."""


def plan(seed: int, seconds: float, nodes: int) -> Sequence[Planned]:
    """Plan blows for so long: all kinds in turn, each time in another order; one failover in the middle.

    Args:
        seed: The same one gives the same plan.
        seconds: How long it takes, about, without the times for starting again.
        nodes: How many there are.
    """
    chance = random.Random(seed)
    kinds = [kind for kind in Blow if kind is not Blow.FAILOVER]
    planned: list[Planned] = []
    waiting: list[Blow] = []
    at, failed_over = 0.0, False
    while True:
        if not waiting:
            waiting = chance.sample(kinds, len(kinds))
        if at >= seconds / 2 and not failed_over:
            blow, failed_over = Blow.FAILOVER, True
        else:
            blow = waiting.pop()
        node = None if blow in _OF_ALL else chance.randrange(nodes)
        calm = CALM_SECONDS + chance.random() * CALM_SECONDS / 2
        each = Planned(blow, node, calm, chance.uniform(*_LASTING[blow]))
        at += each.calm + each.lasting
        if at > seconds and (failed_over or planned):
            return planned
        planned.append(each)

"""What several workers have counted, added up: one answer to `GET /metrics`, whichever is asked.

`prometheus_client` has a way of its own for several processes, files that all of them map. It was not
taken: it is chosen by a variable of the environment before the library is imported, it knows nothing of
collectors such as ours for requests, nor of what is no number, and the files of ended processes stay.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from watchword_server.exposition import Family, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SUMMED = {"counter", "histogram", "summary"}


def added(parts: Iterable[Sequence[Family]]) -> list[Family]:
    """Add up what several processes have counted.

    Counters and histograms are summed. Of a gauge, and of when a counter began, the least counts: all
    are as ready as the one that is not.
    """
    kinds: dict[str, Family] = {}
    sums: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for families in parts:
        for family in families:
            kinds.setdefault(family.name, family)
            values = sums.setdefault(family.name, {})
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                add = _rule(family, sample)
                values[key] = sample.value if key not in values else add(values[key], sample.value)
    return [
        Family(
            name,
            family.kind,
            family.help,
            [Sample(sample, dict(labels), value) for (sample, labels), value in sums[name].items()],
        )
        for name, family in kinds.items()
    ]


def _rule(family: Family, sample: Sample) -> Callable[[float, float], float]:
    is_sum = family.kind in _SUMMED and not sample.name.endswith("_created")
    return operator.add if is_sum else min


class Totals:
    """What every worker has counted, as it was told last; what ended ones counted stays in the sum.

    So no sum is ever less than it was when it was shown before.
    """

    def __init__(self) -> None:
        """Nothing was counted."""
        self._ended: list[Family] = []
        self._living: dict[int, Sequence[Family]] = {}

    def heard(self, number: int, families: Sequence[Family]) -> None:
        """Take what worker `number` has counted until now."""
        self._living[number] = families

    def ended(self, number: int) -> None:
        """Keep what the worker had counted when it was heard last, for another begins with nothing."""
        families = self._living.pop(number, ())
        self._ended = added([self._ended, [family for family in families if family.kind in _SUMMED]])

    def sum(self) -> list[Family]:
        """All of it, in the order in which the workers tell it."""
        return added([*self._living.values(), self._ended])

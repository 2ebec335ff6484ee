"""What blows did to answers: who said 503, for how long, and who went on. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.history import Said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.history import Asked
    from benchmarks.soak_chaos import Planned

RECOVERY_SECONDS = 10.0
"""Longest that a node may say 503 after what hit it is over: its longest pause, and a try."""

_JUDGED = {Said.TRUE, Said.FALSE, Said.LOCKED}


@dataclass(frozen=True)
class Struck:
    """A blow that was struck. Times are seconds of the clock that the history has."""

    planned: Planned
    began: float
    ended: float
    """When all ran again."""
    hit: frozenset[str]
    """The names of the nodes that it was meant for."""


@dataclass
class Told:
    """What became of the checks around the blows of one kind."""

    times: int = 0
    seconds: float = 0.0
    """That they lasted, all together."""
    refused: int = 0
    """503 by nodes that were hit, until they judged again."""
    refused_by_others: int = 0
    accepted_by_others: int = 0
    longest: float = 0.0
    """Seconds that any answer to a request took, 503 or not."""
    recoveries: list[float] = field(default_factory=list)
    """Seconds from the end of a blow to the first judgement, for each node that was hit."""

    def as_text(self) -> str:
        """The counts."""
        worst = f"{max(self.recoveries):.1f} s" if self.recoveries else "none"
        return (
            f"{self.times} times, {self.seconds:.0f} s; 503 by whom it hit: {self.refused:,}; by others:"
            f" {self.refused_by_others:,}; accepted by others: {self.accepted_by_others:,};"
            f" longest answer: {self.longest:.1f} s; back after at most {worst}"
        )


def told(asked: Sequence[Asked], struck: Sequence[Struck]) -> dict[str, Told]:
    """What became of the checks that were under way in each kind of blow."""
    kinds: dict[str, Told] = defaultdict(Told)
    for blow in struck:
        kind, back = kinds[blow.planned.blow], _back(asked, blow)
        kind.times += 1
        kind.seconds += blow.ended - blow.began
        kind.recoveries += [at - blow.ended for at in back.values()]
        for each in asked:
            is_hit = each.node in blow.hit
            until = back.get(each.node, blow.ended)
            if each.answered_at is None or each.answered_at < blow.began or each.sent_at > until:
                continue
            kind.refused += is_hit and each.said is Said.UNAVAILABLE
            kind.refused_by_others += not is_hit and each.said is Said.UNAVAILABLE
            kind.accepted_by_others += not is_hit and each.said is Said.TRUE
            # One that was sent again has waited for itself.
            if len(each.ids) == 1:
                kind.longest = max(kind.longest, each.answered_at - each.sent_at)
    return dict(kinds)


def unexcused(asked: Sequence[Asked], struck: Sequence[Struck]) -> Iterator[str]:
    """Say which 503 had no blow to excuse it, and which node did not come back."""
    for each in asked:
        if each.said is not Said.UNAVAILABLE or each.answered_at is None:
            continue
        if not any(
            blow.began <= each.answered_at and each.sent_at <= blow.ended + RECOVERY_SECONDS
            for blow in struck
        ):
            yield f"{each.node} said 503 with nothing in its way"
    for blow in struck:
        for name in sorted(blow.hit - _back(asked, blow).keys()):
            yield f"{name} did not come back after {blow.planned.blow}"


def _back(asked: Sequence[Asked], blow: Struck) -> dict[str, float]:
    """When nodes that were hit first judged what was sent to them after the blow."""
    back: dict[str, float] = {}
    for each in asked:
        if each.node not in blow.hit or each.said not in _JUDGED or each.answered_at is None:
            continue
        if blow.ended < each.sent_at < blow.ended + RECOVERY_SECONDS:
            back[each.node] = min(back.get(each.node, each.answered_at), each.answered_at)
    return back

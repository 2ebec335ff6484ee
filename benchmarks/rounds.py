"""Fair rounds: subjects measured in turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")


def in_turns(rounds: int, subjects: Mapping[str, Callable[[], _T]]) -> dict[str, list[_T]]:
    """Measure the subjects in turns, so that a busy moment hits all alike; give each one's findings.

    Each is run once more at first, uncounted, for caches to fill.

    Args:
        rounds: How often each is measured, 1 or more.
        subjects: What measures once, by the subject's name.
    """
    for measure in subjects.values():
        measure()
    found: dict[str, list[_T]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, measure in subjects.items():
            found[name].append(measure())
    return found

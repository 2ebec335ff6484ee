"""What is measured: series of one subject's values, and figures with goals that are made of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_KIB, _MIB = 2**10, 2**20


@dataclass(frozen=True)
class Series:
    """The measurements of one quantity of one subject."""

    subject: str
    """What was measured: a program and how it was run."""
    quantity: str
    """What of it, such as "time" or "p99"."""
    unit: str
    """Of the values: "s", "bytes", "/s" and so on."""
    values: tuple[float, ...]
    """At least one, in the order of the rounds."""

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest value."""
        return min(self.values), max(self.values)

    def as_text(self) -> str:
        """Write the median with its spread."""
        if len(self.values) == 1:
            return amount(self.median, self.unit)
        least, most = (amount(bound, self.unit) for bound in self.spread)
        return f"{amount(self.median, self.unit)} ({least} to {most})"


@dataclass(frozen=True)
class Figure:
    """One number with its goal."""

    name: str
    value: float
    unit: str
    goal: float
    """In the same unit."""
    at_least: bool = False
    """Whether more is better; otherwise less is."""
    spread: tuple[float, float] | None = None
    """The least and the greatest of the rounds; None where there was but one, or the value is not
    their median."""
    note: str = ""
    """What neither the name nor the series say."""

    @property
    def passed(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def measured(self) -> str:
        """The value in words."""
        return amount(self.value, self.unit)

    @property
    def rounds(self) -> str:
        """The spread in words; nothing without one."""
        if self.spread is None:
            return ""
        return " to ".join(
            number(bound) if self.unit == "times" else amount(bound, self.unit) for bound in self.spread
        )

    @property
    def bound(self) -> str:
        """The goal in words."""
        return f"{'at least' if self.at_least else 'at most'} {amount_as_set(self.goal, self.unit)}"


def ratio(name: str, ours: Series, theirs: Series, goal: float, *, at_least: bool = False) -> Figure:
    """Hold one series against another that was measured in turns with it.

    The value is the median of the rounds' ratios: a busy moment that hits a round hits both.
    """
    ratios = [our / their for our, their in zip(ours.values, theirs.values, strict=True)]
    return Figure(
        name=name,
        value=statistics.median(ratios),
        unit="times",
        goal=goal,
        at_least=at_least,
        spread=(min(ratios), max(ratios)) if len(ratios) > 1 else None,
    )


def single(name: str, series: Series, goal: float, *, at_least: bool = False) -> Figure:
    """Hold the median of a series against a goal in its own unit."""
    spread = series.spread if len(series.values) > 1 else None
    return Figure(name, series.median, series.unit, goal, at_least, spread)


def percentile_95(values: Sequence[float]) -> float:
    """The value that 19 of 20 do not exceed; of two at least."""
    return statistics.quantiles(values, n=20)[-1]


def number(value: float) -> str:
    """Write a number with about three digits."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def amount(value: float, unit: str) -> str:
    """Write a value with its unit, in the part or multiple of it that reads best."""
    if unit == "s" and abs(value) < 1:
        return f"{number(value * 1e3)} ms"
    if unit == "bytes" and abs(value) >= _KIB:
        size, name = (_MIB, "MiB") if abs(value) >= _MIB else (_KIB, "KiB")
        return f"{number(value / size)} {name}"
    return _joined(number(value), unit)


def amount_as_set(value: float, unit: str) -> str:
    """Write a value that a person chose, no more exactly than it was chosen."""
    return _joined(f"{value:g}", unit)


def _joined(text: str, unit: str) -> str:
    """A unit such as `/s` or `%` stands at its number; a word stands apart."""
    return f"{text}{unit}" if unit.startswith(("/", "%")) else f"{text} {unit}"

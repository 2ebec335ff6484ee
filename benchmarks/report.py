"""One report of a run: what was measured, on what, against whom, and what could not be."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGITS = 5
"""Significant ones of a measurement that are kept: more than it is worth."""

_LIST = re.compile(r"\[[-+.e\d,\s]+\]")
"""A list of numbers."""


@dataclass
class Result:
    """What one measure gave."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    """The measurements behind the figures."""
    peers: list[str] = field(default_factory=list)
    """Names and versions of other programs that took part."""
    unavailable: list[str] = field(default_factory=list)
    """What could not be measured, and why."""

    @property
    def passed(self) -> bool:
        """Whether everything was measured and every goal reached."""
        return not self.unavailable and all(figure.passed for figure in self.figures)

    def find(self, subject: str, quantity: str) -> Series | None:
        """Give a series, if it was measured."""
        wanted = (subject, quantity)
        return next((each for each in self.series if (each.subject, each.quantity) == wanted), None)


@dataclass
class Report:
    """What one run gave."""

    machine: Mapping[str, str]
    """The machine by kind of fact."""
    date: str
    """ISO 8601."""
    results: list[Result] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything was measured and every goal reached."""
        return all(result.passed for result in self.results)

    @property
    def peers(self) -> list[str]:
        """Other programs that took part, each once, in the order in which they came."""
        return list(dict.fromkeys(peer for result in self.results for peer in result.peers))

    @property
    def unavailable(self) -> list[str]:
        """What could not be measured, with the measure's name."""
        return [f"{result.name}: {what}" for result in self.results for what in result.unavailable]

    def find(self, measure: str, subject: str, quantity: str) -> Series | None:
        """Give a series, if it was measured."""
        found = (each.find(subject, quantity) for each in self.results if each.name == measure)
        return next(found, None)


def as_json(report: Report) -> str:
    """Write a report for programs, and to be kept: one JSON object."""
    written = {
        "date": report.date,
        "machine": dict(report.machine),
        "measures": [
            {
                "name": result.name,
                "figures": [{**asdict(one), "passed": one.passed} for one in result.figures],
                "series": [{**asdict(one), "values": _short(one.values)} for one in result.series],
                "peers": result.peers,
                "unavailable": result.unavailable,
            }
            for result in report.results
        ],
    }
    return _LIST.sub(_on_one_line, json.dumps(written, indent=1)) + "\n"


def from_json(text: str) -> Report:
    """Read a report that was kept."""
    read = json.loads(text)
    return Report(read["machine"], read["date"], [_result(one) for one in read["measures"]])


def _result(read: Mapping[str, Any]) -> Result:
    return Result(
        name=read["name"],
        figures=[_figure(one) for one in read["figures"]],
        series=[Series(**{**one, "values": tuple(one["values"])}) for one in read["series"]],
        peers=read["peers"],
        unavailable=read["unavailable"],
    )


def _figure(read: Mapping[str, Any]) -> Figure:
    fields = {name: value for name, value in read.items() if name != "passed"}
    spread = fields["spread"]
    return Figure(**{**fields, "spread": None if spread is None else tuple(spread)})


def _short(values: tuple[float, ...]) -> list[float]:
    return [float(f"{value:.{_DIGITS}g}") for value in values]


def _on_one_line(found: re.Match[str]) -> str:
    return f"[{' '.join(found[0][1:-1].split())}]"

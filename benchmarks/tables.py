"""A report as tables: plain ones for a terminal, Markdown for docs/performance.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.report import Report, Result

_MARK = str.maketrans(
    {"&": "&amp;", "|": "\\|", "<": "&lt;", "*": "\\*", "_": "\\_", "`": "\\`", "[": "\\["}
)
"""What Markdown would take for its own."""

_FULL = 0.6
"""Part of a table's cells that make it worth its columns."""

_PASS, _SHORT = "pass", "falls short"


def as_text(report: Report) -> str:
    """Write everything for people in front of a terminal."""
    parts = []
    if any(result.figures for result in report.results):
        parts.append(_plain([("figure", "measured", "rounds", "goal", ""), *_goals(report)]))
    parts += [f"{result.name}\n{_plain(_series(result))}" for result in report.results if result.series]
    notes = [
        f"{figure.name}: {figure.note}"
        for result in report.results
        for figure in result.figures
        if figure.note
    ]
    parts += ["\n".join(lines) for lines in (notes, list(_setting(report))) if lines]
    parts += [f"not measured: {reason}" for reason in report.unavailable]
    return "\n\n".join(parts)


def as_markdown(report: Report) -> str:
    """Write goals, measurements and machine for a document."""
    goals = [("figure", "measured", "its rounds", "goal", ""), *_goals(report)]
    parts = [
        "## Goals and the last run",
        markdown(goals),
    ]
    if report.unavailable:
        parts.append("Not measured:")
        parts.append("\n".join(f"- {_escaped(reason)}" for reason in report.unavailable))
    parts.append("## Behind the figures")
    parts.append("The median, and from the least to the greatest of the rounds.")
    for result in report.results:
        if result.series:
            parts += [f"`{result.name}`", markdown(_series(result))]
    parts.append("## What it ran on")
    parts.append("\n".join(f"- {_escaped(line)}" for line in _setting(report)))
    return "\n\n".join(parts)


def _goals(report: Report) -> Iterator[Sequence[str]]:
    for result in report.results:
        for figure in result.figures:
            verdict = _PASS if figure.passed else _SHORT
            yield figure.name, figure.measured, figure.rounds, figure.bound, verdict


def _series(result: Result) -> list[Sequence[str]]:
    """A row for each subject and a column for each quantity; of few, a row for each series."""
    quantities = list(dict.fromkeys(one.quantity for one in result.series))
    subjects = list(dict.fromkeys(one.subject for one in result.series))
    if len(result.series) < _FULL * len(subjects) * len(quantities):
        return [
            ("", "", "measured"),
            *((one.subject, one.quantity, one.as_text()) for one in result.series),
        ]
    rows: list[Sequence[str]] = [("", *quantities)]
    for subject in subjects:
        found = (result.find(subject, quantity) for quantity in quantities)
        rows.append((subject, *("" if one is None else one.as_text() for one in found)))
    return rows


def _setting(report: Report) -> Iterator[str]:
    """The machine and the others, a line each."""
    yield f"date: {report.date}"
    for kind, fact in report.machine.items():
        yield f"{kind}: {fact}"
    if report.peers:
        yield f"others: {', '.join(report.peers)}"


def _plain(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as a table, the first as its head."""
    head, *body = ([_cell(cell) for cell in row] for row in rows)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(text: str) -> str:
    return f"**{text}**" if text == _SHORT else _escaped(text)


def _escaped(text: str) -> str:
    return text.translate(_MARK)

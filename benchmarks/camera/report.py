"""What was read, as a table for docs/qr.md and as figures with goals."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from benchmarks.camera.pictures import APP, BLOCKS, DRAWINGS, PLAIN, QRENCODE, SHELL
from benchmarks.camera.session import share
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.camera.session import Read
    from benchmarks.camera.xterm import Look

GOAL = 0.99
"""Of the shots that are read of the plain PNG."""


@dataclass(frozen=True)
class Seen:
    """One terminal and what was read in it, by drawing."""

    look: Look
    module: tuple[float, float]
    """Width and height in pixels."""
    reads: Mapping[str, Read]


def table(seen: Sequence[Seen], shots: int) -> str:
    """One row a font and line height in Markdown; "dark / light" in each column.

    The PNG's column is the part of all shots, the others' the part of the PNG's.
    """
    lines = [
        f"| font | line height | module, px | {PLAIN} | {' | '.join(DRAWINGS)} |",
        "|---|---|---|" + "---|" * (1 + len(DRAWINGS)),
    ]
    for _, rows in groupby(seen, lambda one: (one.look.face, one.look.line_height)):
        both = list(rows)
        look, (width, height) = both[0].look, both[0].module
        cells = [look.face, f"{look.line_height:g}", f"{width:g} x {height:g}"]
        cells.append(" / ".join(f"{len(one.reads[PLAIN].either) / shots:.1%}" for one in both))
        cells += [
            " / ".join(f"{share(one.reads[drawing], one.reads[PLAIN]):.1%}" for one in both)
            for drawing in DRAWINGS
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def figures(seen: Sequence[Seen]) -> list[Figure]:
    """The goals: near the PNG, and behind no other drawing in any terminal."""
    found = []
    for drawing in (APP, SHELL):
        heights = sorted({one.look.line_height for one in seen})
        found += [_near(drawing, height, seen) for height in heights]
        found += [_ahead(drawing, other, seen) for other in (QRENCODE, BLOCKS)]
    return found


def _near(drawing: str, height: float, seen: Sequence[Seen]) -> Figure:
    parts = [
        share(one.reads[drawing], one.reads[PLAIN]) for one in seen if one.look.line_height == height
    ]
    return Figure(
        name=f"{drawing}, line height {height:g}: shots read, of the PNG's",
        value=100 * sum(parts) / len(parts),
        unit="%",
        goal=100 * GOAL,
        at_least=True,
        spread=(100 * min(parts), 100 * max(parts)),
    )


def _ahead(drawing: str, other: str, seen: Sequence[Seen]) -> Figure:
    counted = [
        (one.look.name, len(one.reads[drawing].either), len(one.reads[other].either)) for one in seen
    ]
    behind = [f"{name}: {ours} to {theirs}" for name, ours, theirs in counted if ours < theirs]
    return Figure(
        name=f"{drawing}: terminals in which {other} is ahead",
        value=len(behind),
        unit="terminals",
        goal=0,
        note="; ".join(behind),
    )

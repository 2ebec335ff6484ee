"""Tables for a terminal: columns as wide as what stands in them. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = "  "
_CUT = "…"
_NARROWEST = 8
"""Columns that a label keeps, however narrow the terminal is."""


def columns(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    labels: Sequence[str] = (),
    width: int | None = None,
) -> Iterator[str]:
    """The lines of a table; columns with nothing in them are left out.

    Args:
        head: Names of the columns; the last, if it has no labels, may go on over the lines below.
        rows: What stands in them.
        labels: Names of the columns whose texts are cut, the longest first, for all to fit.
        width: Columns of the terminal; None cuts nothing.
    """
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]
    lines = [head, *rows] if rows else []
    widths = {index: max(_width(line[index]) for line in lines) for index in used} if lines else {}
    if width is not None:
        last = len(head) - 1
        room = width if head[last] in labels else width + widths.get(last, 0)
        _narrow(widths, [index for index in used if head[index] in labels], room)
    for line in lines:
        cells = (_padded(line[index], widths[index]) for index in used)
        yield _GAP.join(cells).rstrip()


def _narrow(widths: dict[int, int], labels: Sequence[int], room: int) -> None:
    """Take columns from the widest labels until all fit into `room`."""
    excess = sum(widths.values()) + len(_GAP) * (len(widths) - 1) - room
    while excess > 0 and labels:
        widest = max(labels, key=lambda index: widths[index])
        if widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1
        excess -= 1


def _padded(text: str, width: int) -> str:
    if _width(text) > width:
        while _width(text) >= width:
            text = text[:-1]
        text += _CUT
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns that a terminal gives to `text`, near enough for a table (Unicode UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )

"""Tables for a terminal: columns as wide as what stands in them. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = "  "


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; columns with nothing in them are left out."""
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]
    lines = [head, *rows] if rows else []
    widths = {index: max(_width(line[index]) for line in lines) for index in used} if lines else {}
    for line in lines:
        cells = (line[index] + " " * (widths[index] - _width(line[index])) for index in used)
        yield _GAP.join(cells).rstrip()


def _width(text: str) -> int:
    """Columns that a terminal gives to `text`, near enough for a table (Unicode UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )

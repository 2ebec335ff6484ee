"""Rows of CSV (RFC 4180) that somebody else wrote."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.fields import MAX_ROWS, check_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.source import Source

_START = 2000
"""Characters in which the first line must end."""

_MAX_COLUMNS = 100
"""Columns on average; the widest export has some 40."""


def columns(source: Source) -> tuple[str, ...]:
    """The columns that the first line names, in lower case; none where the file cannot be CSV."""
    first = (source.text or "")[:_START].lstrip().partition("\n")[0]
    return tuple(name.strip().strip('"').lower() for name in first.split(","))


def read_rows(source: Source) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their numbers from 1, each as texts by column; what a row lacks is not there.

    Raises:
        ForeignFileError: It is no CSV, or has more rows than any export.
    """
    if (source.text or "").count(",") > MAX_ROWS * _MAX_COLUMNS:
        raise _damaged()
    lines = (f"{line}\n" for _, line in source.lines())
    names = None
    number = 0
    try:
        for row in csv.reader(lines):
            if names is None:
                names = [name.strip().lower() for name in row] or None
            elif row:
                number += 1
                check_rows(number)
                yield number, dict(zip(names, row, strict=False))
    except csv.Error:
        raise _damaged() from None


def _damaged() -> ForeignFileError:
    return ForeignFileError(
        "the CSV is damaged, or has a field longer than any app writes", "export it again from the app"
    )

"""How commands show what they found: tables for people, one JSON value for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import msgspec

from watchword_otp import strip_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def show_json(value: object) -> None:
    """Print one JSON value on a line of its own."""
    click.echo(msgspec.json.encode(value).decode())


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their titles, in columns; nothing in them can steer the terminal."""
    table = [tuple(titles), *(tuple(strip_controls(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def show_members(members: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    pairs = [(name, strip_controls(value)) for name, value in members]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {value}".rstrip())


def moment(when: float | None, nothing: str = "-") -> str:
    """A moment in Unix seconds, for people."""
    if when is None:
        return nothing
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def instant(when: float | None) -> str | None:
    """A moment in Unix seconds, for programs (RFC 3339)."""
    if when is None:
        return None
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def count(number: int, one: str, many: str | None = None) -> str:
    """A number and what it counts."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"

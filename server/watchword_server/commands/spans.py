"""Spans and moments of time as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import click

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"([0-9]{1,6})([smhdw])")


class _Span(click.ParamType[float]):
    name = "SPAN"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail("a span of time is a number with s, m, h, d or w, as in 90d", param, ctx)
        return float(int(match[1]) * _UNITS[match[2]])


class _Moment(click.ParamType[float]):
    name = "DATE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("a date looks like 2026-07-01 or 2026-07-01T12:00:00Z", param, ctx)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


SPAN = _Span()
"""A span of time in seconds, written as `90d`, `12h`, `30m`."""

MOMENT = _Moment()
"""A moment in Unix seconds, written as in ISO 8601; UTC unless it says otherwise."""

"""Duo Mobile: the list of accounts in its folder, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, entry_of_row
from watchword_tui.exchange.fields import child, objects, rows, text
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_GENERATOR = "otpGenerator"


def recognise(source: Source) -> bool:
    """Whether it is a list with this app's generators of codes."""
    return any(_GENERATOR in row for row in objects(source.json))


def read(source: Source, _ask: Ask) -> Reading:
    """Read the list; an account with a counter is HOTP, all others are TOTP."""
    return Reading(entries=tuple(_entry(row, place) for place, row in rows(source.json)))


def _entry(row: dict[str, object], place: int) -> Entry:
    generator = child(row, _GENERATOR)
    about = About(where=f"account {place}", name=text(row, "name"))
    if "otpSecret" not in generator:
        return about.entry(reason="the account's key never leaves Duo's servers: only Duo can move it")
    kind = "hotp" if generator.get("counter") is not None else "totp"
    return entry_of_row(about, generator | {"type": kind, "secret": generator["otpSecret"]})


FORMAT = Format(name="duo", title="Duo Mobile", recognise=recognise, read=read)

"""2FAuth exports: accounts as objects, or as otpauth URIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, Names, entry_of_row, entry_of_uri
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows, text
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_NAMES = Names(kind="otp_type")


def recognise(source: Source) -> bool:
    """Whether it is JSON that names this app."""
    return text(source.json_object(), "app").lower().startswith("2fauth")


def read(source: Source, _ask: Ask) -> Reading:
    """Read an export."""
    found = source.json_object().get("data")
    if not isinstance(found, list):
        raise damaged()
    check_rows(len(found))
    return Reading(entries=tuple(_entry(row, place) for place, row in enumerate(found, start=1)))


def _entry(row: object, place: int) -> Entry:
    where = f"account {place}"
    if isinstance(row, str):
        return entry_of_uri(About(where=where), row)
    fields = row if isinstance(row, dict) else {}
    about = About(where=where, issuer=text(fields, "service"), name=text(fields, "account"))
    return entry_of_row(about, fields, _NAMES)


FORMAT = Format(name="2fauth", title="2FAuth", recognise=recognise, read=read)

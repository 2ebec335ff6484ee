"""Raivo exports: JSON, as it comes out of the app in an AES-encrypted zip archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.archives import holds, unpacked
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.fields import objects, rows, text
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_NAMES = Names(kind="kind", period="timer")
_JSON_IN_ZIP = "raivo-otp-export.json"


def recognise(source: Source) -> bool:
    """Whether it is a list of this app's objects, or an archive that holds its file."""
    if holds(source, _JSON_IN_ZIP):
        return True
    return any({"secret", "kind", "timer"} <= row.keys() for row in objects(source.json))


def read(source: Source, ask: Ask) -> Reading:
    """Read an export; the archive's passphrase is Raivo's master password."""
    found = source.json
    if holds(source, _JSON_IN_ZIP):
        found = Source(_JSON_IN_ZIP, unpacked(source, _JSON_IN_ZIP, ask)).json
    return Reading(entries=tuple(_entry(row, place) for place, row in rows(found)))


def _entry(row: dict[str, object], place: int) -> Entry:
    about = About(
        where=f"entry {place}",
        issuer=text(row, "issuer"),
        name=text(row, "account"),
        favourite=text(row, "pinned").lower() == "true" or row.get("pinned") is True,
    )
    return entry_of_row(about, row, _NAMES)


FORMAT = Format(name="raivo", title="Raivo", recognise=recognise, read=read)

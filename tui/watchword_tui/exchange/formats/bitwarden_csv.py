"""Bitwarden exports in CSV, of the password manager and of its Authenticator app."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, entry_of_totp_field
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_TOTP = "login_totp"


def recognise(source: Source) -> bool:
    """Whether the first line names the columns of such an export."""
    first = (source.text or "").partition("\n")[0].strip().lower().replace('"', "")
    return {_TOTP, "name"} <= set(first.split(","))


def read(source: Source, _ask: Ask) -> Reading:
    """Read the rows that have a one-time password."""
    entries: list[Entry] = []
    rows = 0
    try:
        for place, row in enumerate(csv.DictReader(io.StringIO(source.text or "", newline="")), start=1):
            rows = place
            # A row that is too short has None for what it lacks, one too long None as a name.
            fields = {name: value for name, value in row.items() if name and isinstance(value, str)}
            if fields.get(_TOTP, "").strip():
                entries.append(_entry(fields, place))
    except csv.Error:
        raise damaged() from None
    problems = () if entries or not rows else (f"none of the {rows:,} rows has a one-time password",)
    return Reading(entries=tuple(entries), problems=problems)


def _entry(row: dict[str, str], place: int) -> Entry:
    collections = row.get("collections", "").split(",")
    about = About(
        where=f"row {place}",
        issuer=row.get("name", ""),
        name=row.get("login_username", ""),
        note=row.get("notes", ""),
        groups=(row.get("folder", ""), *collections),
        favourite=row.get("favorite", "") in {"1", "true"},
    )
    return entry_of_totp_field(about, row[_TOTP])


FORMAT = Format(name="bitwarden", title="Bitwarden", recognise=recognise, read=read)

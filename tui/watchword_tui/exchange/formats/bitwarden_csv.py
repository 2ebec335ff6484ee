"""Bitwarden exports in CSV, of the password manager and of its Authenticator app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, entry_of_totp_field
from watchword_tui.exchange.csv_rows import columns, read_rows
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_TOTP = "login_totp"


def recognise(source: Source) -> bool:
    """Whether the first line names the columns of such an export."""
    return {_TOTP, "name"} <= set(columns(source))


def read(source: Source, _ask: Ask) -> Reading:
    """Read the rows that have a one-time password."""
    entries: list[Entry] = []
    number = 0
    for number, row in read_rows(source):
        if row.get(_TOTP, "").strip():
            entries.append(_entry(row, number))
    problems = (
        (f"none of the {number:,} rows has a one-time password",) if number and not entries else ()
    )
    return Reading(entries=tuple(entries), problems=problems)


def _entry(row: dict[str, str], number: int) -> Entry:
    about = About(
        where=f"row {number}",
        issuer=row.get("name", ""),
        name=row.get("login_username", ""),
        note=row.get("notes", ""),
        # An organisation's export has collections, a person's a folder.
        groups=(row.get("folder", ""), *row.get("collections", "").split(",")),
        favourite=row.get("favorite", "") in {"1", "true"},
    )
    return entry_of_totp_field(about, row[_TOTP])


FORMAT = Format(name="bitwarden", title="Bitwarden", recognise=recognise, read=read)

"""CSV of password managers: all have a column of one-time passwords, under many names.

So are 1Password's, Apple's, Bitwarden's, Dashlane's, LastPass', NordPass' and Proton Pass', and what
programs make of Google Authenticator's exports. KeePassXC's has rules of its own: see `keepass_csv`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.archives import holds, unpacked
from watchword_tui.exchange.build import entry_of_row, entry_of_totp_field
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.csv_rows import columns, read_rows
from watchword_tui.exchange.formats.otpauth import is_uri
from watchword_tui.exchange.logins import CODES, LABELS, Login, plain
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.model import Ask, Entry

_IN_ZIP = "credentials.csv"
"""Dashlane's, among the others in its archive."""


def recognise_bitwarden(source: Source) -> bool:
    """Whether the first line names Bitwarden's columns."""
    return {"logintotp", "name"} <= _plain_columns(source)


def recognise(source: Source) -> bool:
    """Whether the first line names columns of logins, one of them for one-time passwords."""
    if holds(source, _IN_ZIP):
        return True
    found = _plain_columns(source)
    if found.isdisjoint(LABELS):
        return False
    return not found.isdisjoint(CODES) or "otpauth://" in (source.text or "")


def read(source: Source, ask: Ask) -> Reading:
    """Read the rows that have a one-time password."""
    if holds(source, _IN_ZIP):
        source = Source(_IN_ZIP, unpacked(source, _IN_ZIP, ask))
    if not recognise(source):
        raise damaged()
    entries: list[Entry] = []
    number = 0
    for number, row in read_rows(source):
        entries += _entry(Login(row), f"row {number}")
    problems = (
        (f"none of the {number:,} rows has a one-time password",) if number and not entries else ()
    )
    return Reading(entries=tuple(entries), problems=problems)


def _entry(login: Login, where: str) -> Iterator[Entry]:
    # Where no column is known for it, a URI says what it is wherever it stands.
    uris = (value for value in login.cells.values() if is_uri(value))
    if code := login.code() or next(uris, ""):
        yield entry_of_totp_field(login.about(where), code)
    elif secret := login.secret():
        yield entry_of_row(login.about(where), {**login.cells, "secret": secret})


def _plain_columns(source: Source) -> set[str]:
    return {plain(name) for name in columns(source)}


BITWARDEN = Format(name="bitwarden", title="Bitwarden", recognise=recognise_bitwarden, read=read)
OTHER = Format(name="passwords-csv", title="Password manager's CSV", recognise=recognise, read=read)

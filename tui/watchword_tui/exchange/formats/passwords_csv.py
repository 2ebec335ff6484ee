"""CSV of password managers: all have a column of one-time passwords, under many names.

So are 1Password's, Apple's, Bitwarden's, Dashlane's, LastPass', NordPass' and Proton Pass', and what
programs make of Google Authenticator's exports. KeePassXC's has rules of its own: see `keepass_csv`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.exchange.archives import holds, unpacked
from watchword_tui.exchange.build import About, entry_of_row, entry_of_totp_field
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.csv_rows import columns, read_rows
from watchword_tui.exchange.formats.otpauth import is_uri
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from watchword_tui.exchange.model import Ask, Entry

# Names in small letters and without signs, the more telling first.
_CODES = (
    *("logintotp", "totp", "otpauth", "otpurl", "otpsecret", "totpsecret", "totpuri", "otpuri", "otp"),
    *("onetimepassword", "onetimecode", "timeotpsecretbase32", "totpsecretkey", "2fa", "twofactor"),
)
_SECRETS = ("secret", "secretkey")
_ISSUERS = ("issuer", "title", "service")
_NAMES = ("name", "accountname", "itemname")
_USERS = ("loginusername", "username", "user", "login", "account", "email", "username2", "username3")
_NOTES = ("notes", "note", "extra", "comments")
_GROUPS = ("folder", "grouping", "group", "category", "vault")
_LABELS = ("collections", "tags")
_FAVOURITES = ("favorite", "favourite", "fav")
_NOTHING = {"", "0", "null"}
"""What stands in the column where a login has no one-time password."""

_IN_ZIP = "credentials.csv"
"""Dashlane's, among the others in its archive."""

_SIGNS = re.compile(r"[^a-z0-9]+")
_SEPARATORS = re.compile(r"[,;]")


def recognise_bitwarden(source: Source) -> bool:
    """Whether the first line names Bitwarden's columns."""
    return {"logintotp", "name"} <= _plain_columns(source)


def recognise(source: Source) -> bool:
    """Whether the first line names columns of logins, one of them for one-time passwords."""
    if holds(source, _IN_ZIP):
        return True
    found = _plain_columns(source)
    if found.isdisjoint((*_ISSUERS, *_NAMES, *_USERS)):
        return False
    return not found.isdisjoint((*_CODES, *_SECRETS)) or "otpauth://" in (source.text or "")


def read(source: Source, ask: Ask) -> Reading:
    """Read the rows that have a one-time password."""
    if holds(source, _IN_ZIP):
        source = Source(_IN_ZIP, unpacked(source, _IN_ZIP, ask))
    if not recognise(source):
        raise damaged()
    entries: list[Entry] = []
    number = 0
    for number, row in read_rows(source):
        cells = {_plain(name): value.strip() for name, value in row.items()}
        entries += _entry(cells, number)
    problems = (
        (f"none of the {number:,} rows has a one-time password",) if number and not entries else ()
    )
    return Reading(entries=tuple(entries), problems=problems)


def _entry(cells: dict[str, str], number: int) -> Iterator[Entry]:
    about = _about(cells, number)
    # Where no column is known for it, a URI says what it is wherever it stands.
    uris = (value for value in cells.values() if is_uri(value))
    code = next((value for value in _values(cells, _CODES)), "") or next(uris, "")
    if code:
        yield entry_of_totp_field(about, code)
    elif secret := _first(cells, _SECRETS):
        yield entry_of_row(about, {**cells, "secret": secret})


def _about(cells: dict[str, str], number: int) -> About:
    issuer, name = _first(cells, _ISSUERS), _first(cells, _NAMES)
    user = _first(cells, _USERS)
    # Where there is no other title, a login's name is one; beside an issuer it is the account.
    if "issuer" not in cells and not issuer:
        issuer, name = name, user
    labels = (part.strip() for value in _values(cells, _LABELS) for part in _SEPARATORS.split(value))
    return About(
        where=f"row {number}",
        issuer=issuer,
        name=user or name,
        note=_first(cells, _NOTES),
        groups=(*_values(cells, _GROUPS), *labels),
        favourite=_first(cells, _FAVOURITES).lower() in {"1", "true", "yes"},
    )


def _values(cells: dict[str, str], names: Iterable[str]) -> Iterator[str]:
    return (value for name in names if (value := cells.get(name, "")).lower() not in _NOTHING)


def _first(cells: dict[str, str], names: Iterable[str]) -> str:
    return next(_values(cells, names), "")


def _plain_columns(source: Source) -> set[str]:
    return {_plain(name) for name in columns(source)}


def _plain(name: str) -> str:
    return _SIGNS.sub("", name.lower())


BITWARDEN = Format(name="bitwarden", title="Bitwarden", recognise=recognise_bitwarden, read=read)
OTHER = Format(name="passwords-csv", title="Password manager's CSV", recognise=recognise, read=read)

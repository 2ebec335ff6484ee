"""LastPass Authenticator exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.fields import child, objects, rows, text
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_NAMES = Names(period="timeStep")


def recognise(source: Source) -> bool:
    """Whether it is JSON with this app's accounts."""
    accounts = objects(source.json_object().get("accounts"))
    return any({"issuerName", "secret"} <= account.keys() for account in accounts)


def read(source: Source, _ask: Ask) -> Reading:
    """Read an export; folders are groups."""
    export = source.json_object()
    folders = {text(one, "id"): text(one, "name") for one in objects(export.get("folders"))}
    found = rows(export.get("accounts"))
    return Reading(entries=tuple(_entry(row, place, folders) for place, row in found))


def _entry(row: dict[str, object], place: int, folders: Mapping[str, str]) -> Entry:
    about = About(
        where=f"account {place}",
        issuer=text(row, "issuerName") or text(row, "originalIssuerName"),
        name=text(row, "userName") or text(row, "originalUserName"),
        # Folder 0 is the list itself, though it is called like one.
        groups=(folders.get(text(child(row, "folderData"), "folderId").removeprefix("0"), ""),),
        favourite=row.get("isFavorite") is True,
    )
    return entry_of_row(about, row, _NAMES)


FORMAT = Format(name="lastpass", title="LastPass Authenticator", recognise=recognise, read=read)

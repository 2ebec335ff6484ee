"""1Password's 1PUX exports: a zip archive around `export.data`, JSON of accounts, vaults and items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.archives import holds, unpacked
from watchword_tui.exchange.build import About, entry_of_totp_field
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows, child, objects, text, texts
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.model import Ask, Entry

_DATA = "export.data"


def recognise(source: Source) -> bool:
    """Whether it is such an archive, or the JSON out of it."""
    if holds(source, _DATA):
        return True
    return any("vaults" in account for account in objects(source.json_object().get("accounts")))


def read(source: Source, ask: Ask) -> Reading:
    """Read the items that have a one-time password; a login may have several."""
    if source.json is None:
        source = Source(_DATA, unpacked(source, _DATA, ask))
    if not recognise(source):
        raise damaged()
    entries: list[Entry] = []
    place = 0
    for vault, item in _items(source):
        place += 1
        check_rows(place)
        entries += _entries(vault, item, place)
    problems = (f"none of the {place:,} items has a one-time password",) if place and not entries else ()
    return Reading(entries=tuple(entries), problems=problems)


def _items(source: Source) -> Iterator[tuple[str, dict[str, object]]]:
    for account in objects(source.json_object().get("accounts")):
        for vault in objects(account.get("vaults")):
            for item in objects(vault.get("items")):
                yield text(child(vault, "attrs"), "name"), item


def _entries(vault: str, item: dict[str, object], place: int) -> Iterator[Entry]:
    overview, details = child(item, "overview"), child(item, "details")
    users = (
        text(field, "value")
        for field in objects(details.get("loginFields"))
        if text(field, "designation") == "username"
    )
    about = About(
        where=f"item {place}",
        issuer=text(overview, "title"),
        name=next(users, ""),
        note=text(details, "notesPlain"),
        groups=(vault, *texts(overview.get("tags"))),
        favourite=text(item, "favIndex", "0") != "0",
    )
    for section in objects(details.get("sections")):
        for field in objects(section.get("fields")):
            if totp := text(child(field, "value"), "totp").strip():
                yield entry_of_totp_field(about, totp)


FORMAT = Format(name="1password", title="1Password", recognise=recognise, read=read)

"""Proton Pass exports: JSON of vaults with items, alone or in a zip archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_otp import clean_label
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.archives import holds, unpacked
from watchword_tui.exchange.build import About, entry_of_totp_field
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows, child, objects, text
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.model import Ask, Entry

_DATA, _SEALED = "Proton Pass/data.json", "Proton Pass/data.pgp"
_NOBODY = "Proton Pass"
"""What the app writes where a URI names an account, if it knows none."""

_TRASHED = 2


def recognise(source: Source) -> bool:
    """Whether it is such an archive, or the JSON out of it."""
    if holds(source, _DATA) or holds(source, _SEALED):
        return True
    vaults = child(source.json_object(), "vaults").values()
    return any(isinstance(vault, dict) and "items" in vault for vault in vaults)


def read(source: Source, ask: Ask) -> Reading:
    """Read the items that have a one-time password; what lies in the trash stays there."""
    if holds(source, _SEALED):
        raise ForeignFileError(
            "this export of Proton Pass is encrypted with OpenPGP",
            "export once more as ZIP or CSV; or unpack it, run gpg --decrypt on data.pgp and import what"
            " comes out",
        )
    if source.json is None:
        source = Source(_DATA, unpacked(source, _DATA, ask))
    vaults = source.json_object().get("vaults")
    if not isinstance(vaults, dict):
        raise damaged()
    entries = []
    place = trashed = 0
    for vault in vaults.values():
        kept = vault if isinstance(vault, dict) else {}
        for item in objects(kept.get("items")):
            place += 1
            check_rows(place)
            about = _about(item, text(kept, "name"), place)
            found = [_entry(about, field) for field in _fields(child(item, "data"))]
            if item.get("state") == _TRASHED:
                trashed += len(found)
            else:
                entries += found
    return Reading(entries=tuple(entries), problems=_problems(place, len(entries), trashed))


def _problems(items: int, kept: int, trashed: int) -> tuple[str, ...]:
    if trashed:
        return (f"{trashed:,} in the trash left out",)
    return (f"none of the {items:,} items has a one-time password",) if items and not kept else ()


def _about(item: dict[str, object], vault: str, place: int) -> About:
    metadata, content = child(child(item, "data"), "metadata"), child(child(item, "data"), "content")
    return About(
        where=f"item {place}",
        issuer=text(metadata, "name"),
        # Before it had user names and addresses apart, the app called both "username".
        name=text(content, "itemUsername") or text(content, "itemEmail") or text(content, "username"),
        note=text(metadata, "note"),
        groups=(vault,),
        favourite=item.get("pinned") is True,
    )


def _entry(about: About, field: str) -> Entry:
    entry = entry_of_totp_field(about, field)
    if entry.key is None or entry.name != _NOBODY:
        return entry
    named = replace(entry.key, name=clean_label(about.name))
    return replace(entry, key=named, name=named.name)


def _fields(data: dict[str, object]) -> Iterator[str]:
    """The login's one-time password, and those in fields that somebody added."""
    extra = (child(field, "data") for field in objects(data.get("extraFields")))
    for table in (child(data, "content"), *extra):
        if field := text(table, "totpUri").strip():
            yield field


FORMAT = Format(name="proton-pass", title="Proton Pass", recognise=recognise, read=read)

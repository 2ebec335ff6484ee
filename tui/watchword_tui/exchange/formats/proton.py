"""Proton Authenticator exports, plain and under a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_otp import clean_label
from watchword_tui.exchange.build import About, entry_of_totp_field
from watchword_tui.exchange.ciphers import Argon2, aes_gcm_open, from_base64, unlock
from watchword_tui.exchange.fields import child, objects, rows, text
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_PASSES, _MEMORY = 2, 19_456 * 1024
_NONCE = 12
_AAD = b"proton.authenticator.export.v1"


def recognise(source: Source) -> bool:
    """Whether it is JSON with entries that hold a URI, or with a salt and sealed content."""
    found = source.json_object()
    if {"version", "salt", "content"} <= found.keys():
        return True
    return any("uri" in child(entry, "content") for entry in objects(found.get("entries")))


def read(source: Source, ask: Ask) -> Reading:
    """Read an export."""
    export = source.json_object()
    if "content" in export:
        sealed = from_base64(text(export, "content"))
        key = unlock(ask, Argon2(from_base64(text(export, "salt")), _PASSES, _MEMORY))
        plain = aes_gcm_open(key, sealed[:_NONCE], sealed[_NONCE:], aad=_AAD)
        export = Source("export", plain).json_object()
    return Reading(entries=tuple(_entry(row, place) for place, row in rows(export.get("entries"))))


def _entry(row: dict[str, object], place: int) -> Entry:
    content = child(row, "content")
    uri, name = text(content, "uri"), text(content, "name")
    about = About(where=f"entry {place}", note=text(row, "note"))
    if uri.lower().startswith("steam://"):
        # The entry's name is all that tells whose key it is.
        return entry_of_totp_field(replace(about, issuer=name), uri)
    entry = entry_of_totp_field(replace(about, name=name), uri)
    label = clean_label(name)
    if entry.key is None or not label:
        return entry
    # A name given in the app is not written into the URI.
    return replace(entry, name=label, key=replace(entry.key, name=label))


FORMAT = Format(name="proton", title="Proton Authenticator", recognise=recognise, read=read)

"""2FAS backups of schema 1 to 4, plain and encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from watchword_tui.errors import WrongPassphraseError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import Pbkdf2, aes_gcm_open, damaged, from_base64, unlock
from watchword_tui.exchange.fields import child, objects, rows, text
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.model import Ask, Entry

_ITERATIONS = 10_000
_NAMES = Names(kind="tokenType")


def recognise(source: Source) -> bool:
    """Whether it is JSON with services and what only this app writes beside them."""
    found = source.json_object()
    return "servicesEncrypted" in found or (
        isinstance(found.get("services"), list)
        and not found.keys().isdisjoint({"schemaVersion", "appVersionCode", "appOrigin", "updatedAt"})
    )


def read(source: Source, ask: Ask) -> Reading:
    """Read a backup; its groups stand in clear even where the services are encrypted."""
    backup = source.json_object()
    services = backup.get("services")
    if sealed := text(backup, "servicesEncrypted"):
        services = _opened(sealed, text(backup, "reference"), ask)
    groups = {text(group, "id"): text(group, "name") for group in objects(backup.get("groups"))}
    return Reading(entries=tuple(_entry(row, number, groups) for number, row in rows(services)))


def _opened(sealed: str, reference: str, ask: Ask) -> object:
    content, salt, nonce = _parts(sealed)
    key = unlock(ask, Pbkdf2(salt, _ITERATIONS))
    try:
        opened = aes_gcm_open(key, nonce, content)
    except WrongPassphraseError:
        # What the app seals beside the services, to tell a wrong password from a damaged file.
        if reference and (parts := _parts(reference)).salt == salt:
            aes_gcm_open(key, parts.nonce, parts.content)
            raise damaged() from None
        raise
    return Source("services", opened).json


class _Sealed(NamedTuple):
    content: bytes
    salt: bytes
    nonce: bytes


def _parts(sealed: str) -> _Sealed:
    """What is sealed: ciphertext with tag, salt and nonce, in base64 with colons between."""
    parts = [from_base64(part) for part in sealed.split(":")]
    if len(parts) != len(_Sealed._fields):
        raise damaged()
    return _Sealed(*parts)


def _entry(row: dict[str, object], number: int, groups: Mapping[str, str]) -> Entry:
    otp = child(row, "otp")
    issuer = text(otp, "issuer") or text(row, "name")
    # Without an account of its own, a key still has the label of its QR code.
    name = text(otp, "account") or text(otp, "label").removeprefix(f"{issuer}:")
    about = About(
        where=f"service {number}",
        issuer=issuer,
        name=name,
        groups=(groups.get(text(row, "groupId"), ""),),
    )
    return entry_of_row(about, otp, _NAMES, secret=text(row, "secret"))


FORMAT = Format(name="2fas", title="2FAS", recognise=recognise, read=read)

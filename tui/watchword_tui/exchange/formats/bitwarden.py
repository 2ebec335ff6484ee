"""Bitwarden exports in JSON, plain or under a password, and those of its Authenticator app."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.archives import holds, unpacked
from watchword_tui.exchange.build import About, entry_of_totp_field
from watchword_tui.exchange.ciphers import (
    Argon2,
    Pbkdf2,
    aes_cbc_open,
    damaged,
    from_base64,
    unlock,
    wrong_passphrase,
)
from watchword_tui.exchange.fields import child, number, objects, rows, text, texts
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.ciphers import Derivation
    from watchword_tui.exchange.model import Ask, Entry

_IN_ZIP = "data.json"
"""Beside the attachments, in an export as ZIP."""

_AES_CBC_HMAC = "2"
"""The one of Bitwarden's encryption types that an export has: AES-256-CBC with HMAC-SHA-256."""


def recognise(source: Source) -> bool:
    """Whether it is JSON with items, or says that they are encrypted, or is an archive with it."""
    found = source.json_object()
    if "items" in found:
        # Exports of old have no word on encryption.
        return not found.keys().isdisjoint({"encrypted", "folders", "collections"})
    return ("encrypted" in found and "data" in found) or holds(source, _IN_ZIP)


def read(source: Source, ask: Ask) -> Reading:
    """Read an export; of its items those with a one-time password."""
    if holds(source, _IN_ZIP):
        source = Source(_IN_ZIP, unpacked(source, _IN_ZIP, ask))
    export = source.json_object()
    if export.get("encrypted"):
        export = _opened(export, ask)
    items = list(rows(export.get("items")))
    groups = {
        text(one, "id"): text(one, "name")
        for kind in ("folders", "collections")
        for one in objects(export.get(kind))
    }
    found = [(place, item) for place, item in items if _totp(item)]
    kept = [(place, item) for place, item in found if not item.get("deletedDate")]
    return Reading(
        entries=tuple(_entry(item, place, groups) for place, item in kept),
        problems=_problems(len(items), len(found), len(kept)),
    )


def _totp(item: dict[str, object]) -> str:
    return text(child(item, "login"), "totp").strip()


def _problems(items: int, found: int, kept: int) -> tuple[str, ...]:
    if items and not found:
        return (f"none of the {items:,} items has a one-time password",)
    trashed = found - kept
    return (f"{trashed:,} in the trash left out",) if trashed else ()


def _entry(item: dict[str, object], place: int, groups: Mapping[str, str]) -> Entry:
    ids = (text(item, "folderId"), *texts(item.get("collectionIds")))
    about = About(
        where=f"item {place}",
        issuer=text(item, "name"),
        name=text(child(item, "login"), "username"),
        note=text(item, "notes"),
        groups=(groups.get(one, "") for one in ids),
        favourite=item.get("favorite") is True,
    )
    return entry_of_totp_field(about, _totp(item))


def _opened(export: dict[str, object], ask: Ask) -> dict[str, object]:
    if not export.get("passwordProtected"):
        raise ForeignFileError(
            "this export can be opened by the Bitwarden account only that made it",
            'export once more, with the file format "JSON" or with "Password protected" chosen',
        )
    key = unlock(ask, _derivation(export))
    validation = text(export, "encKeyValidation_DO_NOT_EDIT")
    if validation:
        _open_string(validation, key, verified=False)
    plain = _open_string(text(export, "data"), key, verified=bool(validation))
    return Source("export", plain).json_object()


def _derivation(export: dict[str, object]) -> Derivation:
    # The salt is text that looks like base64; Bitwarden takes the text itself.
    salt = text(export, "salt").encode("utf-8", "surrogatepass")
    try:
        kind, iterations = number(export, "kdfType", 0), number(export, "kdfIterations", 0)
        if kind == 0:
            return Pbkdf2(salt, iterations)
        if kind == 1:
            memory = number(export, "kdfMemory", 0) * 2**20
            lanes = number(export, "kdfParallelism", 0)
            return Argon2(hashlib.sha256(salt).digest(), iterations, memory, lanes)
    except InvalidKeyError:
        raise damaged() from None
    raise ForeignFileError(
        "this export's key derivation is not known here", "export once more as plain JSON"
    )


def _open_string(sealed: str, key: bytes, *, verified: bool) -> bytes:
    """Open an encrypted string "2.IV|CIPHERTEXT|MAC"; the MAC is over IV and ciphertext."""
    kind, _, rest = sealed.partition(".")
    parts = [from_base64(part) for part in rest.split("|")]
    if kind != _AES_CBC_HMAC or len(parts) != 3:  # noqa: PLR2004 - as said
        raise damaged()
    iv, content, mac = parts
    expected = hmac.digest(_expanded(key, b"mac"), iv + content, "sha256")
    if not hmac.compare_digest(expected, mac):
        raise damaged() if verified else wrong_passphrase()
    return aes_cbc_open(_expanded(key, b"enc"), iv, content, verified=True)


def _expanded(key: bytes, purpose: bytes) -> bytes:
    """The first 32 bytes of HKDF-Expand (RFC 5869 section 2.3) with SHA-256."""
    return hmac.digest(key, purpose + b"\x01", "sha256")


FORMAT = Format(name="bitwarden", title="Bitwarden", recognise=recognise, read=read)

"""Stratum (once Authenticator Pro): its backups, encrypted three ways, and its HTML page.

A backup is JSON. "Strong" ones begin with `AUTHENTICATORPRO`, then salt (16), nonce (12) and
AES-GCM under Argon2id; old ones with `AuthenticatorPro`, then salt (20), iv (16) and AES-CBC under
PBKDF2. The parameters are fixed in the app.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import (
    Argon2,
    Pbkdf2,
    aes_cbc_open,
    aes_gcm_open,
    damaged,
    unlock,
    wrong_passphrase,
)
from watchword_tui.exchange.fields import number, objects, text
from watchword_tui.exchange.formats.encodings import secret_from_hex
from watchword_tui.exchange.formats.otpauth import is_uri, read_uris
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_STRONG, _LEGACY = b"AUTHENTICATORPRO", b"AuthenticatorPro"
_NAMES = Names("Secret", "Type", "Algorithm", "Digits", "Period", "Counter", "Pin")
_KINDS = {1: "hotp", 2: "totp", 3: "motp", 4: "steam", 5: "yandex"}
_ALGORITHMS = {0: "SHA1", 1: "SHA256", 2: "SHA512"}
_HTML_CODE = re.compile(r"<code>([^<]{1,10000})</code>", re.IGNORECASE)


def recognise_plain(source: Source) -> bool:
    """Whether the file is a JSON object with the app's list."""
    return isinstance(source.json_object().get("Authenticators"), list)


def read_plain(source: Source, _ask: Ask) -> Reading:
    """Read a backup that was not encrypted."""
    if not recognise_plain(source):
        raise damaged()
    return _read_table(source.json_object())


def recognise_encrypted(source: Source) -> bool:
    """Whether the file begins as encrypted backups do."""
    return source.data.startswith((_STRONG, _LEGACY))


def read_encrypted(source: Source, ask: Ask) -> Reading:
    """Open a backup of either kind and read it."""
    data = source.data[len(_STRONG) :]
    if source.data.startswith(_STRONG):
        salt, nonce, sealed = data[:16], data[16:28], data[28:]
        if len(sealed) < 16:  # noqa: PLR2004 - a tag
            raise damaged()
        key = unlock(ask, Argon2(salt, passes=3, memory=2**26, lanes=4))
        opened = aes_gcm_open(key, nonce, sealed)
    elif source.data.startswith(_LEGACY):
        salt, iv, sealed = data[:20], data[20:36], data[36:]
        if not sealed or len(sealed) % 16:
            raise damaged()
        opened = aes_cbc_open(unlock(ask, Pbkdf2(salt, 64_000, "SHA1")), iv, sealed)
    else:
        raise damaged()
    table = Source("", opened).json_object()
    if not table:
        # What a wrong key gives has a chance of 1 in 256 to look padded.
        raise wrong_passphrase() if source.data.startswith(_LEGACY) else damaged()
    return _read_table(table)


def recognise_html(source: Source) -> bool:
    """Whether the file is a web page with URIs as the app sets them."""
    start = source.data[:200].lower()
    return (b"<!doctype html" in start or b"<html" in start) and b"<code>otpauth://" in source.data


def read_html(source: Source, _ask: Ask) -> Reading:
    """Read the URIs that stand beside the page's QR codes."""
    # Escaped by a browser that saved the page; the app itself writes them as they are.
    found = [uri.replace("&amp;", "&").strip() for uri in _HTML_CODE.findall(source.text or "")]
    uris = [uri for uri in found if is_uri(uri)]
    if not uris:
        raise ForeignFileError("the page holds no keys", "export it again from the app")
    return read_uris((f"row {place}", uri) for place, uri in enumerate(uris, start=1))


def _read_table(table: dict[str, object]) -> Reading:
    names = {text(row, "Id"): text(row, "Name") for row in objects(table.get("Categories"))}
    groups: dict[str, list[str]] = {}
    for row in objects(table.get("AuthenticatorCategories")):
        name = names.get(text(row, "CategoryId"), "")
        groups.setdefault(text(row, "AuthenticatorSecret"), []).append(name)
    rows = enumerate(objects(table.get("Authenticators")), start=1)
    return Reading(entries=tuple(_entry(row, f"entry {place}", groups) for place, row in rows))


def _entry(row: dict[str, object], where: str, groups: dict[str, list[str]]) -> Entry:
    copies = row.get("CopyCount")
    about = About(
        where=where,
        issuer=text(row, "Issuer"),
        name=text(row, "Username"),
        groups=groups.get(text(row, "Secret"), ()),
        uses=copies if isinstance(copies, int) else 0,
    )
    try:
        kind = _KINDS.get(number(row, "Type", 2), "unknown")
        algorithm = _ALGORITHMS.get(number(row, "Algorithm", 0), "unknown")
        secret = secret_from_hex(text(row, "Secret")) if kind == "motp" else ""
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    return entry_of_row(about, {**row, "Type": kind, "Algorithm": algorithm}, _NAMES, secret=secret)


PLAIN = Format(name="stratum", title="Stratum", recognise=recognise_plain, read=read_plain)
ENCRYPTED = Format(
    name="stratum",
    title="Stratum",
    recognise=recognise_encrypted,
    read=read_encrypted,
)
HTML = Format(name="stratum", title="Stratum", recognise=recognise_html, read=read_html)

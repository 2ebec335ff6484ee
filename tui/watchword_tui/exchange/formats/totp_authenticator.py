"""TOTP Authenticator: its backup, and its preferences on Android.

The backup is base64 of AES-CBC without a nonce, under the plain hash of the passphrase, around JSON
within JSON. Nothing tells it from other base64: it is read where the format is named.
"""

from __future__ import annotations

import binascii
import hashlib
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError, Secret
from watchword_tui.exchange.build import About, entry_of_row
from watchword_tui.exchange.ciphers import aes_cbc_open, damaged, passphrase_bytes, wrong_passphrase
from watchword_tui.exchange.fields import number, rows, text
from watchword_tui.exchange.formats.encodings import secret_from_base64, secret_from_hex
from watchword_tui.exchange.formats.preferences import looks_like_preferences, read_preferences
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_PREFERENCE = "STATIC_TOTP_CODES_LIST"


def recognise(source: Source) -> bool:
    """Whether it is the app's preferences."""
    return looks_like_preferences(source) and _PREFERENCE.encode() in source.data


def read(source: Source, ask: Ask) -> Reading:
    """Read the preferences, or a backup; one without a password of its own has "TotpAuthenticator"."""
    if recognise(source):
        listed = read_preferences(source.data).get(_PREFERENCE, "")
    else:
        listed = _opened(source.data, ask)
    found = Source("", listed.encode("utf-8", "replace")).json
    return Reading(entries=tuple(_entry(row, place) for place, row in rows(found)))


def _opened(data: bytes, ask: Ask) -> str:
    """The list, which the backup keeps as the name of its only field."""
    try:
        sealed = binascii.a2b_base64(data)
    except binascii.Error:
        raise damaged() from None
    if not sealed or len(sealed) % 16:
        raise damaged()
    plain = aes_cbc_open(hashlib.sha256(passphrase_bytes(ask)).digest(), bytes(16), sealed)
    # What a wrong key gives has a chance of 1 in 256 to look padded.
    table = Source("", plain).json_object()
    if not table:
        raise wrong_passphrase()
    return next(iter(table))


def _entry(row: dict[str, object], place: int) -> Entry:
    issuer = text(row, "issuer")
    about = About(
        where=f"entry {place}",
        issuer="" if issuer == "Unknown" else issuer,
        name=text(row, "name"),
        favourite=row.get("isFavorite") is True,
    )
    try:
        return entry_of_row(about, row, secret=_secret(row))
    except InvalidKeyError as error:
        return about.entry(reason=str(error))


def _secret(row: dict[str, object]) -> Secret:
    written, base = text(row, "key"), number(row, "base", 16)
    if base == 16:  # noqa: PLR2004 - as the app calls hexadecimal
        return secret_from_hex(written)
    return secret_from_base64(written) if base == 64 else Secret.from_base32(written)  # noqa: PLR2004 - as above


FORMAT = Format(name="totp-authenticator", title="TOTP Authenticator", recognise=recognise, read=read)

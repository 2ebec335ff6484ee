"""Ente Auth: lists of otpauth:// URIs with the app's own `codeDisplay`, plain or encrypted.

Encrypted, the list is one message of libsodium's secret stream (XChaCha20-Poly1305) under an
Argon2id key; `kdfParams` says how it was derived, `encryptionNonce` is the stream's header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_plus

import msgspec

from watchword_otp import InvalidKeyError
from watchword_tui.exchange.build import About, entry_of_uri
from watchword_tui.exchange.ciphers import Argon2, damaged, from_base64, unlock, wrong_passphrase
from watchword_tui.exchange.fields import check_rows, child, number, text, texts
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_DISPLAY = re.compile(r"[?&]codeDisplay=([^&]*)")
_LINE = re.compile(r'^[ \t]*"?otpauth://.*[?&]codeDisplay=', re.MULTILINE)
_ISSUER = re.compile(r"[?&]issuer=([^&]*)")
_HEADER_BYTES = 24
_TAG_BYTES = 17


def recognise_plain(source: Source) -> bool:
    """Whether a line of the file has what only this app writes into a URI."""
    return source.text is not None and _LINE.search(source.text) is not None


def read_plain(source: Source, _ask: Ask) -> Reading:
    """Read the list; what lies in the app's trash stays there."""
    if source.text is None:
        raise damaged()
    return _read_lines(source.text)


def recognise_encrypted(source: Source) -> bool:
    """Whether the file is a JSON object with the app's parts of an encrypted export."""
    return {"kdfParams", "encryptedData", "encryptionNonce"} <= source.json_object().keys()


def read_encrypted(source: Source, ask: Ask) -> Reading:
    """Open the stream's only message and read the list in it."""
    from nacl.bindings import (  # noqa: PLC0415 - plain files need none
        crypto_secretstream_xchacha20poly1305_init_pull,
        crypto_secretstream_xchacha20poly1305_pull,
        crypto_secretstream_xchacha20poly1305_state,
    )

    table = source.json_object()
    parameters = child(table, "kdfParams")
    header = from_base64(text(table, "encryptionNonce"))
    sealed = from_base64(text(table, "encryptedData"))
    if len(header) != _HEADER_BYTES or len(sealed) < _TAG_BYTES:
        raise damaged()
    try:
        derivation = Argon2(
            salt=from_base64(text(parameters, "salt")),
            passes=number(parameters, "opsLimit", 0),
            memory=number(parameters, "memLimit", 0),
        )
    except InvalidKeyError:
        raise damaged() from None
    key = unlock(ask, derivation)
    state = crypto_secretstream_xchacha20poly1305_state()
    crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    try:
        opened, _tag = crypto_secretstream_xchacha20poly1305_pull(state, sealed)
    except RuntimeError:
        raise wrong_passphrase() from None
    try:
        return _read_lines(opened.decode("utf-8"))
    except UnicodeDecodeError:
        raise damaged() from None


def _read_lines(content: str) -> Reading:
    entries = []
    trashed = 0
    for line_number, line in enumerate(re.split(r"\r\n?|\n", content), start=1):
        uri = line.strip().strip('"')
        if not uri or uri.startswith("#"):
            continue
        display = _display(uri)
        if display.get("trashed") is True:
            trashed += 1
            continue
        entries.append(_entry(f"line {line_number}", uri, display))
        check_rows(len(entries))
    problems = (f"{trashed} in the app's trash left out",) if trashed else ()
    return Reading(entries=tuple(entries), problems=problems)


def _entry(where: str, uri: str, display: dict[str, object]) -> Entry:
    taps = display.get("tapCount")
    about = About(
        where=where,
        note=text(display, "note"),
        groups=texts(display.get("tags")),
        favourite=display.get("pinned") is True,
        uses=taps if isinstance(taps, int) else 0,
    )
    # Not part of the key, and a long note would make the URI too long for one.
    return entry_of_uri(about, _with_whole_issuer(_DISPLAY.sub(_first_sign, uri, count=1)))


def _first_sign(found: re.Match[str]) -> str:
    return "?" if found[0][0] == "?" else ""


def _display(uri: str) -> dict[str, object]:
    found = _DISPLAY.search(uri)
    if found is None:
        return {}
    try:
        # The app writes commas as "%2C" before it encodes the whole once more.
        display = msgspec.json.decode(unquote_plus(found[1]).replace("%2C", ","))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return {}
    return display if isinstance(display, dict) else {}


def _with_whole_issuer(uri: str) -> str:
    """The URI with a label that is split where the app splits it: behind an issuer with a colon."""
    found = _ISSUER.search(uri)
    issuer = unquote_plus(found[1]) if found else ""
    if ":" not in issuer:
        return uri
    start, _, query = uri.partition("?")
    scheme, _, label = start.removeprefix("otpauth://").partition("/")
    name = unquote(label)
    if not name.startswith(f"{issuer}:"):
        return uri
    return f"otpauth://{scheme}/:{quote(name[len(issuer) + 1 :])}?{query}"


PLAIN = Format(name="ente", title="Ente Auth", recognise=recognise_plain, read=read_plain)
ENCRYPTED = Format(
    name="ente",
    title="Ente Auth",
    recognise=recognise_encrypted,
    read=read_encrypted,
)

"""Files that are no export that can be read, but that people take for one: what to do with each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from watchword_tui.exchange.source import Source


class OtherKind(NamedTuple):
    """A kind of file by what it holds."""

    what: str
    """With its article: "a PDF document"."""
    remedy: str
    """What the person can do."""


_OPENPGP = OtherKind(
    "encrypted with OpenPGP",
    "decrypt it with gpg first (gpg --decrypt FILE), then import what comes out",
)
_ARCHIVE = OtherKind("an archive", "unpack it, and import the export that is inside")
_ZIP_AUTHENTICATOR_PLUS = OtherKind(
    "an export of Authenticator Plus, whose database cannot be read here",
    "export from that app as text or HTML, or show its QR codes",
)
_INSIDE = OtherKind(
    "a file from inside an app, not an export", "use the app's own export, and import that"
)
_IMAGE = OtherKind("an image of a kind that is not read here", "save it as PNG, and import that")
_OPENSSL = OtherKind(
    "encrypted with OpenSSL", "decrypt it first (openssl enc -d), then import what comes out"
)
_PDF = OtherKind("a PDF document", "save the QR codes in it as images, and import those")
_HTML = OtherKind("a web page", "export as JSON or text instead, or save the QR codes on it as images")
_KEEPASS_1 = OtherKind(
    "a database of KeePass 1", "open it with KeePassXC, save it as KDBX, and import that"
)
_BASE64 = OtherKind(
    "encrypted, and does not say by which app",
    "if it is TOTP Authenticator's backup, name the format totp-authenticator; if it is a .maFile of"
    " Steam, remove its encryption in the program that made it",
)
_LINES = OtherKind(
    "text with otpauth URIs in it, but not one a line", "put each URI at the start of a line of its own"
)

_MAGICS = (
    (b"-----BEGIN PGP MESSAGE", _OPENPGP),
    (b"SQLite format 3\0", _INSIDE),
    (b"bplist00", _INSIDE),
    (b"ANDROID BACKUP\n", _INSIDE),
    (b"Salted__", _OPENSSL),
    (b"U2FsdGVkX1", _OPENSSL),
    (b"II*\0", _IMAGE),
    (b"MM\0*", _IMAGE),
    (b"<svg", _IMAGE),
    (b"%PDF-", _PDF),
    (b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5", _KEEPASS_1),
    (b"\x1f\x8b", _ARCHIVE),
    (b"\xfd7zXZ\0", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!", _ARCHIVE),
    (b"BZh", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
)
_START = 1000
"""Characters in which a web page's first tag must come."""

_ONLY_BASE64 = re.compile(r"\s*[A-Za-z0-9+/\r\n]{64,}={0,2}\s*")

_PACKETS_OF_OPENPGP = {1, 3}
"""RFC 9580 section 5: an encrypted message begins with a session key, for a person or a passphrase."""


def other_kind(source: Source) -> OtherKind | None:
    """What a file is that no format takes, or None where nothing is known of it."""
    if (kind := _by_magic(source.data)) is not None:
        return kind
    if source.text is not None:
        return _by_text(source.text)
    return _OPENPGP if _is_openpgp(source.data) else None


def _by_magic(data: bytes) -> OtherKind | None:
    if data.startswith(b"PK\x03\x04"):
        return _zip(data)
    if data[4:8] == b"ftyp":
        return _IMAGE  # HEIC and AVIF (ISO/IEC 23008-12)
    return next((kind for magic, kind in _MAGICS if data.startswith(magic)), None)


def _by_text(text: str) -> OtherKind | None:
    if text[:_START].lstrip().lower().startswith(("<!doctype html", "<html")):
        return _HTML
    if "otpauth" in text:
        return _LINES
    return _BASE64 if _ONLY_BASE64.fullmatch(text) else None


def _zip(data: bytes) -> OtherKind:
    # The names stand in clear; a directory that is damaged is no reason to say less.
    return _ZIP_AUTHENTICATOR_PLUS if b"authplus" in data.lower() else _ARCHIVE


def _is_openpgp(data: bytes) -> bool:
    """Whether binary data begins with a session key packet, version 3 to 6 (RFC 9580 section 4.2)."""
    first = data[0] if data else 0
    if not first & 0x80:
        return False
    if first & 0x40:
        tag, length = first & 0x3F, 1 if len(data) > 1 and data[1] < 192 else 2  # noqa: PLR2004 - 4.2.1
    else:
        tag, length = first >> 2 & 0xF, (1, 2, 4, 0)[first & 3]
    return tag in _PACKETS_OF_OPENPGP and data[1 + length : 2 + length] in {b"\3", b"\4", b"\5", b"\6"}

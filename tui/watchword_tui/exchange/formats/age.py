"""Files of the age program (age-encryption.org/v1) that are encrypted with a passphrase.

A header of text lines, `-> scrypt SALT LOG2N` with the file's key wrapped under it, closed by a MAC;
then the content in pieces of 64 KiB, each sealed with ChaCha20-Poly1305. Read here and not by a
library, so that the work factor is looked at first.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.ciphers import Scrypt, damaged, unlock, wrong_passphrase

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask

_INTRO = b"age-encryption.org/v1"
_ARMOR_START, _ARMOR_END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
_SALT_LABEL = b"age-encryption.org/v1/scrypt"
_MAX_LOG = 30
"""Largest work factor taken for one, so that its power stays a number; the cost is asked for."""

_HEADER = re.compile(
    rb"age-encryption\.org/v1\n"
    rb"-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n"
    rb"([A-Za-z0-9+/]{43})\n"
    rb"---( [A-Za-z0-9+/]{43}\n)"
)
_PIECE = 64 * 1024 + 16


def looks_like_age(data: bytes) -> bool:
    """Whether `data` begins as age's files do, armoured or not."""
    return data.lstrip()[:40].startswith((_INTRO, _ARMOR_START))


def open_age(data: bytes, ask: Ask) -> bytes:
    """Open a file that was encrypted with a passphrase.

    Raises:
        ForeignFileError: It is damaged, or encrypted to keys instead.
        WrongPassphraseError: The passphrase is another.
    """
    if data.lstrip().startswith(_ARMOR_START):
        data = _without_armor(data)
    found = _HEADER.match(data)
    if found is None:
        if data.startswith(_INTRO + b"\n-> ") and not data.startswith(_INTRO + b"\n-> scrypt "):
            raise ForeignFileError(
                "the file is encrypted to age keys, not with a passphrase",
                "decrypt it with age first and import what comes out",
            )
        raise damaged()
    salt, log, wrapped, mac = found.groups()
    if int(log) > _MAX_LOG:
        raise ForeignFileError(
            "the file's work factor is beyond what any program writes", "make the file again"
        )
    wrap_key = unlock(ask, Scrypt(_SALT_LABEL + _unpadded(salt), 2 ** int(log), 8, 1))
    file_key = _piece(wrap_key, bytes(12), _unpadded(wrapped))
    if file_key is None:
        raise wrong_passphrase()
    # The MAC covers the header up to and with the dashes.
    header = data[: found.start(4)]
    expected = hmac.digest(_expanded(file_key, b"", b"header"), header, "sha256")
    if not hmac.compare_digest(expected, _unpadded(mac.strip())):
        raise damaged()
    nonce, content = data[found.end() : found.end() + 16], data[found.end() + 16 :]
    return _content(_expanded(file_key, nonce, b"payload"), content)


def _content(key: bytes, sealed: bytes) -> bytes:
    pieces = [sealed[at : at + _PIECE] for at in range(0, len(sealed), _PIECE)]
    opened: list[bytes] = []
    for number, piece in enumerate(pieces, start=1):
        is_last = number == len(pieces)
        found = _piece(key, (number - 1).to_bytes(11, "big") + bytes([is_last]), piece)
        if found is None:
            raise damaged()
        opened.append(found)
    if not opened:
        raise damaged()
    return b"".join(opened)


def _piece(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - rarely needed
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415 - as above

    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        return None


def _expanded(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) to 32 bytes."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - rarely needed
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    return HKDF(SHA256(), 32, salt, info).derive(key)


def _without_armor(data: bytes) -> bytes:
    """The bytes in strict PEM (RFC 7468)."""
    lines = data.strip().replace(b"\r\n", b"\n").split(b"\n")
    if lines[-1] != _ARMOR_END:
        raise damaged()
    try:
        return base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        raise damaged() from None


def _unpadded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise damaged() from None

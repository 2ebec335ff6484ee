"""otpauth-migration:// URIs: what Google Authenticator puts into the QR codes of an export.

`otpauth-migration://offline?data=` and, in base64, a protocol buffer: `MigrationPayload` has the
keys (1), a version (2), and of a set of several QR codes its size (3), this one's index (4) and the
set's id (5).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from watchword_otp import InvalidKeyError, Secret
from watchword_tui.exchange.build import About, entry_of
from watchword_tui.exchange.model import Batch, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.model import Entry

SCHEME = "otpauth-migration://"

MAX_URI_LENGTH = 65_536
"""Longest URI read, in characters: a QR code holds under 8,000."""

MAX_PARTS = 1000
"""Most QR codes of one export; ten keys fit into each."""

_DATA = re.compile(r"[?&]data=([^&#]*)")
_ALGORITHMS = {0: "SHA1", 1: "SHA1", 2: "SHA256", 3: "SHA512", 4: "MD5"}
_DIGITS = {0: 6, 1: 6, 2: 8}
_KINDS = {0: "totp", 1: "hotp", 2: "totp"}
_VARINT_BYTES = 10
"""Most bytes of a number (protobuf encoding: a negative one takes all ten)."""


class _DamagedError(ValueError):
    """Bytes that are no protocol buffer."""


def read_migration(uri: str, where: str) -> Reading:
    """Read one URI; where it cannot be read, the entry says so.

    Args:
        uri: The whole URI, with data that may lack padding or have its "+" turned to spaces.
        where: How to find it, such as "line 7".
    """
    try:
        return _payload(_decoded(uri), where)
    except _DamagedError:
        about = About(where=where)
        return Reading(entries=(about.entry(reason="the export's data is damaged or cut short"),))


def _decoded(uri: str) -> bytes:
    found = _DATA.search(uri)
    if len(uri) > MAX_URI_LENGTH or found is None:
        raise _DamagedError
    text = unquote(found[1]).replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _DamagedError from None


def _payload(data: bytes, where: str) -> Reading:
    keys: list[bytes] = []
    numbers = {3: 1, 4: 0, 5: 0}
    for field, value in _fields(data):
        if field == 1 and isinstance(value, bytes):
            keys.append(value)
        elif field in numbers and isinstance(value, int):
            numbers[field] = _signed(value)
    size, index, batch_id = numbers[3], numbers[4], numbers[5]
    entries = tuple(
        _entry(key, where if len(keys) == 1 else f"{where}, key {number}")
        for number, key in enumerate(keys, start=1)
    )
    if not entries:
        raise _DamagedError
    batches = (Batch(batch_id, index, size),) if 0 <= index < size <= MAX_PARTS else ()
    return Reading(entries=entries, batches=batches)


def _entry(data: bytes, where: str) -> Entry:
    try:
        return _key(data, where)
    except _DamagedError:
        return About(where=where).entry(reason="this key's data is damaged")


def _key(data: bytes, where: str) -> Entry:
    secret, name, issuer = b"", "", ""
    numbers = {4: 0, 5: 0, 6: 0, 7: 0}
    for field, value in _fields(data):
        if isinstance(value, int):
            if field in numbers:
                numbers[field] = _signed(value)
        elif field == 1:
            secret = value
        elif field == 2:  # noqa: PLR2004 - as in the module's docstring
            name = value.decode("utf-8", "replace")
        elif field == 3:  # noqa: PLR2004 - as above
            issuer = value.decode("utf-8", "replace")
    about = _about(where, issuer, name)
    try:
        opened = Secret(secret)
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    return entry_of(
        about,
        opened,
        kind=_KINDS.get(numbers[6], "unknown"),
        algorithm=_ALGORITHMS.get(numbers[4], "unknown"),
        digits=_DIGITS.get(numbers[5], 0),
        counter=numbers[7] if _KINDS.get(numbers[6]) == "hotp" else 0,
    )


def _about(where: str, issuer: str, name: str) -> About:
    """The labels; the name may hold the issuer once more, or be the only one to hold it."""
    prefix, colon, rest = name.partition(":")
    if colon and (not issuer.strip() or prefix.strip() == issuer.strip()):
        return About(where=where, issuer=prefix, name=rest)
    return About(where=where, issuer=issuer, name=name)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protocol buffer; those of fixed width, which this one lacks, are skipped."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield field, value
            continue
        if wire == 2:  # noqa: PLR2004 - wire types: 2 is length-delimited, 1 and 5 are 8 and 4 bytes
            size, at = _varint(data, at)
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            raise _DamagedError
        if at + size > len(data):
            raise _DamagedError
        if wire == 2:  # noqa: PLR2004 - as above
            yield field, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(_VARINT_BYTES):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at
    raise _DamagedError


def _signed(value: int) -> int:
    """A number as 64 bits with sign, as the app wrote it."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value

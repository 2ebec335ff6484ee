"""QR codes that Google Authenticator takes: otpauth-migration:// URIs with up to ten accounts each.

A page's data is a protocol buffer of seven fields a key, written by hand; `exchange.migration` reads
it. The app has periods of 30 s, 6 or 8 digits, and no Steam keys.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from segno.consts import ERROR_LEVEL_L, SYMBOL_CAPACITY

from watchword_otp import Algorithm, Kind
from watchword_otp.qr import QrCode, make_qr
from watchword_otp.value import Value
from watchword_tui.exchange.writers.parts import labelled, sort_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_otp import Key
    from watchword_tui.accounts import Account

MAX_ACCOUNTS = 10
"""Most accounts on a page; the app itself puts no more into one."""

PRINT_VERSION = 22
"""Largest QR code for paper, 105 modules a side: ten common accounts fit."""

_PREFIX = "otpauth-migration://offline?data="
_ALGORITHMS = {Algorithm.SHA1: 1, Algorithm.SHA256: 2, Algorithm.SHA512: 3}
_DIGITS = {6: 1, 8: 2}
_KINDS = {Kind.HOTP: 1, Kind.TOTP: 2}
_FORMAT_VERSION = 1
_MAX_BATCH_ID = 2**21 - 1
"""Three bytes: it only tells this set of codes from another, and room is scarce."""

_ROUNDS = 5
"""Two or three settle how many parts there are; a count that swings for ever is a byte off at most."""

_LARGEST_VERSION = 40
_FRAME_ROOM = 50
"""More characters than the place in another set can add to a URI."""

_BYTE_COUNT_GROWS = 10
"""The version from which a text's length takes 16 bits and not 8 (ISO/IEC 18004 section 7.4.1)."""


class QrPage(Value, frozen=True):
    """One QR code of a set, with what to write beside it."""

    HIDDEN = frozenset({"uri"})

    title: str
    """Its place in the set: "1 of 3"."""
    accounts: tuple[Account, ...]
    """The accounts it holds, in order."""
    uri: str
    """What it says; it holds the secrets."""

    def code(self) -> QrCode:
        """Make the QR code; takes some 10 ms, so a screen does it for the page it shows."""
        return make_qr(self.uri)


class QrPages(Value, frozen=True):
    """A set of QR codes, to be scanned one after the other."""

    pages: tuple[QrPage, ...]
    left_out: tuple[str, ...]
    """Accounts that Google Authenticator cannot hold, with the reason, one sentence each."""


def terminal_version(columns: int, rows: int) -> int:
    """The largest QR code that half blocks draw in so much room with a quiet zone of 1; 0 if none.

    With 80 by 24 it is version 7, with the 23 rows above a prompt version 6.
    """
    side = min(columns, 2 * rows) - 2
    return max(0, min(40, (side - 17) // 4))


def qr_pages(accounts: Iterable[Account], largest: int = PRINT_VERSION) -> QrPages:
    """Spread the accounts over QR codes.

    As many accounts go on a page as fit into a code of version `largest`, at most 10. An account
    that is too long for it has a page alone, with as large a code as it needs.

    Args:
        accounts: In the order of the pages.
        largest: A QR code's version, up to 40; see `terminal_version`.
    """
    held, left_out = sort_out(accounts, _why_not)
    identity = secrets.randbelow(_MAX_BATCH_ID) + 1
    batches = _batches(held, _capacity(largest), identity)
    pages = tuple(
        QrPage(
            f"{index + 1} of {len(batches)}",
            tuple(batch),
            _uri(batch, index, len(batches), identity),
        )
        for index, batch in enumerate(batches)
    )
    return QrPages(pages, left_out)


def _why_not(key: Key) -> str:
    if key.kind not in _KINDS:
        return "Google Authenticator has no Steam keys"
    if key.period != 30:  # noqa: PLR2004 - the field's default
        return f"Google Authenticator has no period of {key.period} s, only 30 s"
    if key.digits not in _DIGITS:
        return f"Google Authenticator has no codes of {key.digits} digits, only 6 or 8"
    if len(_uri_of([_key_field(key)], 0, 1, _MAX_BATCH_ID)) > _capacity(_LARGEST_VERSION) - _FRAME_ROOM:
        return "its secret is too long for a QR code"
    return ""


def _batches(accounts: Sequence[Account], room: int, identity: int) -> list[list[Account]]:
    """Part the accounts so that each URI has at most `room` characters, if it can.

    How many parts there are stands in each of them, so that is assumed first and then put right.
    """
    batches: list[list[Account]] = []
    for _ in range(_ROUNDS):
        size = len(batches)
        batches = _packed(accounts, size, room, identity)
        if len(batches) == size:
            break
    return batches


def _packed(accounts: Sequence[Account], size: int, room: int, identity: int) -> list[list[Account]]:
    batches: list[list[Account]] = []
    for account in accounts:
        if batches and len(batches[-1]) < MAX_ACCOUNTS:
            longer = [*batches[-1], account]
            if len(_uri(longer, len(batches) - 1, size, identity)) <= room:
                batches[-1] = longer
                continue
        batches.append([account])
    return batches


def _capacity(version: int) -> int:
    """Characters that a QR code of `version` holds, with the least error correction; 0 for none."""
    if not version:
        return 0
    count_bits = 16 if version >= _BYTE_COUNT_GROWS else 8
    # segno's type stubs do not know what is in its table.
    capacity = cast("dict[int, dict[int, int]]", SYMBOL_CAPACITY)
    return (capacity[version][ERROR_LEVEL_L] - 4 - count_bits) // 8


def _uri(accounts: Iterable[Account], index: int, size: int, identity: int) -> str:
    return _uri_of((_key_field(account.key) for account in accounts), index, size, identity)


def _uri_of(keys: Iterable[bytes], index: int, size: int, identity: int) -> str:
    frame = (_number(2, _FORMAT_VERSION), _number(3, size), _number(4, index), _number(5, identity))
    data = base64.b64encode(b"".join((*keys, *frame)))
    return _PREFIX + quote(data, safe="")


def _key_field(key: Key) -> bytes:
    shown = labelled(key)
    return _bytes(
        1,
        b"".join(
            (
                _bytes(1, key.secret.reveal()),
                _bytes(2, _name(shown).encode()),
                _bytes(3, shown.issuer.encode()),
                _number(4, _ALGORITHMS[key.algorithm]),
                _number(5, _DIGITS[key.digits]),
                _number(6, _KINDS[key.kind]),
                _number(7, key.counter),
            )
        ),
    )


def _name(key: Key) -> str:
    """The name, behind the issuer where a reader would take its own beginning for the issuer."""
    prefix, colon, _ = key.name.partition(":")
    taken = colon and (not key.issuer or prefix.strip() == key.issuer)
    return f"{key.issuer}:{key.name}" if taken else key.name


def _bytes(number: int, value: bytes) -> bytes:
    """A field of bytes or text; an empty one is left out, as protocol buffers do."""
    return _varint(number << 3 | 2) + _varint(len(value)) + value if value else b""


def _number(number: int, value: int) -> bytes:
    """A field that is a number, not negative; 0 is left out."""
    return _varint(number << 3) + _varint(value) if value else b""


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first, all but the last with the highest bit set."""
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)

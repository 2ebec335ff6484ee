"""A key's QR code for a terminal: as the format recommends, or shorter where the screen is small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp.qr import QrCode, make_qr
from watchword_otp.uri import format_uri
from watchword_otp.value import Value

if TYPE_CHECKING:
    from watchword_otp.key import Key

LARGEST_VERSION = 7
"""The largest QR code that a terminal of 24 rows holds: 45 modules and a quiet zone of 1 are 24 rows of
half blocks."""


class KeyQr(Value, frozen=True):
    """A key as a QR code; its `repr` shows neither."""

    HIDDEN = frozenset({"uri"})

    uri: str
    """What a scanner reads."""
    code: QrCode


def make_key_qr(key: Key, largest_version: int = LARGEST_VERSION) -> KeyQr:
    """Encode a key for a terminal.

    The URI is as the format recommends, with the issuer in the label and as a parameter, if that needs
    no larger version than `largest_version` (1 to 40). Otherwise the issuer stands in one place alone,
    if that makes the code smaller.

    The longest key there can be, of 1,024 bytes and labels of 100 characters, fits then.

    Raises:
        InvalidKeyError: The key has neither issuer nor name.
    """
    whole = format_uri(key)
    short = format_uri(key, issuer_once=True)
    try:
        recommended = KeyQr(whole, make_qr(whole))
    except ValueError:
        return KeyQr(short, make_qr(short))
    if recommended.code.version <= largest_version or short == whole:
        return recommended
    code = make_qr(short)
    return KeyQr(short, code) if code.version < recommended.code.version else recommended

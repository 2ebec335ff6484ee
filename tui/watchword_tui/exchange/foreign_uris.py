"""URIs of keys whose codes are not made here: motp:// and otpauth://yaotp/ (Aegis, Stratum)."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from watchword_otp import InvalidKeyError, Secret

_URI = re.compile(r"(motp://|otpauth://(?:yaotp|yandex)/)([^?#]*)\?([^#]*)", re.IGNORECASE)
_MAX_LENGTH = 4096
"""Longest URI read, in characters."""


class ForeignUri(NamedTuple):
    """What such a URI holds."""

    kind: str
    """"motp" or "yandex"."""
    secret: Secret
    algorithm: str
    digits: int
    period: int
    """Seconds."""
    pin: str
    issuer: str
    name: str


def read_foreign_uri(uri: str) -> ForeignUri | None:
    """Read such a URI; None where it is of another kind.

    An mOTP secret is in hexadecimal, a Yandex one in base32; a PIN is in base32 if it is there at all.

    Raises:
        InvalidKeyError: The secret cannot be read.
    """
    found = _URI.fullmatch(uri.strip())
    if found is None or len(uri) > _MAX_LENGTH:
        return None
    fields = {name.lower(): values[0] for name, values in parse_qs(found[3]).items()}
    issuer, colon, name = unquote(found[2]).partition(":")
    if not colon:
        issuer, name = fields.get("issuer", ""), issuer
    secret = fields.get("secret", "")
    if found[1].lower() == "motp://":
        try:
            opened = Secret(bytes.fromhex(secret))
        except ValueError:  # not hexadecimal, or an InvalidKeyError, which is one
            raise InvalidKeyError("the secret is not hexadecimal, as mOTP's are") from None
        return ForeignUri("motp", opened, "MD5", 6, 10, _pin(fields), issuer, name)
    opened = Secret.from_base32(secret)
    return ForeignUri("yandex", opened, "SHA256", 8, 30, _pin(fields), issuer or "Yandex", name)


def _pin(fields: dict[str, str]) -> str:
    pin = fields.get("pin", "")
    if not pin or pin.isdigit():
        return pin
    try:
        decoded = Secret.from_base32(pin).reveal().decode("ascii")
    except ValueError:
        return pin
    return decoded if decoded.isdigit() else pin

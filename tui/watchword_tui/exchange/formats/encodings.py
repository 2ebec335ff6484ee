"""Secrets that an app writes in another way than base32."""

from __future__ import annotations

import base64
import binascii

from watchword_otp import InvalidKeyError, Secret


def secret_from_hex(written: str) -> Secret:
    """The secret that is written in hexadecimal; spaces do not matter.

    Raises:
        InvalidKeyError: It is not, or no length for a secret.
    """
    try:
        raw = bytes.fromhex(written)
    except ValueError:
        raise InvalidKeyError("the secret is not hexadecimal") from None
    return Secret(raw)


def secret_from_base64(written: str) -> Secret:
    """The secret that is written in standard base64 (RFC 4648 section 4).

    Raises:
        InvalidKeyError: It is not, or no length for a secret.
    """
    try:
        raw = base64.b64decode(written.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidKeyError("the secret is not base64") from None
    return Secret(raw)

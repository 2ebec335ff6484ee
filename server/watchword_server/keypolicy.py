"""Which keys are taken into use, whoever brings them: over HTTP, at the command line, from a file.

A key that the prototype's settings name, and one from our own sealed export, is judged by neither: it
was in use before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import Algorithm, InvalidKeyError, Kind, Secret
from watchword_otp.key import MAX_DIGITS, NEW_SECRET_BITS

if TYPE_CHECKING:
    from watchword_otp import Key

USUAL_DIGITS = 6
"""RFC 4226 section 5.3: an implementation must give codes of at least 6 digits."""

MIN_PERIOD = 10
"""Seconds; below that people cannot type a code in time."""

MIN_SECRET_BITS = 80
"""RFC 4226 section 4 (R6) asks for 128, and less is warned of; old issuers handed out 80."""


_SECRET_BITS = {Algorithm.SHA256: 256, Algorithm.SHA512: 512}


def new_secret(algorithm: Algorithm) -> Secret:
    """A new secret: of the usual length, or for the longer hashes of theirs (RFC 6238 section 5.1)."""
    return Secret.generate(_SECRET_BITS.get(algorithm, NEW_SECRET_BITS))


def require_strong(key: Key) -> None:
    """Return if the key may come into use.

    Raises:
        InvalidKeyError: Its codes or its secret could be guessed too easily, or its period is too
            short; the message never shows the secret.
    """
    if key.kind is not Kind.STEAM and key.digits < USUAL_DIGITS:
        message = (
            f"codes of {key.digits} digits are too easy to guess:"
            f" {USUAL_DIGITS} to {MAX_DIGITS} are taken (RFC 4226, 5.3)"
        )
        raise InvalidKeyError(message)
    if key.period < MIN_PERIOD:
        message = (
            f"a period of {key.period} s is too short to type a code in: {MIN_PERIOD} s is the least"
        )
        raise InvalidKeyError(message)
    if key.secret.bits < MIN_SECRET_BITS:
        message = (
            f"a secret of {key.secret.bits} bits is too easy to guess: {MIN_SECRET_BITS} is the least,"
            " and RFC 4226 asks for 128"
        )
        raise InvalidKeyError(message)

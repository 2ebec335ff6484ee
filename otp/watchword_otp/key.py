"""A key: one shared secret with the parameters both sides must agree on (RFC 4226, RFC 6238)."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from enum import StrEnum
from typing import NoReturn

from watchword_otp.text import LABEL_LIMIT, clean_label
from watchword_otp.value import Value

MIN_DIGITS, MAX_DIGITS = 4, 10
"""Code lengths in use: 6 is RFC 4226's minimum, 4 exists in old tokens, 10 is all 31 bits hold."""

MAX_PERIOD = 86_400
"""Longest period, in seconds: one code a day."""

MAX_COUNTER = 2**63 - 1
"""Largest counter or step: RFC 4226 has 64 bits, and databases store them signed."""

STEAM_DIGITS = 5

NEW_SECRET_BITS = 160
"""Length of a new secret: what RFC 4226 section 4 (R6) recommends."""

_MIN_ADVISED_BITS = 128
_MAX_SECRET_BYTES = 1024
_BASE32_NOISE = re.compile(r"[\s\-=]+")
_BASE32 = re.compile(r"[A-Za-z2-7]*")
# What int() calls the 32 digits.
_DIGITS_OF_INT = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghijklmnopqrstuv")
_BASE32_LENGTHS = frozenset({0, 2, 4, 5, 7})
"""Lengths modulo 8 that whole bytes come to (RFC 4648 section 6)."""


class InvalidKeyError(ValueError):
    """A key, or a part of one, that no authenticator could use; the message never shows the secret."""


class Algorithm(StrEnum):
    """The hash inside the HMAC (RFC 6238 section 1.2)."""

    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"


class Kind(StrEnum):
    """How the moving factor and the digits are made."""

    TOTP = "totp"
    """Counted by time (RFC 6238)."""
    HOTP = "hotp"
    """Counted by use (RFC 4226)."""
    STEAM = "steam"
    """TOTP with five letters or digits of Steam's own alphabet."""


class Secret:
    """The shared secret's bytes, opaque to everything that prints.

    `repr`, `str` and string formatting show only its length. It refuses to be pickled, so that it
    cannot slip into a cache or another process. Only `reveal` and `base32` give the content away.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        """Wrap `raw`, 1 to 1,024 bytes.

        Raises:
            InvalidKeyError: The secret is empty or too long.
        """
        if not raw:
            raise InvalidKeyError("the secret is empty")
        if len(raw) > _MAX_SECRET_BYTES:
            message = f"a secret has at most {_MAX_SECRET_BYTES} bytes, not {len(raw)}"
            raise InvalidKeyError(message)
        self._raw = bytes(raw)

    @classmethod
    def from_base32(cls, text: str) -> Secret:
        """Read base32 (RFC 4648 section 6) as people and apps write it.

        Case, spaces, dashes and padding do not matter. Nothing is guessed: 0, 1, 8 and 9 are errors.

        Raises:
            InvalidKeyError: Not base32, or a length that base32 cannot have.
        """
        compact = text
        # Before upper(): the capital of a dotless i or a long s is an ASCII letter.
        if not _BASE32.fullmatch(compact):
            compact = _BASE32_NOISE.sub("", text)
            if not _BASE32.fullmatch(compact):
                message = "the secret is not base32: only the letters A to Z and the digits 2 to 7"
                raise InvalidKeyError(message)
        if len(compact) % 8 not in _BASE32_LENGTHS:
            message = "the secret is cut short: base32 cannot have this length"
            raise InvalidKeyError(message)
        size, spare = divmod(len(compact) * 5, 8)
        # Ten times as fast as base64.b32decode, which a thousand accounts notice.
        raw = (int(compact.upper().translate(_DIGITS_OF_INT) or "0", 32) >> spare).to_bytes(size, "big")
        return cls(raw)

    @classmethod
    def generate(cls, bits: int = NEW_SECRET_BITS) -> Secret:
        """Make a new random secret of `bits` bits, a multiple of 8 (RFC 4226 section 4, R6: 160)."""
        return cls(secrets.token_bytes(bits // 8))

    @property
    def bits(self) -> int:
        """The length in bits."""
        return len(self._raw) * 8

    def reveal(self) -> bytes:
        """Give the raw bytes, for the HMAC or for sealing only."""
        return self._raw

    def base32(self) -> str:
        """Give the secret as base32 without padding, as otpauth URIs hold it."""
        return base64.b32encode(self._raw).decode("ascii").rstrip("=")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._raw, other._raw)

    def __hash__(self) -> int:
        return hash((Secret, self._raw))

    def __repr__(self) -> str:
        return f"<Secret {self.bits} bits>"

    def __reduce__(self) -> NoReturn:
        message = "a Secret is not pickled: pass its sealed form instead"
        raise TypeError(message)


class Key(Value, frozen=True, kw_only=True, gc=False):
    """One shared secret with its parameters, and the labels that tell people whose it is.

    Raises:
        InvalidKeyError: A parameter is out of its range, or belongs to another kind of key.
    """

    secret: Secret
    """The shared secret."""
    kind: Kind = Kind.TOTP
    """How codes are counted and drawn."""
    algorithm: Algorithm = Algorithm.SHA1
    """The hash; Steam has SHA1 only."""
    digits: int = 6
    """The code's length, 4 to 10; 5 for Steam."""
    period: int = 30
    """Seconds a code lives, 1 to 86,400 (RFC 6238 `X`); 30 for HOTP, which has none."""
    counter: int = 0
    """HOTP: the counter of the next code, 0 to 2**63 - 1 (RFC 4226 `C`); 0 otherwise."""
    issuer: str = ""
    """Who handed the key out, cleaned."""
    name: str = ""
    """The account at the issuer, cleaned."""

    def __post_init__(self) -> None:
        if not MIN_DIGITS <= self.digits <= MAX_DIGITS:
            message = f"digits must be {MIN_DIGITS} to {MAX_DIGITS}, not {self.digits}"
            raise InvalidKeyError(message)
        if not 1 <= self.period <= MAX_PERIOD:
            message = f"the period must be 1 to {MAX_PERIOD} seconds, not {self.period}"
            raise InvalidKeyError(message)
        if not 0 <= self.counter <= MAX_COUNTER:
            message = f"the counter must be 0 to {MAX_COUNTER}, not {self.counter}"
            raise InvalidKeyError(message)
        if self.kind is Kind.HOTP and self.period != 30:  # noqa: PLR2004 - the field's default
            message = "a HOTP key counts by use and has no period"
            raise InvalidKeyError(message)
        if self.kind is not Kind.HOTP and self.counter:
            message = f"a {self.kind} key counts by time and has no counter"
            raise InvalidKeyError(message)
        if self.kind is Kind.STEAM and (
            self.digits != STEAM_DIGITS or self.algorithm is not Algorithm.SHA1
        ):
            message = "a Steam key has 5 characters and SHA1"
            raise InvalidKeyError(message)
        for what, label in (("issuer", self.issuer), ("name", self.name)):
            if label and clean_label(label) != label:
                message = (
                    f"the {what} holds control characters, stray spaces"
                    f" or more than {LABEL_LIMIT} characters"
                )
                raise InvalidKeyError(message)

    @property
    def title(self) -> str:
        """What to call the key in a list: issuer and name, or the one there is."""
        return f"{self.issuer} ({self.name})" if self.issuer and self.name else self.issuer or self.name

    def warnings(self) -> tuple[str, ...]:
        """Say what is unwise about this key, one sentence each; none for the common profile.

        A key that a real issuer handed out is used all the same: people cannot choose.
        """
        found = []
        if self.secret.bits < _MIN_ADVISED_BITS:
            found.append(
                f"{self.secret.bits}-bit secret: RFC 4226 asks for at least {_MIN_ADVISED_BITS} bits"
            )
        if self.kind is Kind.STEAM:
            return tuple(found)
        unusual = []
        if self.algorithm is not Algorithm.SHA1:
            unusual.append(str(self.algorithm))
        if self.digits != 6:  # noqa: PLR2004 - the field's default
            unusual.append(f"{self.digits} digits")
        if self.period != 30:  # noqa: PLR2004 - the field's default
            unusual.append(f"a period of {self.period} s")
        if unusual:
            found.append(
                f"{' and '.join(unusual)}: several phone apps ignore this and show wrong codes;"
                " SHA1, 6 digits and 30 s work everywhere"
            )
        return tuple(found)

"""Codes and time steps (RFC 4226 section 5, RFC 6238 section 4). The clock is always the caller's."""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING

from pyotp import HOTP

from watchword_otp.key import Algorithm, Key, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGESTS = {algorithm: algorithm.lower() for algorithm in Algorithm}
"""What OpenSSL calls the hashes: a name is the short way into its HMAC."""

_DECIMAL = frozenset("0123456789")
_STEAM_ALPHABET = "23456789BCDFGHJKMNPQRTVWXY"
_STEAM = frozenset(_STEAM_ALPHABET)
_ALL_BITS = 10
"""Digits that hold the whole 31-bit truncated value (RFC 4226 section 5.3)."""


class _Engine(HOTP):
    """pyotp's HOTP for every key a real issuer handed out.

    pyotp refuses secrets under 112 bits and fewer than 6 digits, and decodes base32 for each code.
    A `Key` has checked its own ranges and holds the bytes, so the parent's checks are not run.
    """

    def __init__(self, key: Key) -> None:  # The parent's __init__ is what is left out.
        self.digits = _ALL_BITS if key.kind is Kind.STEAM else key.digits
        self.digest = _DIGESTS[key.algorithm]
        self.initial_count = 0
        self._raw = key.secret.reveal()

    def byte_secret(self) -> bytes:
        return self._raw

    def generate_otp(self, input: int) -> str:  # noqa: A002 - the parent's name for it
        # RFC 4226 section 5.3. In one call into OpenSSL: each check draws several codes, and the
        # parent makes an HMAC object for each.
        mac = hmac.digest(self._raw, input.to_bytes(8, "big"), self.digest)
        offset = mac[-1] & 0xF
        value = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
        return str(value % 10**self.digits).zfill(self.digits)


def step_at(key: Key, now: float) -> int:
    """Number of the time step that `now` (Unix seconds) falls in: RFC 6238's `T`, with T0 = 0.

    Steps before 1970 do not exist: an earlier `now` counts as step 0.
    """
    return max(0, math.floor(now / key.period))


def seconds_left(key: Key, now: float) -> float:
    """Seconds from `now` (Unix seconds) until the next step begins: over 0, at most the period."""
    return key.period - now % key.period


def code_at(key: Key, moving_factor: int) -> str:
    """The code at a step (TOTP, Steam) or a counter (HOTP), leading zeros kept.

    Raises:
        ValueError: `moving_factor` is negative or has more than 64 bits.
    """
    return _draw(key, _Engine(key), moving_factor)


def matching_step(key: Key, code: str, candidates: Iterable[int]) -> int | None:
    """What `Codes(key).matching_step` gives, for one code."""
    return Codes(key).matching_step(code, candidates)


class Codes:
    """A key's codes, each drawn once: for many guesses at one key at one moment.

    It holds codes that may be valid, so it is to go with the guesses.
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._engine = _Engine(key)
        self._drawn: dict[int, bytes] = {}

    def matching_step(self, code: str, candidates: Iterable[int]) -> int | None:
        """The highest of `candidates` (steps or counters) at which the key gives `code`, or None.

        Every candidate is drawn and compared in constant time, with no early exit, so that the time
        taken tells nothing. The highest wins because two steps can share a code, and consuming the
        lower would leave the same code usable once more (RFC 6238 section 5.2).

        Raises:
            ValueError: A candidate is negative or has more than 64 bits.
        """
        given = code.encode("utf-8", "surrogatepass")
        found = None
        for candidate in candidates:
            expected = self._drawn.get(candidate)
            if expected is None:
                expected = _draw(self._key, self._engine, candidate).encode("ascii")
                self._drawn[candidate] = expected
            if hmac.compare_digest(expected, given) and (found is None or candidate > found):
                found = candidate
        return found


def is_well_formed(key: Key, code: str) -> bool:
    """Tell whether `code` has exactly the characters this key draws; nothing is trimmed first."""
    alphabet = _STEAM if key.kind is Kind.STEAM else _DECIMAL
    return len(code) == key.digits and alphabet.issuperset(code)


def _draw(key: Key, engine: _Engine, moving_factor: int) -> str:
    if not 0 <= moving_factor < 2**64:
        message = "a step or counter is 0 to 2**64 - 1"
        raise ValueError(message)
    drawn = engine.generate_otp(moving_factor)
    if key.kind is not Kind.STEAM:
        return drawn
    value = int(drawn)
    letters = []
    for _ in range(key.digits):
        value, index = divmod(value, len(_STEAM_ALPHABET))
        letters.append(_STEAM_ALPHABET[index])
    return "".join(letters)

"""What a validator answers, as types; `watchword_tui.client` fetches them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from watchword_otp.value import Value

if TYPE_CHECKING:
    from watchword_otp import Key

CLOCK_TOLERANCE = 2.0
"""Seconds by which two clocks may differ before people should know (`Date` has whole seconds)."""


class Reason(StrEnum):
    """Why the server judged as it did; told to tokens with the scope `check:detail` only."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    REPLAYED = "replayed"


class CheckAnswer(msgspec.Struct, frozen=True):
    """The body of `POST /v1/keys/{name}/check`."""

    valid: bool
    """Whether the code was accepted, and is consumed now."""
    reason: Reason | None = None
    offset: int | None = None
    """Steps by which the code's clock is ahead (+) or behind (-)."""
    attempts_left: int | None = None
    """Wrong codes left before the key locks."""
    used_ago: float | None = None
    """Replayed: seconds since the code's step was consumed."""
    locked_for: float | None = None
    """Seconds for which this refusal locked the key."""
    diagnosis: str | None = None
    """What is probably wrong with a wrong code, in the server's words; not cleaned."""


class Contact(Value, frozen=True):
    """What an exchange with the server showed about the way to it."""

    round_trip: float
    """Seconds from the request to the end of the answer."""
    clock_offset: float | None
    """Seconds by which our clock is ahead (+) or behind (-) of the server's; good to half the
    round trip and 0.5 s. None if the server does not tell the time."""

    @property
    def clock_is_off(self) -> bool:
        """Whether the clocks certainly differ by more than `CLOCK_TOLERANCE`.

        The server told its time at some moment of the round trip: half of it is in doubt.
        """
        doubt = self.round_trip / 2
        return self.clock_offset is not None and abs(self.clock_offset) - doubt > CLOCK_TOLERANCE


class Checked(Value, frozen=True):
    """A verdict and how it came."""

    answer: CheckAnswer
    contact: Contact


class KeyInfo(msgspec.Struct, frozen=True):
    """A key as the server tells of it, without its secret."""

    name: str
    status: str
    """`pending` until its first code, then `active`."""
    expires_at: datetime | None = None
    """When a pending key ceases to wait for its first code."""


class CreatedAnswer(msgspec.Struct, frozen=True):
    """The body of an answer to `POST /v1/keys`."""

    key: KeyInfo
    uri: str

    def __repr__(self) -> str:
        return f"<CreatedAnswer {self.key.name}>"


class RecoveryAnswer(msgspec.Struct, frozen=True):
    """What a confirmation and a request for new recovery codes have in common."""

    recovery_codes: tuple[str, ...]
    """Shown this once; not cleaned."""

    def __repr__(self) -> str:
        return "<RecoveryAnswer>"


class Created(Value, frozen=True):
    """A pending key with its secret."""

    key: Key
    expires_at: float | None
    """When it ceases to wait for its first code, Unix seconds by our own clock; None: not told."""
    etag: str
    """Its version, to delete no other one."""

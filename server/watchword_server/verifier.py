"""The decision, and nothing else: key, state, code and time in; verdict and new state out.

Pure and total, so that every rule can be read and tested in one place. Whoever calls it makes the
outcome atomic: the new state is committed before the verdict is told to anyone.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import is_well_formed, matching_step, step_at

if TYPE_CHECKING:
    from watchword_otp import Key

MAX_WINDOW = 10
"""Most steps accepted either side of now. RFC 6238 section 5.2 advises one."""

FREE_FAILURES = 4
"""Wrong codes in a row that cost nothing."""

FIRST_LOCK, LONGEST_LOCK = 30, 3600
"""Seconds: the lock after the first costly failure, doubled by each one more, up to the longest."""

DISABLING_FAILURES = 100
"""Wrong codes in a row after which only an operator helps (NIST SP 800-63B-4 section 3.2.2)."""

NEVER = -1
"""The `last_step` of a key that has consumed no step yet."""


class Verdict(StrEnum):
    """What became of a code."""

    ACCEPTED = "accepted"
    """It matched a step never consumed before, and consumed it."""
    WRONG = "wrong"
    """It matched no step of the window; one more failure."""
    REPLAYED = "replayed"
    """It matched only a step already consumed, or older than one that is; counts nothing."""
    MALFORMED = "malformed"
    """It could not be a code of this key; counts nothing."""
    LOCKED = "locked"
    """Too many failures, for now: nothing was compared or counted."""
    DISABLED = "disabled"
    """Too many failures, for good: nothing was compared or counted."""


class KeyState(msgspec.Struct, frozen=True, kw_only=True):
    """What the validator remembers about a key between two checks."""

    last_step: int = NEVER
    """The highest step consumed: it and every older one are refused (RFC 6238 section 5.2)."""
    consumed_at: float | None = None
    """When `last_step` was consumed, Unix seconds."""
    failures: int = 0
    """Wrong codes since the last accepted one."""
    locked_until: float = 0.0
    """Unix seconds before which nothing is compared. Absolute: turning the clock back opens nothing."""

    @property
    def is_disabled(self) -> bool:
        """Whether only an operator can make the key answer again."""
        return self.failures >= DISABLING_FAILURES


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, the state to commit with it, and what a caller may want to tell."""

    verdict: Verdict
    """What became of the code."""
    state: KeyState
    """The state afterwards; the same object as before when nothing changed."""
    offset: int | None = None
    """Matched step minus current step, for accepted and replayed codes."""
    used_ago: int | None = None
    """Whole seconds since the very step of a replayed code was consumed; None if it was passed over."""
    attempts_left: int = 0
    """Wrong codes in a row that would start the next lock; 0 while locked or disabled."""
    locked_for: int | None = None
    """Seconds, rounded up, until the lock ends; None when the key is not locked for a time."""


def decide(key: Key, state: KeyState, code: str, now: float, window: int) -> Decision:
    """Judge `code` against a TOTP or Steam key at `now`.

    The order is fixed: a disabled or locked key compares nothing (RFC 4226 section 7.3); then the
    form; then every candidate step is compared, taking the same time whichever matches; and a match
    is accepted only if its step is newer than the last one consumed.

    Args:
        key: A key that counts by time.
        state: What was committed by the check before.
        code: Exactly as it was sent; nothing is trimmed.
        now: Unix seconds.
        window: Steps accepted either side of the current one, 0 to `MAX_WINDOW`.
    """
    if state.is_disabled:
        return Decision(verdict=Verdict.DISABLED, state=state)
    if now < state.locked_until:
        return _describe(Verdict.LOCKED, state, now)
    if not is_well_formed(key, code):
        return _describe(Verdict.MALFORMED, state, now)
    current = step_at(key, now)
    step = matching_step(key, code, range(max(0, current - window), current + window + 1))
    if step is None:
        return _describe(Verdict.WRONG, _failed(state, now), now)
    offset = step - current
    if step > state.last_step:
        accepted = KeyState(last_step=step, consumed_at=now)
        return _describe(Verdict.ACCEPTED, accepted, now, offset)
    used_ago = None
    if step == state.last_step and state.consumed_at is not None:
        used_ago = max(0, math.floor(now - state.consumed_at))
    return _describe(Verdict.REPLAYED, state, now, offset, used_ago)


def unlocked(state: KeyState) -> KeyState:
    """The state after an operator's reset: failures and lock forgotten, consumed steps kept."""
    return msgspec.structs.replace(state, failures=0, locked_until=0.0)


def _failed(state: KeyState, now: float) -> KeyState:
    failures = state.failures + 1
    doublings = failures - FREE_FAILURES - 1
    if doublings < 0:
        return msgspec.structs.replace(state, failures=failures)
    seconds = min(FIRST_LOCK * 2**doublings, LONGEST_LOCK)
    # Whole seconds: every store keeps them exactly, and no answer says more than the lock lasts.
    locked_until = math.floor(now) + float(seconds)
    return msgspec.structs.replace(state, failures=failures, locked_until=locked_until)


def _describe(
    verdict: Verdict,
    state: KeyState,
    now: float,
    offset: int | None = None,
    used_ago: int | None = None,
) -> Decision:
    if state.is_disabled:
        return Decision(verdict=verdict, state=state)
    if now < state.locked_until:
        locked_for = math.ceil(state.locked_until - now)
        return Decision(verdict=verdict, state=state, locked_for=locked_for)
    return Decision(
        verdict=verdict,
        state=state,
        offset=offset,
        used_ago=used_ago,
        attempts_left=max(1, FREE_FAILURES + 1 - state.failures),
    )

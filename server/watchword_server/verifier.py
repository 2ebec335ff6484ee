"""The decision, and nothing else: key, state, code and time in; verdict and new state out.

Pure and total, so that every rule can be read and tested in one place. Whoever calls it makes the
outcome atomic: the new state is committed before the verdict is told to anyone.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Codes, Kind, is_well_formed, step_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_otp import Key

MAX_WINDOW = 10
"""Most steps accepted either side of now. RFC 6238 section 5.2 advises one."""

DEFAULT_LOOK_AHEAD = 5
"""Counters after the next one that a HOTP key without a window of its own accepts (RFC 4226 7.4)."""

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
    """The highest step (HOTP: counter) consumed: it and every older one are refused (RFC 6238 5.2)."""
    consumed_at: float | None = None
    """When `last_step` was consumed, Unix seconds."""
    failures: int = 0
    """Wrong codes since the last accepted one, by whichever route they came."""
    locked_until: float = 0.0
    """Unix seconds before which nothing is compared. Absolute: turning the clock back opens nothing."""
    offset: int | None = None
    """Matched step minus current step of the last acceptance, for people to see a clock that drifts."""
    drift: int = 0
    """Steps by which the window lies off the server's time; only a resync moves it (RFC 6238 6)."""

    @property
    def is_disabled(self) -> bool:
        """Whether only an operator can make the key answer again."""
        return self.failures >= DISABLING_FAILURES

    @property
    def attempts_left(self) -> int:
        """Wrong codes in a row that would start the next lock, when none holds now; 0 if disabled."""
        return 0 if self.is_disabled else max(1, FREE_FAILURES + 1 - self.failures)


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


def decide(  # noqa: PLR0913 - what a decision depends on
    key: Key, state: KeyState, code: str, now: float, window: int, *, codes: Codes | None = None
) -> Decision:
    """Judge `code` at `now`.

    The order is fixed: a disabled or locked key compares nothing (RFC 4226 section 7.3); then the
    form; then the attempt is booked as a failure, before anything is compared; then every candidate
    is compared, taking the same time whichever matches; and a match is accepted only if it is newer
    than the last one consumed. A replay gives the booked attempt back.

    Args:
        key: The shared secret and its parameters.
        state: What was committed by the check before.
        code: Exactly as it was sent; nothing is trimmed.
        now: Unix seconds.
        window: Steps accepted either side of the current one, or counters after the next one that a
            HOTP key accepts (RFC 4226 section 7.4); 0 to `MAX_WINDOW`.
        codes: Those of `key` that were drawn already, for another code of the same batch; None: none.
    """
    refused = barred(state, now)
    if refused is not None:
        return describe(refused, state, now)
    if not is_well_formed(key, code):
        return describe(Verdict.MALFORMED, state, now)
    booked = book(state, now)
    current = current_step(key, state, now)
    step = (codes or Codes(key)).matching_step(code, _candidates(key, state, current, window))
    if step is None:
        return describe(Verdict.WRONG, booked, now)
    if step > state.last_step:
        accepted = consume(state, step, step - current, now)
        return describe(Verdict.ACCEPTED, accepted, now, step - current)
    used_ago = None
    if step == state.last_step and state.consumed_at is not None:
        used_ago = max(0, math.floor(now - state.consumed_at))
    return describe(Verdict.REPLAYED, state, now, step - current, used_ago)


def barred(state: KeyState, now: float) -> Verdict | None:
    """Why nothing may be compared now: LOCKED, DISABLED, or None when something may."""
    if state.is_disabled:
        return Verdict.DISABLED
    return Verdict.LOCKED if now < state.locked_until else None


def book(state: KeyState, now: float) -> KeyState:
    """The state after one more failure: what holds unless a match is found."""
    failures = state.failures + 1
    doublings = failures - FREE_FAILURES - 1
    if doublings < 0:
        return msgspec.structs.replace(state, failures=failures)
    seconds = min(FIRST_LOCK * 2**doublings, LONGEST_LOCK)
    # Whole seconds: every store keeps them exactly, and no answer says more than the lock lasts.
    locked_until = math.floor(now) + float(seconds)
    return msgspec.structs.replace(state, failures=failures, locked_until=locked_until)


def consume(state: KeyState, step: int, offset: int, now: float) -> KeyState:
    """The state after an acceptance: step consumed, failures forgotten."""
    return KeyState(last_step=step, consumed_at=now, offset=offset, drift=state.drift)


def unlocked(state: KeyState) -> KeyState:
    """The state without failures and lock, as after a success; consumed steps stay consumed."""
    return msgspec.structs.replace(state, failures=0, locked_until=0.0)


def window_of(key: Key, own: int | None, configured: int) -> int:
    """The window of a key: its own; or without one the configured one, or HOTP's look-ahead."""
    if own is not None:
        return own
    return DEFAULT_LOOK_AHEAD if key.kind is Kind.HOTP else configured


def describe(
    verdict: Verdict,
    state: KeyState,
    now: float,
    offset: int | None = None,
    used_ago: int | None = None,
) -> Decision:
    """A decision with what may be told about `state` at `now`."""
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
        attempts_left=state.attempts_left,
    )


def current_step(key: Key, state: KeyState, now: float) -> int:
    """The step or counter that offsets count from: now, or the counter after the last one."""
    return state.last_step + 1 if key.kind is Kind.HOTP else step_at(key, now)


def _candidates(key: Key, state: KeyState, current: int, window: int) -> Sequence[int]:
    """What a code is compared with; what is not newer than the last step serves to know replays."""
    if key.kind is Kind.HOTP:
        return range(max(0, current - 1 - window), current + window + 1)
    centre = current + state.drift
    steps = range(max(0, centre - window), max(0, centre + window) + 1)
    # Someone who sends a used code late, or after the clock has moved, repeats and does not guess.
    return steps if state.last_step < 0 or state.last_step in steps else (*steps, state.last_step)

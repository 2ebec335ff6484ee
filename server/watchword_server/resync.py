"""Finding a clock or counter that went astray: by two consecutive codes, or for an operator to see.

Neither opens a way round the verifier: resync takes only steps newer than the last one consumed and
burns both, diagnosis never accepts, and both spend the key's one budget of attempts.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from watchword_otp import (
    Algorithm,
    InvalidKeyError,
    Kind,
    code_at,
    is_well_formed,
    matching_step,
)
from watchword_server.verifier import (
    Decision,
    KeyState,
    Verdict,
    barred,
    book,
    consume,
    current_step,
    decide,
    describe,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_otp import Key

RESYNC_STEPS = 100
"""Steps either side of now, or counters after the next, in which a pair is looked for (RFC 6238 6)."""

DIAGNOSIS_STEPS = 20
"""Steps either side of the window in which diagnosis looks. Few: it widens what a guess may hit."""

_COMMON_PERIODS = (30, 60)


class Finding(StrEnum):
    """What is probably wrong with a code that was not accepted."""

    CLOCK = "clock"
    """The right key at another step: the sender's clock (HOTP: counter) is off."""
    ALGORITHM = "algorithm"
    """The right key and time with another hash: the app ignored the key's algorithm."""
    PERIOD = "period"
    """The right key with another period: the app ignored the key's."""
    DIGITS = "digits"
    """The right key and time with another number of digits."""
    NOTHING = "nothing"
    """None of these: most likely another key, or a guess."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, for operators."""

    finding: Finding
    offset: int | None = None
    """Steps by which the sender is ahead (+) or behind (-)."""
    expected: str | None = None
    """The key's algorithm, period or digits."""
    used: str | None = None
    """What the sender's app seems to use instead."""

    @property
    def text(self) -> str:
        """The finding as a sentence."""
        match self.finding:
            case Finding.CLOCK:
                steps = abs(self.offset or 0)
                direction = "fast" if (self.offset or 0) > 0 else "slow"
                return f"right key, {steps} step{'s' if steps != 1 else ''} {direction}"
            case Finding.ALGORITHM:
                return f"right key, but {self.expected} is expected and the app used {self.used}"
            case Finding.PERIOD:
                return f"right key, but {self.expected} s is expected and the app used {self.used} s"
            case Finding.DIGITS:
                return f"right key, but {self.expected} digits are expected and the app used {self.used}"
            case Finding.NOTHING:
                return "no step near now has this code: most likely another key"


def resync(key: Key, state: KeyState, first: str, second: str, now: float) -> Decision:
    """Judge two consecutive codes over a wide range, and move the window to where they were found.

    Both are consumed. A pair that is not wholly newer than the last step is a replay.

    Args:
        key: The shared secret and its parameters.
        state: What was committed last.
        first: A code, exactly as sent.
        second: The one after it.
        now: Unix seconds.
    """
    refused = barred(state, now)
    if refused is not None:
        return describe(refused, state, now)
    if not (is_well_formed(key, first) and is_well_formed(key, second)):
        return describe(Verdict.MALFORMED, state, now)
    booked = book(state, now)
    current = current_step(key, state, now)
    found = None
    for step, *codes in _pairs(key, max(0, current - RESYNC_STEPS), current + RESYNC_STEPS):
        matches = [
            hmac.compare_digest(drawn, sent.encode())
            for drawn, sent in zip(codes, (first, second), strict=True)
        ]
        if all(matches):
            found = step
    if found is None:
        return describe(Verdict.WRONG, booked, now)
    if found <= state.last_step:
        return describe(Verdict.REPLAYED, state, now, found + 1 - current)
    offset = found + 1 - current
    moved = consume(state, found + 1, offset, now)
    if key.kind is not Kind.HOTP:
        moved = replace(moved, drift=offset)
    return describe(Verdict.ACCEPTED, moved, now, offset)


def diagnose(key: Key, state: KeyState, code: str, now: float, window: int) -> Diagnosis:
    """Say what is probably wrong with a `code` that was judged wrong or malformed.

    Compares only; changes and accepts nothing. Whoever tells the outcome has booked the attempt.
    """
    current = current_step(key, state, now)
    if is_well_formed(key, code):
        # From the inside out: of several matches the nearest one is the likeliest.
        for distance in range(DIAGNOSIS_STEPS + window + 1):
            nearby = {current + state.drift - distance, current + state.drift + distance}
            step = matching_step(key, code, (step for step in nearby if step >= 0))
            if step is not None:
                return Diagnosis(finding=Finding.CLOCK, offset=step - current)
    for finding, other, expected, used in _misread(key, len(code)):
        middle = current_step(other, state, now)
        nearby_steps = range(max(0, middle - window), middle + window + 1)
        if is_well_formed(other, code) and matching_step(other, code, nearby_steps) is not None:
            return Diagnosis(finding=finding, expected=expected, used=used)
    return Diagnosis(finding=Finding.NOTHING)


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator learns about a code, and the state to commit with it."""

    decision: Decision
    """What a check would have answered; its state is not to be committed."""
    diagnosis: Diagnosis | None
    """Why it is not accepted, if it is wrong or malformed."""
    state: KeyState
    """What to commit: nothing is consumed, and whatever was compared has cost an attempt."""

    @property
    def verdict(self) -> Verdict:
        """What a check would have answered, in one word."""
        return self.decision.verdict


def examine(key: Key, state: KeyState, code: str, now: float, window: int) -> Examination:
    """Tell all about `code` without accepting it; the arguments are those of `verifier.decide`.

    Even a right code costs an attempt: otherwise this would be a way to guess for nothing.
    """
    decision = decide(key, state, code, now, window)
    diagnosis = None
    if decision.verdict in {Verdict.WRONG, Verdict.MALFORMED}:
        diagnosis = diagnose(key, state, code, now, window)
    compared = decision.verdict in {Verdict.ACCEPTED, Verdict.WRONG, Verdict.MALFORMED}
    return Examination(
        decision=decision,
        diagnosis=diagnosis,
        state=book(state, now) if compared else state,
    )


def _pairs(key: Key, earliest: int, latest: int) -> Iterator[tuple[int, bytes, bytes]]:
    before = code_at(key, earliest).encode()
    for step in range(earliest, latest + 1):
        after = code_at(key, step + 1).encode()
        yield step, before, after
        before = after


def _misread(key: Key, length: int) -> Iterator[tuple[Finding, Key, str, str]]:
    """The same key as an app would use it that ignores one of its parameters."""
    if key.kind is Kind.STEAM:
        return
    for algorithm in Algorithm:
        if algorithm is not key.algorithm:
            yield Finding.ALGORITHM, replace(key, algorithm=algorithm), key.algorithm, algorithm
    for period in _COMMON_PERIODS if key.kind is Kind.TOTP else ():
        if period != key.period:
            yield Finding.PERIOD, replace(key, period=period), str(key.period), str(period)
    if length != key.digits:
        try:
            yield Finding.DIGITS, replace(key, digits=length), str(key.digits), str(length)
        except InvalidKeyError:
            return

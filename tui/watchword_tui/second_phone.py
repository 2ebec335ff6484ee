"""Whether another phone has an account's key: its code against the codes that are shown here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_otp import Algorithm, Kind, is_well_formed, matching_step, step_at
from watchword_tui.wording import Tone, Verdict, offset_words

if TYPE_CHECKING:
    from watchword_otp import Key

_NEAR = 1
"""Steps that two clocks may differ by, with nobody noticing (RFC 6238 section 5.2)."""
_FAR = 20
"""Steps within which a code tells that a clock is off."""
_AHEAD = 10
"""HOTP: how many codes a phone may have shown already."""


def judge_same_key(key: Key, code: str, now: float) -> Verdict:
    """Say whether `code`, typed from another device, is one of `key` at `now` (Unix seconds).

    A code of a time that is far off, or of an app that ignores the key's algorithm or period, is told
    apart from a wrong one. Nothing is consumed, and nobody is let in: the key itself is on the screen.
    """
    if not is_well_formed(key, code):
        return Verdict(Tone.BAD, "Not a code", f"This key's codes have {key.digits} characters.")
    if key.kind is Kind.HOTP:
        found = matching_step(key, code, range(key.counter, key.counter + _AHEAD + 1))
        if found is None:
            return _WRONG
        words = "Each phone counts for itself: use only one of them from now on."
        return Verdict(Tone.GOOD, "The same key", words)
    step = step_at(key, now)
    found = matching_step(key, code, range(max(0, step - _FAR), step + _FAR + 1))
    if found is None:
        return _ignored(key, code, now) or _WRONG
    offset = found - step
    if abs(offset) <= _NEAR:
        return Verdict(Tone.GOOD, "The same codes", "The phone is enrolled.")
    words = f"Its clock is {offset_words(offset)}, by {_seconds(abs(offset) * key.period)}: set it."
    return Verdict(Tone.UNCERTAIN, "The same key", words)


_WRONG = Verdict(
    Tone.BAD, "Another code", "Take the one that the phone shows next. If that is no better, scan again."
)


def _ignored(key: Key, code: str, now: float) -> Verdict | None:
    """Whether the app read less of the key than it says: many know SHA1 and 30 seconds alone."""
    others = {
        "SHA1 in the place of its algorithm": replace(key, algorithm=Algorithm.SHA1),
        "30 s in the place of its period": replace(key, period=30),
        "SHA1 and 30 s": replace(key, algorithm=Algorithm.SHA1, period=30),
    }
    for words, other in others.items():
        step = step_at(other, now)
        near = range(max(0, step - _NEAR), step + _NEAR + 1)
        if other != key and matching_step(other, code, near) is not None:
            return Verdict(Tone.BAD, "Another code", f"The app takes {words}: use another app.")
    return None


def _seconds(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004 - two minutes

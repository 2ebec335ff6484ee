"""A code from another phone: is it the same key, and if not quite, what is wrong there?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from servers import NOON
from watchword_otp import Algorithm, Key, Kind, Secret, code_at, step_at
from watchword_tui.second_phone import judge_same_key
from watchword_tui.wording import Tone

KEY = Key(secret=Secret(b"12345678901234567890"), issuer="GitHub")
COUNTED = replace(KEY, kind=Kind.HOTP, counter=5)


def code(key: Key, offset: int = 0, now: float = NOON) -> str:
    return code_at(key, step_at(key, now) + offset)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_code_of_now_or_next_to_it_is_the_same(offset: int) -> None:
    verdict = judge_same_key(KEY, code(KEY, offset), NOON)
    assert (verdict.tone, verdict.title) == (Tone.GOOD, "The same codes")


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (-2, "2 steps behind, by 60 s"),
        (3, "3 steps ahead, by 90 s"),
        (20, "20 steps ahead, by 10 min"),
    ],
)
def test_a_clock_that_is_off_is_told_by_how_much(offset: int, words: str) -> None:
    verdict = judge_same_key(KEY, code(KEY, offset), NOON)
    assert verdict.tone is Tone.UNCERTAIN
    assert verdict.detail == f"Its clock is {words}: set it."


@pytest.mark.parametrize("offset", [-21, 21])
def test_beyond_ten_minutes_it_is_another_code(offset: int) -> None:
    assert judge_same_key(KEY, code(KEY, offset), NOON).tone is Tone.BAD


@pytest.mark.parametrize(
    ("key", "shown", "words"),
    [
        (replace(KEY, algorithm=Algorithm.SHA256), KEY, "SHA1 in the place of its algorithm"),
        (replace(KEY, period=60), KEY, "30 s in the place of its period"),
        (replace(KEY, algorithm=Algorithm.SHA512, period=60), KEY, "SHA1 and 30 s"),
    ],
)
def test_an_app_that_ignores_half_of_the_key_is_found_out(key: Key, shown: Key, words: str) -> None:
    # Not at the beginning of a minute, where the steps of both periods can agree.
    now = NOON + 47 * 30
    verdict = judge_same_key(key, code(shown, now=now), now)
    assert verdict.tone is Tone.BAD
    assert verdict.detail == f"The app takes {words}: use another app."


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "\uff11" * 6])
def test_what_is_no_code_of_the_key_is_told_apart(typed: str) -> None:
    verdict = judge_same_key(KEY, typed, NOON)
    assert (verdict.title, verdict.detail) == ("Not a code", "This key's codes have 6 characters.")


@pytest.mark.parametrize("ahead", [0, 1, 10])
def test_counted_codes_are_the_same_key_with_a_warning(ahead: int) -> None:
    verdict = judge_same_key(COUNTED, code_at(COUNTED, 5 + ahead), NOON)
    assert (verdict.tone, verdict.title) == (Tone.GOOD, "The same key")
    assert "only one of them" in verdict.detail


@pytest.mark.parametrize("count", [4, 16])
def test_counted_codes_out_of_reach_are_not(count: int) -> None:
    assert judge_same_key(COUNTED, code_at(COUNTED, count), NOON).tone is Tone.BAD


@given(st.floats(0, 4e11), st.integers(-40, 40))
def test_whatever_the_time_a_verdict_comes_and_only_near_codes_are_good(now: float, offset: int) -> None:
    step = max(0, step_at(KEY, now) + offset)
    verdict = judge_same_key(KEY, code_at(KEY, step), now)
    near = abs(step - step_at(KEY, now)) <= 1
    # One in some ten thousand keys has the same code twice within so few steps; this one does not here.
    assert (verdict.tone is Tone.GOOD) >= near

"""When the screen locks and the app leaves by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchword_tui.endings import Due, Ending, Limits, duration_words, limits_of
from watchword_tui.far_end import FarEnd
from watchword_tui.settings import ServerProfile, Settings

HOUR = 3600.0


def settings(
    *, far: bool, lock: int = 300, leave: int | None = None, session: int | None = None
) -> Settings:
    return Settings(
        (ServerProfile("dev", "http://127.0.0.1:9"),),
        "dev",
        lock_after=lock,
        exit_after=leave,
        session_limit=session,
        far=FarEnd(Path("/srv")) if far else None,
    )


@pytest.mark.parametrize(
    ("given", "typed", "expected"),
    [
        # At one's own terminal the app stays.
        (settings(far=False), True, Limits(300, 0, 0)),
        (settings(far=False, lock=0, leave=60, session=90), True, Limits(0, 60, 90)),
        (settings(far=True), True, Limits(300, 900, 28_800)),
        (settings(far=True, leave=0, session=0), True, Limits(300, 0, 0)),
        (settings(far=True, lock=60, leave=120, session=600), True, Limits(60, 120, 600)),
        # What somebody typed is dropped some time.
        (settings(far=True, lock=0), True, Limits(900, 900, 28_800)),
        (settings(far=True, lock=86_400), True, Limits(900, 900, 28_800)),
        # Whoever connects sees the codes anyway.
        (settings(far=True, lock=0), False, Limits(0, 900, 28_800)),
    ],
)
def test_limits_come_of_the_settings_and_of_where_it_runs(
    given: Settings, *, typed: bool, expected: Limits
) -> None:
    assert limits_of(given, typed=typed) == expected


def test_it_leaves_when_nobody_typed_for_long_enough() -> None:
    ending = Ending(Limits(0, 900, 0), started=0.0)
    assert ending.due(899.0, 0.0) is Due.NOTHING
    assert ending.due(1798.0, 899.0) is Due.NOTHING
    assert ending.due(1799.0, 899.0) is Due.LEAVE
    assert ending.why == "Nobody typed for 15 min."


def test_it_warns_once_five_minutes_before_a_session_ends_then_leaves() -> None:
    ending = Ending(Limits(0, 0, 28_800), started=0.0)
    assert ending.due(8 * HOUR - 301, 0.0) is Due.NOTHING
    assert ending.due(8 * HOUR - 300, 0.0) is Due.WARN
    assert ending.why == "This session ends in 5 min."
    assert ending.due(8 * HOUR - 1, 8 * HOUR - 1) is Due.NOTHING
    assert ending.due(8 * HOUR, 8 * HOUR) is Due.LEAVE
    assert ending.why == "A session lasts 8 h."


def test_a_short_session_is_warned_of_in_its_second_half() -> None:
    ending = Ending(Limits(0, 0, 60), started=0.0)
    assert ending.due(29.0, 29.0) is Due.NOTHING
    assert ending.due(30.0, 30.0) is Due.WARN


def test_without_limits_it_stays() -> None:
    assert Ending(Limits(0, 0, 0), started=0.0).due(1e9, 0.0) is Due.NOTHING


def test_a_clock_that_was_set_back_does_not_make_a_session_longer_than_the_limit() -> None:
    ending = Ending(Limits(0, 0, 3600), started=100_000.0)
    assert ending.due(50_000.0, 50_000.0) is Due.NOTHING
    assert ending.due(53_600.0, 53_600.0) is Due.LEAVE


@pytest.mark.parametrize(
    ("seconds", "words"), [(45, "45 s"), (60, "1 min"), (299, "5 min"), (3600, "1 h"), (5400, "90 min")]
)
def test_lengths_of_time_are_told_in_the_unit_that_fits(seconds: int, words: str) -> None:
    assert duration_words(seconds) == words

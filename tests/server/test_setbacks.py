"""What a person reads when a first code was not taken: which setting of which app to look at."""

import pytest

from servers import NOON
from watchword_otp import Algorithm, Kind
from watchword_server.enrolment import Confirmation
from watchword_server.resync import Diagnosis, Finding
from watchword_server.setbacks import in_words, setback_of
from watchword_server.store.records import Status, StoredKey
from watchword_server.verifier import Decision, KeyState, Verdict


def setback(diagnosis: Diagnosis, kind: Kind = Kind.TOTP) -> str:
    stored = StoredKey(
        id=1, name="alice", status=Status.PENDING, seal=1, secret=b"", created_at=NOON, kind=kind
    )
    decision = Decision(verdict=Verdict.WRONG, state=KeyState(), attempts_left=3)
    return setback_of(Confirmation(decision, stored, (), diagnosis)).text


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (2, "about 60 seconds ahead"),
        (-3, "about 90 seconds behind"),
        (5, "about 3 minutes ahead"),
        (-20, "about 10 minutes behind"),
    ],
)
def test_a_clock_that_is_off_is_said_in_time(offset: int, words: str) -> None:
    text = setback(Diagnosis(finding=Finding.CLOCK, offset=offset))
    assert words in text
    assert "automatic time" in text


def test_a_counter_that_is_off_is_said_in_codes() -> None:
    diagnosis = Diagnosis(finding=Finding.CLOCK, offset=9)
    assert "9 codes ahead" in setback(diagnosis, kind=Kind.HOTP)


@pytest.mark.parametrize(
    ("diagnosis", "words"),
    [
        (
            Diagnosis(finding=Finding.ALGORITHM, expected=Algorithm.SHA256, used=Algorithm.SHA1),
            "works with SHA1 instead of SHA256.",
        ),
        (
            Diagnosis(finding=Finding.PERIOD, expected="60", used="30"),
            "works with 30 seconds instead of 60 seconds.",
        ),
        (
            Diagnosis(finding=Finding.DIGITS, expected="8", used="6"),
            "works with 6 digits instead of 8 digits.",
        ),
    ],
)
def test_an_app_that_passes_over_a_setting_is_to_be_changed(diagnosis: Diagnosis, words: str) -> None:
    assert words in setback(diagnosis)
    assert "another authenticator app" in setback(diagnosis)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 second"),
        (30, "30 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (3541, "60 minutes"),
    ],
)
def test_times_are_said_as_people_say_them(seconds: int, words: str) -> None:
    assert in_words(seconds) == words

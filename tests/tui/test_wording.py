"""The words of every verdict: on the screen, in a toast, on the command line."""

from __future__ import annotations

import pytest

from watchword_tui.answers import CheckAnswer, Checked, Contact, Reason
from watchword_tui.errors import (
    AccountsError,
    LockedError,
    NotWatchwordError,
    RefusedError,
    SettingsError,
    UnauthorisedError,
    UnreachableError,
    WatchwordError,
)
from watchword_tui.settings import ServerProfile
from watchword_tui.wording import (
    Tone,
    Verdict,
    ago_words,
    clock_advice,
    clock_words,
    contact_words,
    offset_words,
    tries_words,
    verdict_of,
    verdict_of_error,
)


def words(answer: CheckAnswer, clock_offset: float | None = 0.1) -> Verdict:
    return verdict_of(Checked(answer, Contact(round_trip=0.0124, clock_offset=clock_offset)))


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (CheckAnswer(valid=True), "12 ms"),
        (CheckAnswer(valid=True, reason=Reason.ACCEPTED, offset=0, attempts_left=5), "on time, 12 ms"),
        (CheckAnswer(valid=True, reason=Reason.ACCEPTED, offset=-1), "1 step behind, 12 ms"),
        (CheckAnswer(valid=True, reason=Reason.ACCEPTED, offset=2), "2 steps ahead, 12 ms"),
    ],
)
def test_an_accepted_code_is_accepted_in_one_word(answer: CheckAnswer, detail: str) -> None:
    assert words(answer) == Verdict(Tone.GOOD, "Accepted", detail)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (CheckAnswer(valid=False), "12 ms"),
        (
            CheckAnswer(valid=False, reason=Reason.WRONG, attempts_left=4),
            "wrong code, 4 tries left, 12 ms",
        ),
        (
            CheckAnswer(valid=False, reason=Reason.WRONG, attempts_left=1),
            "wrong code, 1 try left, 12 ms",
        ),
        (
            CheckAnswer(
                valid=False,
                reason=Reason.WRONG,
                attempts_left=4,
                diagnosis="right key,\x1b[31m 4 steps slow",
            ),
            "right key,[31m 4 steps slow, 4 tries left, 12 ms",
        ),
        (
            CheckAnswer(valid=False, reason=Reason.WRONG, attempts_left=0, locked_for=30),
            "locked for 30 s now, 12 ms",
        ),
        (
            CheckAnswer(valid=False, reason=Reason.REPLAYED, offset=0, attempts_left=5, used_ago=8),
            "already used 8 s ago, 12 ms",
        ),
        (CheckAnswer(valid=False, reason=Reason.REPLAYED, attempts_left=5), "already used, 12 ms"),
    ],
)
def test_a_refused_code_is_not_valid_and_says_why(answer: CheckAnswer, detail: str) -> None:
    assert words(answer) == Verdict(Tone.BAD, "Not valid", detail)


def test_a_wrong_code_on_a_wrong_clock_says_so() -> None:
    answer = CheckAnswer(valid=False, reason=Reason.WRONG, attempts_left=4)

    assert words(answer, 41.2).detail == "wrong code, 4 tries left, this clock is 41 s fast, 12 ms"
    assert words(answer, -41.2).detail == "wrong code, 4 tries left, this clock is 41 s slow, 12 ms"


def test_a_used_code_is_no_matter_of_the_clock() -> None:
    answer = CheckAnswer(valid=False, reason=Reason.REPLAYED, used_ago=0)

    assert words(answer, 41.2).detail == "already used just now, 12 ms"


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (LockedError("too many wrong codes: default is locked", "try again in 30 s", 30), "Locked"),
        (UnauthorisedError("dev wants a token", "set token_file"), "Not authorised"),
        (UnreachableError("dev cannot be reached", "is the server running?"), "Unreachable"),
        (NotWatchwordError("http://x is not a Watchword server", "check the URL"), "Not Watchword"),
        (RefusedError("dev would not judge it", "ask again"), "No verdict"),
        (SettingsError("cannot read certificates", "ca_file must be a PEM file"), "No verdict"),
        (AccountsError("there are no accounts", "name a file"), "No verdict"),
    ],
)
def test_no_verdict_is_neither_good_nor_bad_and_says_what_to_do(
    error: WatchwordError, title: str
) -> None:
    assert verdict_of_error(error) == Verdict(Tone.UNCERTAIN, title, f"{error.message}; {error.remedy}")


def test_an_error_without_a_remedy_ends_with_its_message() -> None:
    assert str(RefusedError("dev would not judge it")) == "dev would not judge it"


def test_a_sign_says_the_same_as_the_colour() -> None:
    assert {tone.value: (tone.sign, tone.severity) for tone in Tone} == {
        "good": ("✓", "information"),
        "bad": ("✗", "error"),
        "uncertain": ("!", "warning"),
    }


@pytest.mark.parametrize(
    ("offset", "said"),
    [(0, "on time"), (1, "1 step ahead"), (-1, "1 step behind"), (10, "10 steps ahead")],
)
def test_offsets_are_steps(offset: int, said: str) -> None:
    assert offset_words(offset) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (0.9, "just now"),
        (1, "1 s ago"),
        (89, "89 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (3600, "60 min ago"),
    ],
)
def test_what_was_is_seconds_or_minutes_ago(seconds: float, said: str) -> None:
    assert ago_words(seconds) == said


def test_tries_are_counted() -> None:
    assert [tries_words(left) for left in (0, 1, 4)] == ["0 tries left", "1 try left", "4 tries left"]


@pytest.mark.parametrize(
    ("clock_offset", "round_trip", "said"),
    [
        (None, 0.01, "clock unknown"),
        (0.0, 0.01, "clock ok"),
        (1.9, 0.01, "clock ok"),
        (-1.9, 0.01, "clock ok"),
        (41.0, 0.01, "this clock is 41 s fast"),
        (-41.0, 0.01, "this clock is 41 s slow"),
        (4.0, 6.0, "clock ok"),
        (6.0, 6.0, "this clock is 6 s fast"),
    ],
)
def test_a_clock_is_off_when_it_is_certain(
    clock_offset: float | None, round_trip: float, said: str
) -> None:
    contact = Contact(round_trip=round_trip, clock_offset=clock_offset)

    assert clock_words(contact) == said
    assert contact.clock_is_off == said.startswith("this clock")


@pytest.mark.parametrize(
    ("contact", "trouble", "said"),
    [
        (None, None, ("dev", False)),
        (None, UnreachableError("dev cannot be reached"), ("dev not reached", True)),
        (None, SettingsError("cannot read the token file x"), ("cannot read the token file x", True)),
        (Contact(0.0124, 0.1), None, ("dev   12 ms   clock ok", False)),
        (Contact(0.0124, None), None, ("dev   12 ms   clock unknown", False)),
        (Contact(0.0124, -41.0), None, ("this clock is 41 s slow: codes will be refused", True)),
    ],
)
def test_a_server_stands_in_a_few_words_and_alarms_when_it_matters(
    contact: Contact | None, trouble: WatchwordError | None, said: tuple[str, bool]
) -> None:
    assert contact_words(ServerProfile("dev", "http://127.0.0.1:9"), contact, trouble) == said


def test_a_server_that_nobody_named_is_not_missed() -> None:
    implied = ServerProfile("local", "http://127.0.0.1:6238", implied=True)

    assert contact_words(implied, None, UnreachableError("no")) == ("no server", False)


@pytest.mark.parametrize(
    ("clock_offset", "said"),
    [
        (-41.0, "This clock is 41 s slow: codes will be refused as old."),
        (41.0, "This clock is 41 s fast: codes will be refused as not yet valid."),
    ],
)
def test_a_clock_that_is_off_comes_with_what_to_do(clock_offset: float, said: str) -> None:
    advice = clock_advice(Contact(round_trip=0.01, clock_offset=clock_offset))

    assert advice.startswith(said)
    assert "timedatectl set-ntp true" in advice

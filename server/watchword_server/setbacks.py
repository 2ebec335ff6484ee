"""What a person reads when the first code was not taken: what is wrong, and what to do now. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from watchword_otp import Kind
from watchword_server.resync import Finding
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from watchword_server.enrolment import Confirmation
    from watchword_server.resync import Diagnosis
    from watchword_server.store.records import StoredKey

_UNITS = {Finding.PERIOD: " seconds", Finding.DIGITS: " digits"}


@dataclass(frozen=True, slots=True)
class Setback:
    """Why the code was not taken."""

    text: str
    """Sentences."""
    status: int
    """Of the answer."""
    wait: int = 0
    """Seconds in which no code is taken; 0 if the next one may come at once."""


def setback_of(confirmation: Confirmation) -> Setback:
    """Say why a first code was not accepted; none of it tells more than the page itself holds."""
    decision, stored = confirmation.decision, confirmation.stored
    match decision.verdict:
        case Verdict.LOCKED:
            wait = decision.locked_for or 0
            return Setback("Too many wrong codes in a row.", HTTPStatus.TOO_MANY_REQUESTS, wait)
        case Verdict.DISABLED:
            text = (
                "Too many wrong codes in a row: no more are taken. Ask whoever sent you this link to"
                " unlock the key, then type a new code here."
            )
            return Setback(text, HTTPStatus.LOCKED)
        case Verdict.MALFORMED:
            shown = "characters" if stored.kind is Kind.STEAM else "digits"
            text = f"That is not a whole code. Type the {stored.digits} {shown} that the app shows now."
            return Setback(text, HTTPStatus.UNPROCESSABLE_ENTITY)
        case _:
            text = _advice(stored, confirmation.diagnosis)
            if decision.attempts_left == 1:
                text += " After one more wrong code you have to wait."
            return Setback(text, HTTPStatus.UNPROCESSABLE_ENTITY, decision.locked_for or 0)


def in_words(seconds: int) -> str:
    """A time to wait as people say it: "30 seconds", "4 minutes", rounded up."""
    if seconds < 120:  # noqa: PLR2004 - from two minutes on, seconds are noise
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{-(-seconds // 60)} minutes"


def _advice(stored: StoredKey, diagnosis: Diagnosis | None) -> str:
    """What to do about a wrong code. Whoever confirms has seen the secret, so it may be told."""
    if diagnosis is None or diagnosis.finding is Finding.NOTHING:
        return "This code is not right. Wait for the next one that the app shows, and type that."
    if diagnosis.finding is not Finding.CLOCK:
        unit = _UNITS.get(diagnosis.finding, "")
        return (
            f"Your app has the right key but works with {diagnosis.used}{unit} instead of"
            f" {diagnosis.expected}{unit}. Add the key to another authenticator app."
        )
    steps = diagnosis.offset or 0
    direction = "ahead" if steps > 0 else "behind"
    if stored.kind is Kind.HOTP:
        return (
            f"Your app is {abs(steps)} codes {direction}. Remove the account from it, add it again from"
            " this page, and type the first code it shows."
        )
    distance = in_words(abs(steps) * stored.period)
    return (
        f"The clock of the device with the app is about {distance} {direction}. Set it to automatic"
        " time, then type the next code."
    )

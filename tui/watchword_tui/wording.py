"""The words for a verdict: the same on the screen, in a toast and on the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from watchword_otp import clean_label
from watchword_otp.value import Value
from watchword_tui.answers import Reason
from watchword_tui.errors import (
    LockedError,
    MalformedCodeError,
    NotWatchwordError,
    UnauthorisedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from watchword_tui.answers import Checked, Contact
    from watchword_tui.errors import WatchwordError
    from watchword_tui.settings import ServerProfile


class Tone(StrEnum):
    """What a verdict means to the person, beyond its words; each has its sign and its colour."""

    GOOD = "good"
    BAD = "bad"
    UNCERTAIN = "uncertain"
    """Not judged: nobody said yes or no."""

    @property
    def sign(self) -> str:
        """The sign that says the same as the colour."""
        return _SIGNS[self]

    @property
    def severity(self) -> Literal["information", "warning", "error"]:
        """How a toast shows it."""
        return _SEVERITIES[self]


_MAX_WHY = 40
"""Most characters of the server's own words: the line they stand in has 80."""

_SIGNS = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.UNCERTAIN: "!"}
_SEVERITIES: dict[Tone, Literal["information", "warning", "error"]] = {
    Tone.GOOD: "information",
    Tone.BAD: "error",
    Tone.UNCERTAIN: "warning",
}


class Verdict(Value, frozen=True):
    """A verdict in words."""

    tone: Tone
    title: str
    """Two or three words: "Accepted", "Not valid"."""
    detail: str
    """Why, how far off, how long it took; may be empty."""


def verdict_of(checked: Checked) -> Verdict:
    """Put a server's verdict into words."""
    answer = checked.answer
    milliseconds = f"{checked.contact.round_trip * 1000:.0f} ms"
    if answer.valid:
        words = [] if answer.offset is None else [offset_words(answer.offset)]
        return Verdict(Tone.GOOD, "Accepted", ", ".join([*words, milliseconds]))
    words = []
    if answer.reason is Reason.REPLAYED:
        ago = "" if answer.used_ago is None else f" {ago_words(answer.used_ago)}"
        words.append(f"already used{ago}")
    elif answer.locked_for:
        words.append(f"locked for {answer.locked_for:.0f} s now")
    elif answer.attempts_left is not None:
        why = clean_label(answer.diagnosis or "", _MAX_WHY) or "wrong code"
        words.append(f"{why}, {tries_words(answer.attempts_left)}")
    if checked.contact.clock_is_off and answer.reason is not Reason.REPLAYED:
        words.append(clock_words(checked.contact))
    return Verdict(Tone.BAD, "Not valid", ", ".join([*words, milliseconds]))


def verdict_of_error(error: WatchwordError) -> Verdict:
    """Put into words why there is no verdict."""
    title = "No verdict"
    if isinstance(error, LockedError):
        title = "Locked"
    elif isinstance(error, MalformedCodeError):
        title = "Not a code"
    elif isinstance(error, UnauthorisedError):
        title = "Not authorised"
    elif isinstance(error, UnreachableError):
        title = "Unreachable"
    elif isinstance(error, NotWatchwordError):
        title = "Not Watchword"
    return Verdict(Tone.UNCERTAIN, title, str(error))


def offset_words(offset: int) -> str:
    """Say how far the code's clock is from the server's, in steps."""
    if offset == 0:
        return "on time"
    steps = "step" if abs(offset) == 1 else "steps"
    return f"{abs(offset)} {steps} {'ahead' if offset > 0 else 'behind'}"


def ago_words(seconds: float) -> str:
    """Say how long ago something was."""
    if seconds < 1:
        return "just now"
    if seconds < 120:  # noqa: PLR2004 - two minutes and more read better as minutes
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago"


def tries_words(left: int) -> str:
    """Say how many wrong codes the key still forgives."""
    return "1 try left" if left == 1 else f"{left} tries left"


def clock_words(contact: Contact) -> str:
    """Say how our clock stands to the server's."""
    offset = contact.clock_offset
    if offset is None:
        return "clock unknown"
    if not contact.clock_is_off:
        return "clock ok"
    return f"this clock is {abs(offset):.0f} s {'fast' if offset > 0 else 'slow'}"


def clock_advice(contact: Contact) -> str:
    """Say what to do about a clock that is off."""
    worse = "refused as old" if (contact.clock_offset or 0) < 0 else "refused as not yet valid"
    return (
        f"{clock_words(contact).capitalize()}: codes will be {worse}."
        " Set it, for example with: timedatectl set-ntp true"
    )


def contact_words(
    profile: ServerProfile, contact: Contact | None, trouble: WatchwordError | None
) -> tuple[str, bool]:
    """Say how a server stands, and whether the person must know: gone, or of another time."""
    server = profile.name
    if isinstance(trouble, UnreachableError):
        return ("no server", False) if profile.implied else (f"{server} not reached", True)
    if trouble is not None:
        return trouble.message, True
    if contact is None:
        return server, False
    if contact.clock_is_off:
        return f"{clock_words(contact)}: codes will be refused", True
    return f"{server}   {contact.round_trip * 1000:.0f} ms   {clock_words(contact)}", False

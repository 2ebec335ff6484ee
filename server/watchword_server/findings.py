"""What a look at the server's parts has shown, and what to do about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How one thing is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and should be changed all the same."""
    WRONG = "wrong"
    """It does not work, or lets in who should stay out."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    subject: str
    state: State
    detail: str
    """What was found."""
    advice: str = ""
    """What to do, unless it is ok."""


def ok(subject: str, detail: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, State.OK, detail)


def warning(subject: str, detail: str, advice: str) -> Finding:
    """Something to change."""
    return Finding(subject, State.WARNING, detail, advice)


def wrong(subject: str, detail: str, advice: str) -> Finding:
    """Something that must be mended."""
    return Finding(subject, State.WRONG, detail, advice)

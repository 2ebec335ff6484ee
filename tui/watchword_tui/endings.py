"""When the screen locks and the app leaves by itself. Pure: the times are handed in."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from watchword_otp.value import Value

if TYPE_CHECKING:
    from watchword_tui.settings import Settings

_FAR_LOCK = 900
_FAR_EXIT = 900
_FAR_SESSION = 8 * 3600
_WARNING = 300
_MINUTE = 60
_HOUR = 3600


class Due(Enum):
    """What has to be done now."""

    NOTHING = 0
    WARN = 1
    """Tell that the session will end."""
    LEAVE = 2


class Limits(Value, frozen=True):
    """How long the app stays; seconds, 0 is for ever."""

    lock_after: int
    """Without a key press."""
    exit_after: int
    """Without a key press."""
    session: int
    """Whatever is pressed."""


def limits_of(settings: Settings, *, typed: bool) -> Limits:
    """What the settings come to here and now.

    Args:
        settings: At somebody else's terminal what is not set has other defaults.
        typed: Whether a passphrase is typed to open the vault. At somebody else's terminal it is then
            dropped after 15 min at most: who typed it may be far from there, and cannot see to it.
    """
    lock_after = settings.lock_after
    if settings.far is None:
        return Limits(lock_after, settings.exit_after or 0, settings.session_limit or 0)
    if typed:
        lock_after = min(lock_after or _FAR_LOCK, _FAR_LOCK)
    return Limits(
        lock_after,
        _FAR_EXIT if settings.exit_after is None else settings.exit_after,
        _FAR_SESSION if settings.session_limit is None else settings.session_limit,
    )


class Ending:
    """How near the end is: by the time since the last key press, and since the start.

    Args:
        limits: How long the app stays.
        started: When it started, Unix seconds.
    """

    def __init__(self, limits: Limits, started: float) -> None:
        self.limits = limits
        self.started = started
        self.why = ""
        """Words for what `due` gave, a sentence."""
        self._warned = False

    def due(self, now: float, last_input: float) -> Due:
        """What has to be done at `now`, if somebody last typed at `last_input` (Unix seconds)."""
        exit_after, most = self.limits.exit_after, self.limits.session
        if exit_after and now - last_input >= exit_after:
            self.why = f"Nobody typed for {duration_words(exit_after)}."
            return Due.LEAVE
        if not most:
            return Due.NOTHING
        # A clock that was set back does not make a session longer than the step.
        self.started = min(self.started, now)
        left = self.started + most - now
        if left <= 0:
            self.why = f"A session lasts {duration_words(most)}."
            return Due.LEAVE
        if left <= min(_WARNING, most / 2) and not self._warned:
            self._warned = True
            self.why = f"This session ends in {duration_words(round(left))}."
            return Due.WARN
        return Due.NOTHING


def duration_words(seconds: int) -> str:
    """A length of time for people: "45 s", "5 min", "8 h"."""
    if seconds >= _HOUR and seconds % _HOUR == 0:
        return f"{seconds // _HOUR} h"
    return f"{seconds / _MINUTE:.0f} min" if seconds >= _MINUTE else f"{seconds} s"

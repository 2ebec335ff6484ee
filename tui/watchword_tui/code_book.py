"""Which code of each account may be on the screen now; each is made once a step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from watchword_otp import Kind, step_at
from watchword_tui.accounts import grouped, live_code

if TYPE_CHECKING:
    from watchword_otp import Key
    from watchword_tui.accounts import Account
    from watchword_tui.listing import Line

HOTP_SECONDS = 60
"""How long a code that was counted stays on the screen, unless the highlight moves before."""

_DOT = "•"


class Look(msgspec.Struct, frozen=True):
    """What is shown of an account's code from `since` until `until` (Unix seconds)."""

    code: str
    """The code; empty for a HOTP account until its next one is asked for."""
    next_code: str
    """The code after it; empty for HOTP, whose codes are counted when they are shown."""
    hidden: bool
    """Whether dots stand for both."""
    counter: int | None
    """HOTP: the counter of `code`, or of the one that comes next."""
    since: float
    until: float

    @property
    def text(self) -> str:
        """The code in groups, or dots in its place."""
        return grouped(_DOT * len(self.code) if self.hidden else self.code)


class CodeBook:
    """Makes codes for the lines that are looked at, and remembers what was asked for.

    Args:
        hidden: Whether codes are dots until asked for.
    """

    def __init__(self, *, hidden: bool = False) -> None:
        self.hidden = hidden
        self._looks: dict[str, Look] = {}
        self._revealed: dict[str, int] = {}
        self._counted: tuple[str, Look] | None = None
        self._counters: dict[Key, int] = {}

    def look(self, line: Line, now: float) -> Look | None:
        """What is shown of a line at `now` (Unix seconds); None for a row without an account."""
        if line.account is None:
            return None
        look = self._looks.get(line.identity)
        if look is None or not look.since <= now < look.until:
            look = self._looks[line.identity] = self._make(line.identity, line.account.key, now)
        return look

    def turn(self, now: float) -> bool:
        """Drop what is over at `now` (Unix seconds); tell whether anything was."""
        over = [name for name, look in self._looks.items() if not look.since <= now < look.until]
        for name in over:
            del self._looks[name]
        return bool(over)

    def forget(self) -> None:
        """Make every code anew: the accounts changed."""
        self._looks.clear()

    def toggle_hidden(self) -> None:
        """Show dots in the place of codes, or no more."""
        self.hidden = not self.hidden
        self._revealed.clear()
        self._looks.clear()

    def reveal(self, line: Line, now: float) -> None:
        """Show a hidden code until its step ends."""
        if line.account is not None:
            self._revealed[line.identity] = step_at(line.account.key, now)
            self._looks.pop(line.identity, None)

    def count(self, account: Account) -> Account:
        """Count a HOTP account on for this run only; give it as it was before."""
        counter = self._counters.get(account.key, account.key.counter)
        self._counters[account.key] = counter + 1
        return replace(account, key=replace(account.key, counter=counter))

    def show_counted(self, line: Line, key: Key, now: float) -> None:
        """Show the code of a HOTP key, whose counter has been moved on, for a while."""
        live = live_code(key, now)
        until = now + HOTP_SECONDS
        look = Look(live.code, "", hidden=False, counter=key.counter, since=-math.inf, until=until)
        self._counted = (line.identity, look)
        self._looks[line.identity] = look

    def moved(self, to: Line | None) -> bool:
        """Hide a counted code once another line is highlighted; tell whether there was one."""
        if self._counted is None or (to is not None and to.identity == self._counted[0]):
            return False
        self._looks.pop(self._counted[0], None)
        self._counted = None
        return True

    def _make(self, identity: str, key: Key, now: float) -> Look:
        if key.kind is Kind.HOTP:
            if self._counted is not None and self._counted[0] == identity:
                if now < self._counted[1].until:
                    return self._counted[1]
                self._counted = None
            counter = self._counters.get(key, key.counter)
            return Look("", "", hidden=False, counter=counter, since=-math.inf, until=math.inf)
        live = live_code(key, now)
        hidden = self.hidden and self._revealed.get(identity) != live.moving_factor
        # Steps before 1970 do not exist: all of that time is step 0.
        since = live.moving_factor * key.period if live.moving_factor else -math.inf
        until = (live.moving_factor + 1) * key.period
        return Look(live.code, live.next_code, hidden, counter=None, since=since, until=until)

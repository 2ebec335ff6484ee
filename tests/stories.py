"""The verifier's rules once more: what was used is a set of steps, and what is not above it is stale."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

from watchword_otp import Key, Kind, code_at
from watchword_server.verifier import Verdict

LOCKS = (0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600)
"""Seconds after each failure in a row; the last one for all that follow."""

STEAM = "23456789BCDFGHJKMNPQRTVWXY"


@cache
def drawn(key: Key, step: int) -> str:
    return code_at(key, step)


@dataclass
class Story:
    """What happened to one key."""

    key: Key
    window: int
    used: set[int] = field(default_factory=set)
    accepted: list[int] = field(default_factory=list)
    failures: int = 0
    opens_at: float = 0.0
    """Before 1970 nothing opens."""
    drift: int = 0

    def here(self, now: float) -> int:
        """The step it is, or the counter that comes next."""
        if self.key.kind is Kind.HOTP:
            return max(self.used, default=-1) + 1
        return max(0, math.floor(now / self.key.period))

    def in_reach(self, now: float) -> set[int]:
        here = self.here(now)
        if self.key.kind is Kind.HOTP:
            # One before the window, so that the last code is known again.
            return {each for each in range(here - 1 - self.window, here + self.window + 1) if each >= 0}
        centre = here + self.drift
        steps = {max(0, each) for each in range(centre - self.window, centre + self.window + 1)}
        return steps | {max(self.used)} if self.used else steps

    def is_stale(self, step: int) -> bool:
        return any(each >= step for each in self.used)

    def is_form(self, sent: str) -> bool:
        letters = STEAM if self.key.kind is Kind.STEAM else "0123456789"
        return len(sent) == self.key.digits and all(each in letters for each in sent)

    def shut(self, now: float) -> Verdict | None:
        if self.failures >= 100:
            return Verdict.DISABLED
        return Verdict.LOCKED if now < self.opens_at else None

    def verdict(self, sent: str, now: float) -> tuple[Verdict, int | None]:
        """What a check would say, and the step it is about; changes nothing."""
        shut = self.shut(now)
        if shut is not None:
            return shut, None
        if not self.is_form(sent):
            return Verdict.MALFORMED, None
        matching = [step for step in self.in_reach(now) if drawn(self.key, step) == sent]
        if not matching:
            return Verdict.WRONG, None
        step = max(matching)
        return (Verdict.REPLAYED if self.is_stale(step) else Verdict.ACCEPTED), step

    def check(self, sent: str, now: float) -> tuple[Verdict, int | None]:
        verdict, step = self.verdict(sent, now)
        offset = None if step is None else step - self.here(now)
        if verdict is Verdict.WRONG:
            self.fail(now)
        elif verdict is Verdict.ACCEPTED and step is not None:
            self.use(step)
        return verdict, offset

    def examine(self, sent: str, now: float) -> Verdict:
        verdict, _ = self.verdict(sent, now)
        if verdict in {Verdict.ACCEPTED, Verdict.WRONG, Verdict.MALFORMED}:
            self.fail(now)
        return verdict

    def resync(self, first: str, second: str, now: float) -> Verdict:
        shut = self.shut(now)
        if shut is not None:
            return shut
        if not (self.is_form(first) and self.is_form(second)):
            return Verdict.MALFORMED
        here = self.here(now)
        pairs = [
            step
            for step in range(max(0, here - 100), here + 101)
            if (drawn(self.key, step), drawn(self.key, step + 1)) == (first, second)
        ]
        if not pairs:
            self.fail(now)
            return Verdict.WRONG
        step = max(pairs)
        if self.is_stale(step):
            return Verdict.REPLAYED
        self.use(step)
        self.use(step + 1)
        if self.key.kind is not Kind.HOTP:
            self.drift = step + 1 - here
        return Verdict.ACCEPTED

    def use(self, step: int) -> None:
        self.used.add(step)
        self.accepted.append(step)
        self.forgive()

    def forgive(self) -> None:
        self.failures, self.opens_at = 0, 0.0

    def fail(self, now: float) -> None:
        self.failures += 1
        seconds = LOCKS[min(self.failures, len(LOCKS)) - 1]
        if seconds:
            self.opens_at = math.floor(now) + seconds

"""Request limits: a generic cell rate algorithm (ITU-T I.371), one bucket for each sender.

Written here, since the libraries for it read their own clock and start timer threads.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BUCKETS = 16_384
"""Most senders remembered; the one seen longest ago is forgotten first."""

_MINUTE = 60.0
_ROUNDING = 1e-6
"""Seconds by which Unix time in a float may be off."""


@dataclass(frozen=True, slots=True)
class Policy:
    """So many a minute, and half of them, rounded up, at once."""

    name: str
    per_minute: int
    """At least 1."""

    @property
    def burst(self) -> int:
        """How many may come at once after a silence."""
        return math.ceil(self.per_minute / 2)

    @property
    def interval(self) -> float:
        """Seconds after which one more is allowed."""
        return _MINUTE / self.per_minute

    @property
    def header(self) -> str:
        """The policy as `RateLimit-Policy` says it (draft-ietf-httpapi-ratelimit-headers)."""
        return f'"{self.name}";q={self.burst};w={math.ceil(self.burst * self.interval)}'


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sender stands with a policy."""

    policy: Policy
    allowed: bool
    remaining: int
    """How many more are allowed now."""
    retry_in: int
    """Seconds until one more is allowed; 0 if it is now."""
    full_in: int
    """Seconds until all of the burst is allowed again."""

    @property
    def header(self) -> str:
        """The standing as `RateLimit` says it."""
        return f'"{self.policy.name}";r={self.remaining};t={self.full_in}'


class Buckets:
    """The buckets of many senders. A full bucket is not kept."""

    def __init__(self, clock: Callable[[], float], capacity: int = MAX_BUCKETS) -> None:
        """Measure by `clock`, in seconds, and remember `capacity` senders at most."""
        self._clock = clock
        self._capacity = capacity
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def __contains__(self, sender: str) -> bool:
        """Tell whether the sender's bucket may be less than full."""
        return sender in self._full_at

    def look(self, sender: str, policy: Policy) -> Standing:
        """Where `sender` stands, without taking anything."""
        now, full_at = self._times(sender, policy)
        return _standing(policy, now, full_at, allowed=_is_allowed(policy, now, full_at))

    def take(self, sender: str, policy: Policy) -> Standing:
        """Take one out of the sender's bucket, if it holds one, and tell where that leaves it."""
        now, full_at = self._times(sender, policy)
        allowed = _is_allowed(policy, now, full_at)
        if allowed:
            full_at += policy.interval
            self._full_at[sender] = full_at
            self._full_at.move_to_end(sender)
            if len(self._full_at) > self._capacity:
                self._full_at.popitem(last=False)
        return _standing(policy, now, full_at, allowed=allowed)

    def _times(self, sender: str, policy: Policy) -> tuple[float, float]:
        now = self._clock()
        full_at = self._full_at.get(sender, now)
        if full_at <= now:
            self._full_at.pop(sender, None)
            return now, now
        # A clock that was set back must not keep anyone out for longer than an empty bucket does.
        self._full_at[sender] = full_at = min(full_at, now + policy.burst * policy.interval)
        return now, full_at


def _is_allowed(policy: Policy, now: float, full_at: float) -> bool:
    return full_at + policy.interval <= now + policy.burst * policy.interval + _ROUNDING


def _standing(policy: Policy, now: float, full_at: float, *, allowed: bool) -> Standing:
    missing = full_at - now
    free_in = missing - (policy.burst - 1) * policy.interval
    return Standing(
        policy=policy,
        allowed=allowed,
        remaining=max(0, math.floor(policy.burst - missing / policy.interval + _ROUNDING)),
        retry_in=0 if allowed else max(1, math.ceil(free_in - _ROUNDING)),
        full_in=math.ceil(missing - _ROUNDING),
    )

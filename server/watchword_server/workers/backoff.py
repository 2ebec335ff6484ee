"""How long to wait before a worker that ended is started again."""

from __future__ import annotations

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0

ENOUGH_SECONDS = 60.0
"""A worker that lived this long has shown that it can: the next wait is the first again."""


class Backoff:
    """The waits of one worker: 1 s, doubling to 30 s."""

    def __init__(self) -> None:
        """The next wait is the first."""
        self._next = FIRST_SECONDS
        self.in_vain = 0
        """How many starts in a row, up to now, have ended before the worker listened."""

    def ended(self, *, listened: bool, lived: float) -> float:
        """Seconds to wait, after a worker that lived for `lived` seconds and perhaps listened."""
        self.in_vain = 0 if listened else self.in_vain + 1
        wait = FIRST_SECONDS if lived >= ENOUGH_SECONDS else self._next
        self._next = min(wait * 2, LONGEST_SECONDS)
        return wait

"""When to try a database that failed: not for a while, longer each time, and then one at a time.

All others are told so at once. Who waits for a database that is not there keeps others waiting, and
when it comes it needs no storm.
"""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

from watchword_server.store.postgres_errors import FAILURES
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds without a new try after a failure: doubled each time."""

_MOST_COUNTED = 16


class Patience:
    """What is known of a database's failures."""

    def __init__(
        self,
        explain: Callable[[Exception], StoreError],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know of none; `explain` says in words what one of them means, `clock` gives seconds."""
        self._clock = clock
        self._explain = explain
        self._last = explain(ConnectionError())
        self._failures = 0
        self._not_before = float("-inf")
        self._is_tried = False

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Try something in this block that shows whether the database is there.

        Raises:
            StoreError: The last failure is fresh, or another tries already.
        """
        if not self._failures:
            with self._judged():
                yield
            return
        if self._is_tried or self._clock() < self._not_before:
            raise StoreError(str(self._last), self._last.cause)
        self._is_tried = True
        try:
            with self._judged():
                yield
        finally:
            self._is_tried = False

    def fail(self, error: Exception) -> None:
        """Note a failure."""
        self._last = self._explain(error)
        pause = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE)
        self._failures = min(self._failures + 1, _MOST_COUNTED)
        # Not all nodes at once.
        self._not_before = self._clock() + pause * random.uniform(0.5, 1)  # noqa: S311 - no secret

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            self.fail(error)
            raise
        self._failures = 0

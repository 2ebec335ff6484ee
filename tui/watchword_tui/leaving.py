"""Sees to it that the app goes when its terminal goes or it is told to, whatever it is doing just then.

A thread waits for both at no cost. It asks the app to leave; where that takes too long, because a
terminal takes no more text or a calculation does not end, it ends the process. Files stay whole: they
are written beside the old ones and renamed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PATIENCE = 0.7
"""Seconds the app has to leave in order."""

_SIGNALS = (signal.SIGHUP, signal.SIGTERM)
_TERMINAL = 0
_CUT_SHORT = 1
"""The exit status of an app that had to be ended."""

_TOLD, _DONE = b"t", b"d"


class Leaving:
    """Waits for the ends that do not come from a person.

    Args:
        leave: Asks the app to leave; called in another thread, returns at once.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self.has_hung_up = False
        """Whether the terminal is gone: nothing can be written any more."""
        self._done = threading.Event()
        self._ear, self._bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._wait, name="leaving", daemon=True)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Wait while the app runs; in the main thread, for signals come to no other."""
        before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        self._thread.start()
        try:
            yield
        finally:
            self._done.set()
            os.write(self._bell, _DONE)
            self._thread.join()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._ear)
            os.close(self._bell)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - given by Python
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell, _TOLD)

    def _wait(self) -> None:
        waiting = select.poll()
        waiting.register(self._ear, select.POLLIN)
        # SIGHUP does not come where it is ignored, or without a controlling terminal.
        waiting.register(_TERMINAL, select.POLLHUP)
        ready = {descriptor for descriptor, _ in waiting.poll()}
        self.has_hung_up = _TERMINAL in ready
        if not self.has_hung_up and os.read(self._ear, 1) == _DONE:
            return
        self._leave()
        if not self._done.wait(PATIENCE):
            os._exit(_CUT_SHORT)

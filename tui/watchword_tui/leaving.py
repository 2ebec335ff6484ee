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
import termios
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PATIENCE = 0.7
"""Seconds the app has to leave in order."""

_SIGNALS = (signal.SIGHUP, signal.SIGTERM)
_TERMINAL, _OUTPUT = 0, 2
_CUT_SHORT = 1
"""The exit status of an app that had to be ended."""

_TOLD, _DONE = b"t", b"d"

_RESET = (
    b"\x1b[?2004l\x1b[?7h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?2048l"
    b"\x1b[?2026l\x1b[<u\x1b[?1049l\x1b[?25h\x1b[?1004l\x1b[0m"
)
"""Takes back what Textual sets of a terminal: pasting, mouse, keys, screen, cursor and so on."""


class Leaving:
    """Waits for the ends that do not come from a person.

    Args:
        leave: Asks the app to leave; called in another thread, returns at once.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._done = threading.Event()
        self._ear, self._bell = os.pipe()
        os.set_blocking(self._bell, False)
        self._thread = threading.Thread(target=self._wait, name="leaving", daemon=True)
        self._before = termios.tcgetattr(_TERMINAL)

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
        # Many signals fill the pipe; the first will do.
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell, _TOLD)

    def _wait(self) -> None:
        waiting = select.poll()
        waiting.register(self._ear, select.POLLIN)
        # SIGHUP does not come where it is ignored, or without a controlling terminal.
        waiting.register(_TERMINAL, select.POLLHUP)
        ready = dict(waiting.poll())
        if ready.get(_TERMINAL, 0) & select.POLLNVAL:
            # A system that cannot wait for terminals.
            waiting.unregister(_TERMINAL)
            ready = dict(waiting.poll())
        if _TERMINAL not in ready and os.read(self._ear, 1) == _DONE:
            return
        self._leave()
        if not self._done.wait(PATIENCE):
            self._restore()
            os._exit(_CUT_SHORT)

    def _restore(self) -> None:
        """Put the terminal right as far as it lets that happen at once."""
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(_TERMINAL, termios.TCSANOW, self._before)
            # Others hold the same terminal: it is given back as it was.
            was = os.get_blocking(_OUTPUT)
            os.set_blocking(_OUTPUT, False)
            try:
                os.write(_OUTPUT, _RESET)
            finally:
                os.set_blocking(_OUTPUT, was)


def has_hung_up() -> bool:
    """Whether the terminal is gone, so that nothing can be written any more."""
    looking = select.poll()
    looking.register(_TERMINAL, select.POLLHUP)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in looking.poll(0))

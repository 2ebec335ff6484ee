"""What ends a server: signals, and for a parent process the end of standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading


def stop_signal(*, stop_on_eof: bool) -> asyncio.Event:
    """An event that SIGTERM, SIGINT or, if asked, the end of standard input sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stop_on_eof:
        # A thread, since standard input may be a file, which event loops cannot wait for.
        threading.Thread(target=_await_eof, args=(loop, stop), daemon=True).start()
    return stop


def _await_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(sys.__stdin__.fileno() if sys.__stdin__ else -1, 4096):
            pass
    # The loop is closed when something else stopped the server first.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)

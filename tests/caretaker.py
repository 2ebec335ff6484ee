"""Outlives the tests by a moment: ends the programs they left running, and removes their folder.

    python caretaker.py FOLDER

It is told on its standard input, a line for each: `+PID` when a program has been started, `-PID` when
it has ended. That input ends with the tests, however they end: also by a SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time

from processes import is_running

_GRACE = 10.0
"""Seconds that programs have between SIGQUIT, at which databases drop everything, and SIGKILL."""


def main(folder: str) -> None:
    """Wait for the end of the tests, and put things in order."""
    running: set[int] = set()
    for line in sys.stdin:
        (running.add if line[0] == "+" else running.discard)(int(line[1:]))
    for pid in running:
        _signal(pid, signal.SIGQUIT)
        # A stopped one would hear nothing.
        _signal(pid, signal.SIGCONT)
    deadline = time.monotonic() + _GRACE
    while running and time.monotonic() < deadline:
        running = {pid for pid in running if is_running(pid)}
        time.sleep(0.01)
    for pid in running:
        _signal(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    main(sys.argv[1])

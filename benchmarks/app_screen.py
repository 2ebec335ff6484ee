"""The app on a real pty: how soon it shows something, and what it costs while nobody types."""

from __future__ import annotations

import os
import re
import select
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte
from benchmarks.harness import (
    BIN,
    Figure,
    UnavailableError,
    interleaved,
    milliseconds,
    one_account,
    plain_environment,
    say,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, COLUMNS = 24, 80
ROUNDS = 11
SETTLE_SECONDS = 3
IDLE_SECONDS = 60
"""Two whole periods of a 30 s key, so that every second of one counts alike."""

ONE_LINE_APP = """
from textual.app import App
from textual.widgets import Static
type("One", (App,), {"compose": lambda self: [Static("ready")]})().run()
"""


def measure(folder: Path) -> list[Figure]:
    """Time first frames in turns, then watch the idle app."""
    app = [str(BIN / "watchword"), "--accounts", str(one_account(folder))]
    one_line = [str(BIN / "python"), "-c", ONE_LINE_APP]
    apps, one_lines = interleaved(
        ROUNDS,
        lambda: _first_frame(app, folder, _shows_a_code),
        lambda: _first_frame(one_line, folder, lambda text: "ready" in text),
    )
    say(f"watching the idle app for {IDLE_SECONDS} s")
    idle = _watch_idle(app, folder)
    return [
        Figure(
            name="first frame / one-line Textual app",
            value=statistics.median(apps) / statistics.median(one_lines),
            unit="times",
            goal=1.3,
            basis=f"{milliseconds(apps)} against {milliseconds(one_lines)}, median of {ROUNDS}",
        ),
        Figure(
            name="idle app, terminal",
            value=idle.written / idle.seconds,
            unit="bytes/s",
            goal=250,
            basis=f"{idle.written} bytes in {idle.seconds:.0f} s, one account, {COLUMNS}x{ROWS}",
        ),
        Figure(
            name="idle app, processor",
            value=100 * idle.processor / idle.seconds,
            unit="% of a core",
            goal=1,
            basis=f"{idle.processor * 1e3:.0f} ms in {idle.seconds:.0f} s, user and system",
        ),
    ]


@dataclass(frozen=True)
class _Idle:
    """What an app did in a while without input."""

    seconds: float
    written: int
    processor: float
    """Seconds of processor time."""


class _Terminal:
    """A program on a pty of its own; what it writes is kept with its time and read off later.

    Drawing the screen while the program starts would take processor time from it.
    """

    def __init__(self, command: list[str], folder: Path) -> None:
        self.started = time.perf_counter()
        self._child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(folder),
            env={**plain_environment(folder), "PWD": str(folder)},
            dimensions=(ROWS, COLUMNS),
        )
        self.written: list[tuple[float, bytes]] = []

    @property
    def pid(self) -> int:
        """The program's process."""
        assert self._child.pid is not None
        return self._child.pid

    def read(self, seconds: float) -> bool:
        """Take what is written in the next `seconds`; tell whether the program still runs."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._child.child_fd], [], [], left)[0]:
                try:
                    chunk = os.read(self._child.child_fd, 65536)
                except OSError:
                    return False
                self.written.append((time.perf_counter(), chunk))
        return True

    def close(self) -> None:
        """End the program."""
        self._child.close(force=True)


def _shows_a_code(text: str) -> bool:
    return "Example" in text and re.search(r"\b\d{3} ?\d{3}\b", text) is not None


def _first_frame(command: list[str], folder: Path, shows: Callable[[str], bool]) -> float:
    """Seconds from the start of a program until its screen shows what it is for."""
    terminal = _Terminal(command, folder)
    try:
        terminal.read(1.5)
    finally:
        terminal.close()
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    for at, chunk in terminal.written:
        stream.feed(chunk)
        if shows("\n".join(screen.display)):
            return at - terminal.started
    raise UnavailableError(f"{Path(command[0]).name} did not show its first frame in 1.5 s")


def _watch_idle(command: list[str], folder: Path) -> _Idle:
    terminal = _Terminal(command, folder)
    try:
        running = terminal.read(SETTLE_SECONDS)
        terminal.written.clear()
        started, before = time.perf_counter(), _processor_seconds(terminal.pid)
        running = running and terminal.read(IDLE_SECONDS)
        seconds, after = time.perf_counter() - started, _processor_seconds(terminal.pid)
    finally:
        terminal.close()
    if not running:
        raise UnavailableError("the app did not stay open")
    return _Idle(seconds, sum(len(chunk) for _, chunk in terminal.written), after - before)


def _processor_seconds(pid: int) -> float:
    """Processor time of a process so far, from fields 14 and 15 of its stat file (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        raise UnavailableError("processor time is read from /proc, which is not here") from None
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

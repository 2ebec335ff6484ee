"""Programs on a pty of their own: when they show something, what they write, what they cost."""

from __future__ import annotations

import os
import select
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte
from benchmarks.figures import Series, single
from benchmarks.harness import UnavailableError, plain_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.bench import Bench

ROWS, COLUMNS = 24, 80

ONE_LINE_APP = """
from textual.app import App
from textual.widgets import Static
type("One", (App,), {"compose": lambda self: [Static("ready")]})().run()
"""
"""The least a Textual app can be: what others are measured by."""

ONE_LINE = "a one-line Textual app"
"""What that is called in the report."""

FRAME_SECONDS = 1.5
LONGEST_LOOKS = 8
"""On a busy machine a program takes longer than it usually does."""
SETTLE_SECONDS = 3


@dataclass(frozen=True)
class Idle:
    """What a program did in a while without input."""

    seconds: float
    written: int
    """Bytes."""
    processor: float
    """Seconds of processor time, user and system."""
    memory: int
    """Bytes of memory that are resident, at the end."""


class Terminal:
    """A program on a pty; what it writes is kept with its time and read off later.

    Drawing the screen while the program works would take processor time from it.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self.started = time.perf_counter()
        self._child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0],
            list(command[1:]),
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

    def press(self, keys: bytes) -> float:
        """Type keys; give the time."""
        now = time.perf_counter()
        os.write(self._child.child_fd, keys)
        return now

    def read(
        self, seconds: float, *, until_quiet: float | None = None, until: bytes | None = None
    ) -> bool:
        """Take what is written in the next `seconds`; tell whether the program still runs.

        With `until_quiet`, end as soon as something was written and then nothing for so long; with
        `until`, as soon as this was written.
        """
        end = time.perf_counter() + seconds
        wrote = False
        while (left := end - time.perf_counter()) > 0:
            wait = until_quiet if until_quiet is not None and wrote else left
            if select.select([self._child.child_fd], [], [], min(left, wait))[0]:
                try:
                    chunk = os.read(self._child.child_fd, 65536)
                except OSError:
                    return False
                self.written.append((time.perf_counter(), chunk))
                wrote = True
                if until is not None and until in chunk:
                    return True
            elif wait is not left:
                return True
        return True

    def close(self) -> None:
        """End the program."""
        self._child.close(force=True)


def first_frame(
    command: Sequence[str],
    folder: Path,
    shows: Callable[[str], bool],
    *,
    seconds: float = FRAME_SECONDS,
    until: bytes | None = None,
) -> float:
    """Seconds from the start of a program until its screen shows what it is for.

    Args:
        command: The program.
        folder: Its home.
        shows: Whether a screen is the one that is waited for.
        seconds: Between two looks at the screen, for looking takes processor time from the program:
            longer than it usually takes.
        until: A piece of output after which it is looked at once more before `seconds` are over.

    Raises:
        UnavailableError: It is not shown in `LONGEST_LOOKS` looks.
    """
    terminal = Terminal(command, folder)
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    try:
        for _ in range(LONGEST_LOOKS):
            running = terminal.read(seconds, until=until)
            for at, chunk in terminal.written:
                stream.feed(chunk)
                if shows("\n".join(screen.display)):
                    return at - terminal.started
            terminal.written.clear()
            if not running:
                break
    finally:
        terminal.close()
    raise UnavailableError(f"{Path(command[0]).name} did not show what it is for")


def watch_idle(command: Sequence[str], folder: Path, seconds: float) -> Idle:
    """See what a program does while nobody types, once it has settled."""
    terminal = Terminal(command, folder)
    try:
        running = terminal.read(SETTLE_SECONDS)
        terminal.written.clear()
        started, before = time.perf_counter(), _processor_seconds(terminal.pid)
        running = running and terminal.read(seconds)
        lasted, after = time.perf_counter() - started, _processor_seconds(terminal.pid)
        memory = _resident_memory(terminal.pid)
    finally:
        terminal.close()
    if not running:
        raise UnavailableError(f"{Path(command[0]).name} did not stay open")
    return Idle(lasted, sum(len(chunk) for _, chunk in terminal.written), after - before, memory)


def add_idle(bench: Bench, what: str, subject: str, idle: Idle, most_written: float) -> None:
    """Report what an idle app of ours writes and takes.

    Args:
        bench: Where to.
        what: How the figures' names begin.
        subject: The app.
        idle: What it did.
        most_written: The goal, bytes a second to the terminal.
    """
    written = Series(subject, "idle: to the terminal", "bytes/s", (idle.written / idle.seconds,))
    processor = Series(subject, "idle: processor", "% of a core", (100 * idle.processor / idle.seconds,))
    bench.keep(written, processor)
    bench.add(
        single(f"{what}, idle: bytes to the terminal", written, most_written),
        single(f"{what}, idle: processor", processor, 1),
    )


def _processor_seconds(pid: int) -> float:
    """Processor time of a process so far, from fields 14 and 15 of its stat file (proc(5))."""
    user, system = _proc(pid, "stat").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident_memory(pid: int) -> int:
    """Bytes of a process that are in memory, with what it shares: field 2 of statm (proc(5))."""
    return int(_proc(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _proc(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="ascii")
    except OSError:
        raise UnavailableError("what a process costs is read from /proc, which is not here") from None

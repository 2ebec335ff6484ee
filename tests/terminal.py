"""A person at a terminal: a program on a real pty, its screen as it would be seen."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pexpect
import pyte

ROWS, COLUMNS = 24, 80

AT_ONCE = 5.0
"""Seconds that "at once" may take on a busy machine; `benchmarks.app_ssh` measures what it takes."""


class Terminal:
    """A program that believes it runs on a terminal, of 80 columns and 24 rows or another size."""

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        environment: Mapping[str, str],
        size: tuple[int, int] = (COLUMNS, ROWS),
    ) -> None:
        self.raw = ""
        """Everything the program has written, escapes and all."""
        self.status: int | None = None
        """How the program ended, once that was waited for without reading."""
        self._gone = False
        columns, rows = size
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._child: pexpect.spawn[str] = pexpect.spawn(
            command[0],
            list(command[1:]),
            cwd=directory,
            env=dict(environment),
            dimensions=(rows, columns),
            encoding="utf-8",
            codec_errors="replace",
        )

    @property
    def text(self) -> str:
        """What is on the screen now."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, keys: str) -> None:
        """Type keys, as the terminal would send them."""
        self._child.send(keys)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, as dragging its window does."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    @property
    def pid(self) -> int:
        """The program's process."""
        assert self._child.pid is not None
        return self._child.pid

    def listen(self, seconds: float) -> str:
        """Read for so long; give what was written meanwhile."""
        before = len(self.raw)
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._read():
            pass
        return self.raw[before:]

    def wait_for(self, seen: Callable[[str], bool], what: str, seconds: float = 30) -> None:
        """Read until the screen shows what is waited for; fail with the screen if it never does."""
        end = time.monotonic() + seconds
        while not seen(self.text):
            assert time.monotonic() < end, f"never saw {what}:\n{self.text}"
            assert self._read(), f"it ended before {what}:\n{self.text}"

    def wait_for_end(self, seconds: float = 15) -> int:
        """Read until the program has ended; give its exit status, or minus the signal that ended it."""
        end = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
        self._child.close()
        if self._child.exitstatus is not None:
            return self._child.exitstatus
        return -(self._child.signalstatus or 0)

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        self._child.kill(number)

    def hang_up(self) -> float:
        """Take the terminal away, as a lost connection does; give the seconds the program took to go."""
        began = time.monotonic()
        os.close(self._child.child_fd)
        self._child.child_fd = -1
        self.wait_until_gone()
        return time.monotonic() - began

    def wait_until_gone(self, seconds: float = 5) -> None:
        """Wait until the program has ended, without reading what it writes."""
        end = time.monotonic() + seconds
        while (ended := os.waitpid(self.pid, os.WNOHANG)) == (0, 0):
            assert time.monotonic() < end, "it goes on"
            time.sleep(0.01)
        self._gone = True
        self.status = os.waitstatus_to_exitcode(ended[1])

    def close(self) -> None:
        """End the program if it still runs."""
        if not self._gone:
            self._child.close(force=True)

    def _read(self) -> bool:
        try:
            written = self._child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += written
        self._stream.feed(written)
        return True

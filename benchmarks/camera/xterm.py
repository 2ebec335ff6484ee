"""A real xterm on an X server of its own: programs run in it, keys are typed, its window is taken."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import tty
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pexpect
import pyte
from benchmarks.harness import UnavailableError, plain_environment, require_program
from PIL import ImageGrab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from PIL import Image

COLUMNS, ROWS = 80, 24
BORDER = 2
"""Pixels between the window's edge and its cells, as xterm has it."""
WAIT_SECONDS = 60
"""Longest that anything is waited for; a busy machine is slow, not broken."""

_SCREEN = "1600x1600x24"
_ASK, _ANSWER = b"\x1b[5n", b"\x1b[0n"
"""Device status: xterm answers when it has dealt with all that came before."""


@dataclass(frozen=True)
class Look:
    """How an xterm is set up."""

    font: str
    """A scalable font's name, or an X font's (XLFD)."""
    size: int
    """Points; 0 for an X font."""
    line_height: float = 1.0
    """Times the font's own."""
    dark: bool = True
    """Whether light text stands on a dark ground."""

    @property
    def face(self) -> str:
        """The font with its size; that of an X font is in its name, in pixels."""
        return f"{self.font} {self.size}" if self.size else f"X {self.font.split('-')[7]} px"

    @property
    def name(self) -> str:
        """Font, line height and ground."""
        return f"{self.face}, {self.line_height:g}, {'dark' if self.dark else 'light'}"

    def options(self) -> list[str]:
        """Command line options of xterm."""
        ground, text = ("#000000", "#e5e5e5") if self.dark else ("#ffffff", "#202020")
        face = ["-fa", self.font, "-fs", str(self.size)] if self.size else ["-fn", self.font]
        # Without this xterm would take its own default scalable font where one is set.
        kind = ["-xrm", f"XTerm*renderFont: {'true' if self.size else 'false'}"]
        height = ["-xrm", f"XTerm*scaleHeight: {self.line_height}"]
        return [*kind, *face, *height, "-b", str(BORDER), "-bg", ground, "-fg", text, "+sb", "-u8"]


@dataclass(frozen=True)
class Cells:
    """Where an xterm's cells are in its picture, in pixels."""

    width: float
    height: float

    def point(self, column: float, row: float) -> tuple[float, float]:
        """Pixels from the left and from the top to the upper left corner of a cell."""
        return BORDER + column * self.width, BORDER + row * self.height


@contextlib.contextmanager
def display() -> Iterator[str]:
    """Run an X server that nobody sees; give its display. It chooses a free number by itself."""
    server = require_program("Xvfb")
    ours, theirs = os.pipe()
    command = [
        server,
        "-displayfd",
        str(theirs),
        "-screen",
        "0",
        _SCREEN,
        "-nolisten",
        "tcp",
        "-noreset",
    ]
    process = subprocess.Popen(command, pass_fds=[theirs], stderr=subprocess.DEVNULL)
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb") as told:
            if not select.select([told], [], [], WAIT_SECONDS)[0] or not (number := told.readline()):
                raise UnavailableError("Xvfb does not start")
        yield f":{number.decode().strip()}"
    finally:
        process.terminate()
        process.wait()


class Xterm:
    """An xterm with a program in it; between the two stands this class and sees what passes.

    xterm draws what it is sent over a pty of its own (`-S`), the program runs on another.
    """

    def __init__(
        self, shown_on: str, look: Look, command: Sequence[str], folder: Path, size: tuple[int, int]
    ) -> None:
        self._shown_on = shown_on
        self.columns, self.rows = size
        self.screen = pyte.Screen(*size)
        """What the program has written, cell by cell."""
        self.prompts = 0
        """How many commands its shell was given."""
        self._stream = pyte.ByteStream(self.screen)
        theirs, self._line = pty.openpty()
        tty.setraw(self._line)
        name = os.ttyname(self._line).rpartition("/")[2]
        program = [
            require_program("xterm"),
            *look.options(),
            "-geometry",
            f"{self.columns}x{self.rows}+0+0",
        ]
        environment = {**plain_environment(folder), "DISPLAY": shown_on}
        # What it cannot find of a font it says on standard error.
        self._xterm = subprocess.Popen(
            [*program, f"-S{name}/{theirs}"],
            pass_fds=[theirs],
            env=environment,
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        self._child: pexpect.spawn[bytes] | None = None
        self._ended = False
        try:
            # First its window's number comes.
            self._read_line(b"\n")
            self._settle()
            self.cells = self._measure()
            self._child = pexpect.spawn(
                command[0],
                list(command[1:]),
                cwd=str(folder),
                env={**plain_environment(folder), "PWD": str(folder), "PS1": "$ "},
                dimensions=(self.rows, self.columns),
            )
        except BaseException:
            self.close()
            raise

    @property
    def text(self) -> str:
        """The program's screen as text."""
        return "\n".join(self.screen.display)

    def type(self, keys: str) -> None:
        """Type keys into the program."""
        assert self._child is not None
        os.write(self._child.child_fd, keys.encode())

    def wait_for(self, seen: Callable[[str], bool], what: str) -> None:
        """Run on until the program's screen shows what is waited for.

        Raises:
            UnavailableError: It never does.
        """
        end = time.monotonic() + WAIT_SECONDS
        while not seen(self.text):
            if time.monotonic() > end or self._ended:
                raise UnavailableError(f"the terminal never showed {what}:\n{self.text}")
            self._pass_on(1)

    def photograph(self) -> Image.Image:
        """Give the window's picture once everything written so far is drawn."""
        while self._pass_on(0.2):
            pass
        self._settle()
        right, bottom = self.cells.point(self.columns, self.rows)
        window = (0, 0, round(right + BORDER), round(bottom + BORDER))
        before = None
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            picture = ImageGrab.grab(window, xdisplay=self._shown_on)
            # What xterm has asked for is drawn a little later, by another process.
            if before is not None and picture.tobytes() == before.tobytes():
                return picture
            before = picture
            time.sleep(0.05)
        raise UnavailableError("the terminal's picture never stands still")

    def close(self) -> None:
        """End the program and xterm."""
        if self._child is not None:
            self._child.close(force=True)
        self._xterm.terminate()
        self._xterm.communicate()
        os.close(self._line)

    def _pass_on(self, seconds: float) -> bool:
        """Take what was written within `seconds`, either way, to where it goes; false if nothing was."""
        assert self._child is not None
        program = self._child.child_fd
        ready, _, _ = select.select([program, self._line], [], [], seconds)
        if self._line in ready:
            os.write(program, os.read(self._line, 65536))
        if program in ready:
            try:
                written = os.read(program, 65536)
            except OSError:
                self._ended = True
                return False
            self._stream.feed(written)
            self._draw(written)
        return bool(ready)

    def _draw(self, written: bytes) -> None:
        while written:
            select.select([], [self._line], [], WAIT_SECONDS)
            written = written[os.write(self._line, written) :]

    def _settle(self) -> None:
        """Wait until xterm has dealt with all that it was sent."""
        self._draw(_ASK)
        self._read_line(_ANSWER)

    def _read_line(self, until: bytes) -> None:
        found = b""
        end = time.monotonic() + WAIT_SECONDS
        while until not in found:
            if time.monotonic() > end or self._xterm.poll() is not None:
                raise UnavailableError("xterm does not start or does not answer")
            if select.select([self._line], [], [], 0.2)[0]:
                found += os.read(self._line, 65536)

    def _measure(self) -> Cells:
        size = fcntl.ioctl(self._line, termios.TIOCGWINSZ, b"\0" * 8)
        rows, columns, width, height = struct.unpack("HHHH", size)
        if (columns, rows) != (self.columns, self.rows):
            raise UnavailableError(f"xterm has {columns} columns and {rows} rows: its font is too large")
        return Cells((width - 2 * BORDER) / columns, (height - 2 * BORDER) / rows)


@contextlib.contextmanager
def xterm(
    shown_on: str,
    look: Look,
    command: Sequence[str],
    folder: Path,
    size: tuple[int, int] = (COLUMNS, ROWS),
) -> Iterator[Xterm]:
    """Run `command` in an xterm of `size`, with `folder` as home, until the block ends."""
    opened = Xterm(shown_on, look, command, folder, size)
    try:
        yield opened
    finally:
        opened.close()


def require_font(look: Look) -> None:
    """See that a scalable font is there, for another one would be taken silently.

    Raises:
        UnavailableError: It is not installed.
    """
    if look.size == 0:
        return
    command = [require_program("fc-match"), "-f", "%{family}", look.font]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if re.split(r"[,;]", found)[0] != look.font:
        raise UnavailableError(f"the font {look.font} is not installed")

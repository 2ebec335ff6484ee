"""A Textual app that behaves on a terminal somebody else holds, such as the far end of SSH.

It leaves in order when the terminal goes away or it is told to stop, lets no control character
from data reach the terminal, and never prints the values of variables.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import traceback
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text
from textual.app import App, SystemCommand
from textual.filter import LineFilter

from watchword_otp import strip_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.color import Color
    from textual.screen import Screen

_HANG_UP_POLL = 1.0
"""Seconds between looks at whether the terminal is still there."""


class ControlFilter(LineFilter):
    """Deletes what could steer the terminal from everything that is drawn.

    Labels are cleaned where they enter; this stands behind that, for Textual itself lets ESC pass.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - given by Textual
        """Give the segments of one line without control and bidirectional characters."""
        if all(text.isprintable() for text, _, control in segments if not control):
            return segments
        return [
            segment if segment.control else Segment(strip_controls(segment.text), segment.style)
            for segment in segments
        ]


class TerminalApp(App[None]):
    """The base of the app: signals, hang-up, line filter, tracebacks without values."""

    _SIGNALS = (signal.SIGHUP, signal.SIGTERM)

    def __init__(self) -> None:
        super().__init__(watch_css=False)
        # A progress of frames costs bytes over SSH and tells nothing here.
        self.animation_level = "none"

    def on_load(self) -> None:
        """Listen for the ways in which a session ends."""
        loop = asyncio.get_running_loop()
        for number in self._SIGNALS:
            # Outside the main thread there are no signals to listen for.
            with contextlib.suppress(RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit)
        if not self.is_headless:
            self._terminal = select.poll()
            self._terminal.register(0, select.POLLHUP)
            self.set_interval(_HANG_UP_POLL, self._leave_if_hung_up)

    def _leave_if_hung_up(self) -> None:
        # SIGHUP does not come where it is ignored, or without a controlling terminal.
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in self._terminal.poll(0)):
            self.exit()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Put the control filter behind Textual's own."""
        return [*super().get_line_filters(), ControlFilter()]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Leave out the screenshot, which writes a file, and what the app's own help says better."""
        for command in super().get_system_commands(screen):
            if command.title not in {"Screenshot", "Keys", "Maximize", "Minimize"}:
                yield command

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Do nothing: codes and QR codes do not go into files by a key press."""

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Do nothing: a browser would open on the machine the app runs on."""

    def _fatal_error(self) -> None:
        # Textual's own prints the local variables of every frame: secrets, codes, tokens.
        self.bell()
        lines = traceback.format_exc()
        self._exit_renderables.append(Text(strip_lines(lines)))
        self._close_messages_no_wait()


def strip_lines(text: str) -> str:
    """Remove control characters from a text of several lines, keeping the line breaks."""
    return "\n".join(strip_controls(line) for line in text.splitlines())

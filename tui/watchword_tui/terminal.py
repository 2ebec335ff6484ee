"""A Textual app that behaves on a terminal somebody else holds, such as the far end of SSH.

It leaves in order when the terminal goes away or it is told to, lets no control character from data
reach the terminal, reaches for nothing outside it, and never prints a value when it breaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from textual.app import App, SystemCommand
from textual.filter import LineFilter

from watchword_otp import strip_controls
from watchword_tui.errors import Exit
from watchword_tui.leaving import Leaving, has_hung_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual.color import Color
    from textual.screen import Screen


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
    """The base of the app: how it ends, the line filter, and what of Textual reaches outside."""

    def __init__(self) -> None:
        super().__init__(watch_css=False)
        # A progress of frames costs bytes over SSH and tells nothing here.
        self.animation_level = "none"
        self.farewell = ""
        """What is to be read on the terminal when the app has left, sentences; or ""."""
        self._loop_inside: asyncio.AbstractEventLoop | None = None
        self._is_leaving = False

    def on_load(self) -> None:
        """Note where to leave from, and do so if that was asked for meanwhile."""
        self._loop_inside = asyncio.get_running_loop()
        if not self.is_headless:
            self._loop_inside.set_exception_handler(_note_unseen)
        if self._is_leaving:
            self.exit()

    def on_mount(self) -> None:
        """Let nobody stop the app: behind a forced command there is no shell to go on with it."""
        if not self.is_headless:
            signal.signal(signal.SIGTSTP, signal.SIG_IGN)
            # Textual would start its input a second time.
            signal.signal(signal.SIGCONT, signal.SIG_DFL)

    def leave_soon(self) -> None:
        """Leave as soon as the app can; may be called in any thread."""
        self._is_leaving = True
        if self._loop_inside is not None:
            # When it has ended there is nothing to leave.
            with contextlib.suppress(RuntimeError):
                self._loop_inside.call_soon_threadsafe(self.exit)

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

    def action_suspend_process(self) -> None:
        """Do nothing: who is in front of the app may have no shell behind it."""

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Do nothing: a browser would open on the machine the app runs on."""

    def deliver_text(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - as Textual has it
        """Do nothing: the file would be on the machine the app runs on."""

    def deliver_binary(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - as Textual has it
        """Do nothing, as above."""

    def panic(self, *renderables: object) -> None:
        """End the app after an error; what Textual would show of it holds values, and is not shown."""
        error = next((one for one in renderables if isinstance(one, BaseException)), None)
        self.break_down(error or sys.exception())

    def _fatal_error(self) -> None:
        # Textual's own prints the local variables of every frame: secrets, codes, tokens.
        self.break_down(self._exception)

    def break_down(self, error: BaseException | None) -> None:
        """End the app after an error that nobody expected, with a report of it."""
        self._return_code = Exit.NOT_VALID
        # The first is what broke; more may come of ending.
        if not self.farewell:
            size = self.size
            facts = {
                "TERM": os.environ.get("TERM", ""),
                "size": f"{size.width}x{size.height}",
                "colours": str(self.console.color_system),
            }
            from watchword_tui.crash_report import words_of  # noqa: PLC0415 - seldom wanted

            self.farewell = words_of(error, facts)
        self._close_messages_no_wait()


def _note_unseen(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001 - asyncio's
    """Keep a report of what failed where nobody waited: asyncio would print it, message and all."""
    from watchword_tui.crash_report import words_of  # noqa: PLC0415 - seldom wanted

    if (error := context.get("exception")) is not None:
        words_of(error, {"TERM": os.environ.get("TERM", "")})


def run_on_terminal(app: TerminalApp) -> int:
    """Run the app on this terminal until it is left; give the exit status."""
    with Leaving(app.leave_soon).watching():
        app.run()
    if has_hung_up():
        # Python would try to write to what is gone when it ends.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
    elif app.farewell:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"watchword: {strip_controls(app.farewell)}\n")
    return app.return_code or 0

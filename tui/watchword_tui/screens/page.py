"""What all screens have in common that are closed again: they close once, and only themselves.

Keys arrive faster than a screen leaves: the second of two may still reach the one that is closing, or
what waited in a thread ends under another dialog. Textual would then close whatever is on top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen
from textual.worker import NoActiveWorker, get_current_worker

if TYPE_CHECKING:
    from textual.worker import Worker

_Result = TypeVar("_Result")


class Page(Screen[_Result]):
    """A screen that is closed once, and not before it has begun or while another is over it."""

    _closes_with: tuple[_Result | None] | None = None

    question_before_leaving = ""
    """What to ask before this screen goes in any way, or "" if nothing is lost with it."""

    def dismiss(self, result: _Result | None = None) -> AwaitComplete:
        """Close with `result`; nothing happens where it is closing already, or was removed by a lock."""
        if self.app.screen is self and self.is_mounted:
            self._stop_work()
            closing: AwaitComplete = super().dismiss(result)
            return closing
        if self._closes_with is None:
            self._closes_with = (result,)
        return AwaitComplete()

    @property
    def loss(self) -> str:
        """What was lost if this screen had to go without a question, and what to do; or ""."""
        return ""

    def _stop_work(self) -> None:
        """End what was begun here, but for the work that closes this: its fields are going."""
        try:
            closing = get_current_worker()
        except NoActiveWorker:
            closing = None
        for worker in self.workers:
            if worker.node is self and worker is not closing:
                worker.cancel()

    def run_worker(self, *given: Any, **more: Any) -> Worker[Any]:  # noqa: ANN401 - as Textual has it
        """Begin work as Textual does, but none on a screen that is being removed: it has no fields."""
        worker: Worker[Any] = super().run_worker(*given, **more)
        if self not in self.app.screen_stack:
            worker.cancel()
        return worker

    def on_screen_resume(self) -> None:
        """Close now if that was asked for too early."""
        if self._closes_with is not None:
            (result,) = self._closes_with
            self.dismiss(result)


class Dialog(ModalScreen[_Result], Page[_Result]):
    """A page that leaves what is under it in sight."""


class Palette(CommandPalette, Page[None]):
    """Textual's command palette, closed once too."""

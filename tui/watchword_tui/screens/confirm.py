"""A question with a safe answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from watchword_tui.screens.page import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ConfirmScreen(Dialog[bool]):
    """Asks before something that cannot be unseen or undone; "no" is the answer at hand."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    AUTO_FOCUS = "#no"

    def __init__(self, question: str, yes: str) -> None:
        """Ask `question`; `yes` names what the button does."""
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Lay out the question over its two buttons."""
        with Vertical(classes="dialog"):
            yield Static(self._question, markup=False)
            with Horizontal(classes="buttons"):
                yield Button("No (n)", compact=True, id="no")
                yield Button(f"{self._yes} (y)", compact=True, id="yes", variant="warning")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by the button."""
        self.action_answer(answer=event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - a binding gives it
        """Close with the answer."""
        self.dismiss(answer)

"""Words that stay until they were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from watchword_tui.screens.page import Dialog

if TYPE_CHECKING:
    from textual.app import ComposeResult


class MessageScreen(Dialog[None]):
    """Says something under a title, and waits for Enter or Esc."""

    DEFAULT_CSS = """
    MessageScreen {
        VerticalScroll { height: auto; max-height: 16; scrollbar-size-vertical: 1; }
        #message { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter", "close", "Close", key_display="Esc"),
    ]

    def __init__(self, title: str, text: str) -> None:
        """Say `text` under `title`."""
        super().__init__()
        self._heading = title
        self._message = text

    def compose(self) -> ComposeResult:
        """Lay out the words over a button."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._heading)
            with VerticalScroll():
                yield Static(self._message, id="message", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Close (Enter)", compact=True, variant="primary")

    def on_button_pressed(self) -> None:
        """Do as the keys do."""
        self.action_close()

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

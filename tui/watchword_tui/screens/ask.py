"""A question with one field for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from watchword_tui.screens.page import Dialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult


class AskScreen(Dialog[str | None]):
    """Closes with what was typed, or with None."""

    DEFAULT_CSS = """
    AskScreen {
        #ask-text { height: auto; margin-bottom: 1; }
        Input { background: $panel; padding: 0 1; }
        Input:focus { background: $accent 25%; }
        #ask-trouble { height: auto; min-height: 1; color: $error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Back", key_display="Esc")]

    def __init__(
        self,
        title: str,
        text: str,
        check: Callable[[str], str],
        *,
        value: str = "",
        secret: bool = False,
    ) -> None:
        """Ask under `title`.

        Args:
            title: What it is about, in one or two words.
            text: What to type, and why.
            check: Says what is wrong with an answer, or "".
            value: What stands in the field at first.
            secret: Whether dots are shown for what is typed.
        """
        super().__init__()
        self._title = title
        self._text = text
        self._check = check
        self._value = value
        self._secret = secret

    def compose(self) -> ComposeResult:
        """Lay out the text, the field, the trouble and two buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(self._title)
            yield Static(self._text, id="ask-text", markup=False)
            yield Input(self._value, password=self._secret, compact=True)
            yield Static("", id="ask-trouble", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", compact=True, id="cancel")
                yield Button("Go on (Enter)", compact=True, id="go", variant="primary")

    def on_mount(self) -> None:
        """Put the focus into the field, whose cursor does not blink."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_changed(self) -> None:
        """Forget what was wrong before."""
        self.query_one("#ask-trouble", Static).update("")

    def on_input_submitted(self) -> None:
        """Close with the answer if nothing is wrong with it."""
        answer = self.query_one(Input).value
        if trouble := self._check(answer):
            self.query_one("#ask-trouble", Static).update(Content(trouble))
        else:
            self.dismiss(answer)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        if event.button.id == "go":
            self.on_input_submitted()
        else:
            self.action_close()

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

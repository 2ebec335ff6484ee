"""One field for the code that a phone shows, and the verdict right under it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Static

from watchword_otp import Kind
from watchword_tui.widgets.verdict_line import VerdictLine

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from watchword_otp import Key
    from watchword_tui.wording import Verdict

_KEYS_OF_THE_SCREEN = frozenset("rknq")
"""Letters that mean something on the enrolment screen; others, such as the one that locks, are slips."""


class FirstCodeField(Input):
    """Takes what a code is made of; other letters go to the screen, whose keys they are."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Confirm", show=False)]

    def __init__(self) -> None:
        """Take digits, until `expect` says otherwise."""
        super().__init__(
            compact=True,
            id="first-code",
            placeholder="first code",
            max_length=40,
            select_on_focus=True,
        )
        self._takes_letters = False

    def expect(self, key: Key) -> None:
        """Take the characters of this key's codes."""
        self._takes_letters = key.kind is Kind.STEAM

    @property
    def code(self) -> str:
        """The code typed or pasted, without what people and programs put around it."""
        if self._takes_letters:
            return re.sub(r"[^0-9A-Z]", "", self.value.upper())
        return re.sub(r"[^0-9]", "", self.value)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is typed into the field."""
        return self._takes(character) and super().check_consume_key(key, character)

    def _takes(self, character: str | None) -> bool:
        return character is None or self._takes_letters or not character.isalpha()

    async def _on_key(self, event: events.Key) -> None:
        # Textual calls the base class's handler itself, unless it is prevented.
        if event.is_printable and not self._takes(event.character):
            event.prevent_default()
            if event.key not in _KEYS_OF_THE_SCREEN:
                event.stop()


class ConfirmPanel(Vertical):
    """The code's field, its button, and what became of the code."""

    DEFAULT_CSS = """
    ConfirmPanel {
        height: auto;
        #confirm-row { height: 1; }
        #first-code { width: 14; background: $panel; padding: 0 1; margin-right: 2; text-style: bold; }
        #first-code:focus { background: $accent 25%; }
        #confirm { min-width: 11; }
        #outcome { height: auto; min-height: 3; }
        #then { color: $foreground 65%; }
    }
    """

    class Typed(Message):
        """A code is to be judged. It is asked of the panel: messages are logged with what they hold."""

    def compose(self) -> ComposeResult:
        """Lay out the field and the button over the verdict."""
        yield Static("Then type the code it shows:", id="then")
        with Horizontal(id="confirm-row"):
            yield FirstCodeField()
            yield Button("Confirm", compact=True, id="confirm", disabled=True, variant="primary")
        yield VerdictLine("\n", id="outcome")

    def on_mount(self) -> None:
        """Stop the cursor from blinking: two repaints a second for nothing."""
        self.field.cursor_blink = False

    @property
    def field(self) -> FirstCodeField:
        """Where the code is typed."""
        return self.query_one(FirstCodeField)

    @property
    def code(self) -> str:
        """The code typed."""
        return self.field.code

    def show_busy(self, words: str) -> None:
        """Say what is waited for; nothing can be sent meanwhile."""
        self.query_one("#confirm", Button).disabled = True
        self.query_one(VerdictLine).show_words(words)

    def show_verdict(self, verdict: Verdict) -> None:
        """Say what became of the code; another can be typed."""
        self.query_one(VerdictLine).show_verdict(verdict)
        self.query_one("#confirm", Button).disabled = not self.code
        if self.field.has_focus:
            self.field.action_select_all()

    def close(self) -> None:
        """Take no more codes; the verdict stays."""
        self.query_one("#then").display = False
        self.query_one("#confirm-row").display = False

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one("#confirm", Button).disabled = not self.code
        # In a small window it may stand below the edge.
        self.scroll_visible(animate=False)

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _submit(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        if not self.query_one("#confirm", Button).disabled:
            self.post_message(self.Typed())

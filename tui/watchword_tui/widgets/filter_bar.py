"""The filter: a line to type into while the keys that move and choose still act on the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from watchword_tui.listing import MAX_QUERY

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from watchword_tui.widgets.code_list import CodeList


class FilterField(Input):
    """The field for the letters; Enter acts on the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Copy it")]

    def __init__(self, typed: Callable[[str], None]) -> None:
        """Give the letters to `typed` as soon as there are others.

        A message would come when the field is drawn already, and the list would be drawn after it.
        """
        super().__init__(
            id="filter", compact=True, max_length=MAX_QUERY, placeholder="letters of issuer or name"
        )
        self._typed = typed

    def watch_value(self, value: str) -> None:
        """Tell of other letters."""
        self._typed(value)


class FilterBar(Horizontal):
    """One line: the letters, and how many accounts fit them."""

    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        padding: 0 2;
        display: none;
        .sign { width: 2; color: $accent; text-style: bold; }
        #filter { width: 1fr; background: $panel; padding: 0 1; }
        #filter:focus { background: $accent 25%; }
        #count { width: 14; text-align: right; color: $foreground 65%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Previous account", show=False),
        Binding("down", "move(1)", "Next account", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("tab", "leave", "To the list", show=False),
        Binding("escape", "give_up", "Clear", key_display="Esc"),
    ]

    class Left(Message):
        """The person goes back to the list; the filter stays as it is."""

    def __init__(self, code_list: CodeList, typed: Callable[[str], None]) -> None:
        """Act on `code_list` with the keys that move and choose; give the letters to `typed`."""
        super().__init__()
        self._list = code_list
        self._typed = typed
        self._has_chosen = False

    def compose(self) -> ComposeResult:
        """Lay out sign, field and count."""
        yield Static("/", classes="sign")
        yield FilterField(self._typed)
        yield Static("", id="count", markup=False)

    def on_mount(self) -> None:
        """Stop the cursor from blinking: two repaints a second for nothing."""
        self.field.cursor_blink = False

    @property
    def field(self) -> Input:
        """Where the letters are typed."""
        return self.query_one("#filter", Input)

    def open(self) -> None:
        """Show the filter."""
        self._has_chosen = False
        self.display = True

    def close(self) -> None:
        """Look for nothing any more."""
        self.field.value = ""
        self.display = False

    def show_count(self, count: int, total: int) -> None:
        """Say how many of all lines are shown."""
        self.query_one("#count", Static).update(f"{count} of {total}", layout=False)

    def action_move(self, by: int) -> None:
        """Move the highlight of the list."""
        self._list.action_move(by)

    def action_page(self, by: int) -> None:
        """Move the highlight by pages."""
        self._list.action_page(by)

    def action_give_up(self) -> None:
        """Clear the field; leave if it is clear, or if what was looked for has been chosen."""
        if self.field.value and not self._has_chosen:
            self.field.value = ""
        else:
            self.close()
            self.post_message(self.Left())

    def action_leave(self) -> None:
        """Go back to the list."""
        self.post_message(self.Left())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._has_chosen = True
        self._list.action_choose()

"""A row of the vault that could not be understood: why, what is in it, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from watchword_otp import clean_label
from watchword_tui.screens.page import Dialog
from watchword_tui.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from watchword_tui.vault.rows import Row

# Nothing else is shown: in a damaged row the secret may stand anywhere.
_SHOWN = ("type", "issuer", "name", "note", "algo", "digits", "period", "counter")
_HIDDEN = ("secret", "pin")
_VALUE_LIMIT = 60
_CAPTION_WIDTH = 12


class QuarantineScreen(Dialog[str | None]):
    """Closes with "fix", "delete", or None where the row stays as it is."""

    DEFAULT_CSS = """
    QuarantineScreen {
        .dialog { border-title-color: $warning; }
        #why { height: auto; color: $warning; margin-bottom: 1; }
        #fields, #stays { height: auto; }
        #stays { margin-top: 1; color: $foreground 65%; }
    }
    """
    ALLOW_SELECT = False
    # Where nothing is lost.
    AUTO_FOCUS = "#keep"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "answer('fix')", "Fix"),
        Binding("d", "answer('delete')", "Delete"),
        Binding("escape,k", "answer('')", "Keep", key_display="Esc"),
    ]

    def __init__(self, row: Row) -> None:
        """Show `row`."""
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """Lay out the reason, the fields and three buttons."""
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content(self._row.title)
            yield Static(f"! {sentence(self._row.reason)}", id="why", markup=False)
            yield Static(_table(self._row.fields), id="fields")
            yield Static(
                "It stays in the file as it is until you fix or delete it.", id="stays", markup=False
            )
            with Horizontal(classes="buttons"):
                yield Button("Delete (d)", compact=True, id="delete", variant="warning")
                yield Button("Keep (Esc)", compact=True, id="keep")
                yield Button("Fix (f)", compact=True, id="fix", variant="primary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by the button."""
        self.action_answer("" if event.button.id == "keep" else str(event.button.id))

    def action_answer(self, answer: str) -> None:
        """Close with the answer."""
        self.dismiss(answer or None)


def _table(fields: Mapping[str, object]) -> Content:
    info = fields.get("info")
    every = {**fields, **info} if isinstance(info, dict) else fields
    parts: list[tuple[str, str]] = []
    for name in (*_SHOWN, *_HIDDEN):
        value = every.get(name)
        if value is None or value == "":
            continue
        shown = "hidden" if name in _HIDDEN else clean_label(str(value), _VALUE_LIMIT)
        parts += [(f"{name:<{_CAPTION_WIDTH}}", "$foreground 65%"), (f"{shown}\n", "")]
    if not parts:
        return Content("There is nothing in it that could be read.")
    return Content.assemble(*parts).rstrip()

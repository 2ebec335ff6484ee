"""Help: every key, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult

_SECTIONS = (
    (
        "Codes",
        (
            ("↑ ↓  j k", "move; g and G: first and last"),
            ("Enter  c", "copy: sent to your terminal"),
            ("v", "put the code into Validate"),
            ("q", "its QR code (asks first)"),
        ),
    ),
    (
        "Validate",
        (
            ("Enter", "have the server judge the code"),
            ("s", "the next server"),
            ("Tab", "from field to field"),
            ("Esc", "back to the list; stop waiting"),
        ),
    ),
    (
        "Everywhere",
        (
            ("e", "enrol: the server's key as a QR"),
            ("Ctrl+P", "all commands, themes too"),
            ("?  F1", "this help"),
            ("Ctrl+Q", "leave"),
        ),
    ),
)


class HelpScreen(ModalScreen[None]):
    """The keys, and where the settings are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,enter", "close", "Close", key_display="Esc"),
    ]

    def __init__(self, settings_path: Path | None) -> None:
        """Name `settings_path` as the place of the settings."""
        super().__init__()
        self._settings_path = settings_path

    def compose(self) -> ComposeResult:
        """Lay out the table of keys."""
        with VerticalScroll(classes="dialog", id="help") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "Esc closes"
            yield Static(self._text())

    def _text(self) -> Content:
        parts: list[str | Content | tuple[str, str]] = []
        for title, rows in _SECTIONS:
            parts.append((f"{title}\n", "bold $accent"))
            for keys, meaning in rows:
                parts += [(f"  {keys:<11}", "bold"), f"{meaning}\n"]
        parts.append(("Settings\n", "bold $accent"))
        parts.append(f"  {self._settings_path or 'none: this is a demo'}")
        return Content.assemble(*parts)

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()

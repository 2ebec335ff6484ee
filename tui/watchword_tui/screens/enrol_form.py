"""Whom to enrol: a new key of the server, or the one it began with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Static

from watchword_otp import clean_label
from watchword_tui.enrolment import NewKey
from watchword_tui.screens.page import Dialog
from watchword_tui.screens.typing_ahead import TAB_AT_ONCE

if TYPE_CHECKING:
    from textual.app import ComposeResult

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
_NAME_WORDS = "A name has 1 to 64 of a-z 0-9 . _ - and begins and ends with a letter or digit."
_LONG = 60
"""Characters of issuer and account together whose QR code fits 24 rows, but for unusual ones."""


class EnrolForm(Dialog[NewKey | None]):
    """Closes with what to make, a name of "" for the server's default key, or with None."""

    DEFAULT_CSS = """
    EnrolForm {
        .caption { margin-top: 1; color: $foreground 65%; }
        Input { background: $panel; padding: 0 1; }
        Input:focus { background: $accent 25%; }
        #enrol-form-words { height: auto; min-height: 1; margin-top: 1; color: $foreground 65%; }
        #enrol-form-words.-bad { color: $error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *TAB_AT_ONCE,
        Binding("escape", "close", "Back", key_display="Esc"),
    ]

    def __init__(self, server: str) -> None:
        """Ask for a key on the server called `server`."""
        super().__init__()
        self._server = server

    def compose(self) -> ComposeResult:
        """Lay out three fields over two buttons."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(f"Enrol a phone on {self._server}")
            yield Static("Name of the key on the server", classes="caption")
            yield Input(
                id="key-name",
                compact=True,
                placeholder="such as alice; empty: the server's default key",
                max_length=100,
            )
            yield Static("Issuer, as the phone shows it", classes="caption")
            yield Input(id="issuer", compact=True, placeholder="empty: the server's", max_length=100)
            yield Static("Account, as the phone shows it", classes="caption")
            yield Input(id="account", compact=True, placeholder="empty: the name", max_length=100)
            yield Static("", id="enrol-form-words", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", compact=True, id="cancel")
                yield Button("Go on (Enter)", compact=True, id="go", variant="primary")

    def on_mount(self) -> None:
        """Begin with the name; the cursors do not blink."""
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#key-name").focus()
        self._show_words()

    def _value(self, name: str) -> str:
        return clean_label(self.query_one(name, Input).value)

    @property
    def _key_name(self) -> str:
        # One spelling, as the server has it: a capital is a slip of the keyboard.
        return self._value("#key-name").lower()

    @on(Input.Changed)
    def _show_words(self) -> None:
        words = ""
        if not self._key_name:
            words = "The default key is in use already: any phone that scans it shows its codes."
        elif len(self._value("#issuer")) + len(self._value("#account") or self._key_name) > _LONG:
            words = "With labels that long the QR code may need a larger window than 80x24."
        self._say(words)

    def _say(self, words: str, *, bad: bool = False) -> None:
        place = self.query_one("#enrol-form-words", Static)
        place.set_class(bad, "-bad")
        place.update(Content(words))

    @on(Input.Submitted)
    def _go(self) -> None:
        if self._key_name and not _NAME.fullmatch(self._key_name):
            self._say(f"✗ {_NAME_WORDS}", bad=True)
            self.query_one("#key-name").focus()
            return
        self.dismiss(NewKey(self._key_name, self._value("#issuer"), self._value("#account")))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        if event.button.id == "go":
            self._go()
        else:
            self.action_close()

    def action_close(self) -> None:
        """Enrol nobody."""
        self.dismiss(None)

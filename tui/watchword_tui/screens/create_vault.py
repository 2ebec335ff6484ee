"""The first thing kept needs a vault: this makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from watchword_tui.errors import VaultError, WatchwordError
from watchword_tui.folders import shown
from watchword_tui.screens.confirm import ConfirmScreen
from watchword_tui.screens.page import Dialog
from watchword_tui.screens.typing_ahead import TAB_AT_ONCE
from watchword_tui.sentences import sentences
from watchword_tui.vault.vault import check_passphrase

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from watchword_tui.keeper import Keeper
    from watchword_tui.session import Session


class CreateVaultScreen(Dialog[bool]):
    """Asks for a new passphrase twice; closes with true when there is a vault, open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Back", key_display="Esc"),
        *TAB_AT_ONCE,
    ]
    ALLOW_SELECT = False

    def __init__(self, session: Session) -> None:
        """Make the vault of `session`.

        Raises:
            VaultError: This session keeps nothing.
        """
        super().__init__()
        if session.keeper is None:
            raise VaultError("nothing is kept here", "start watchword without --accounts")
        self._keeper: Keeper = session.keeper

    def compose(self) -> ComposeResult:
        """Lay out two fields under what they are for."""
        with VerticalScroll(classes="dialog", id="create-vault", can_focus=False) as dialog:
            dialog.border_title = "A vault for your accounts"
            yield Static(
                "Accounts are kept in one file, encrypted with a passphrase. Nobody can get them back"
                " without it: write it down, or choose four random words.",
                markup=False,
            )
            yield Static("Passphrase", classes="caption")
            yield Input(password=True, compact=True, id="first", classes="secret")
            yield Static("Again", classes="caption")
            yield Input(password=True, compact=True, id="second", classes="secret")
            yield Static("", id="create-words", markup=False)
            yield Static(Content(shown(self._keeper.store.path)), id="create-path")
            with Horizontal(classes="buttons"):
                yield Button("Without passphrase", compact=True, id="plain")
                yield Button("Make it", compact=True, id="make", variant="primary")

    def on_mount(self) -> None:
        """Be ready to type."""
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#first").focus()

    @on(Input.Submitted, "#first")
    def _to_second(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#second").focus()

    @on(Input.Submitted, "#second")
    @on(Button.Pressed, "#make")
    def _make(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        first, second = (self.query_one(name, Input) for name in ("#first", "#second"))
        try:
            check_passphrase(first.value)
        except VaultError as error:
            self._say(sentences(error))
            first.focus()
            return
        if first.value != second.value:
            self._say("The two are not the same: type them again.")
            second.value = ""
            second.focus()
            return
        self._create(first.value)

    @on(Button.Pressed, "#plain")
    def _ask_plain(self, event: Button.Pressed) -> None:
        event.stop()

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual gives it
            if yes:
                self._create(None)

        question = (
            "Keep the accounts without a passphrase?\n\n"
            "Whoever can read the file, or a backup of your disk, has all your codes."
        )
        self.app.push_screen(ConfirmScreen(question, "Without passphrase"), answered)

    @work(exclusive=True)
    async def _create(self, passphrase: str | None) -> None:
        self._say("")
        try:
            await self._keeper.create(passphrase)
        except WatchwordError as error:
            self._say(sentences(error))
            return
        for field in self.query(Input):
            field.value = ""
        self.dismiss(result=True)

    def _say(self, words: str) -> None:
        self.query_one("#create-words", Static).update(Content(f"✗ {words}" if words else ""))

    def action_cancel(self) -> None:
        """Close without a vault."""
        self.dismiss(result=False)

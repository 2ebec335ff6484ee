"""The lock screen: it stands in the place of the codes, which are not under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Center, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from watchword_tui.errors import WatchwordError
from watchword_tui.folders import shown
from watchword_tui.keeper import VaultState
from watchword_tui.sentences import sentences

if TYPE_CHECKING:
    from watchword_tui.session import Session


class UnlockScreen(Screen[None]):
    """Asks for the passphrase; posts `Unlocked` when the vault is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "unlock", "Unlock"),
    ]
    ALLOW_SELECT = False

    class Unlocked(Message):
        """The accounts can be shown."""

    def __init__(self, session: Session, *, why: str = "") -> None:
        """Open the vault of `session`; `why` says what locked it, or is ""."""
        super().__init__()
        self._session = session
        self._why = why
        keeper = session.keeper
        self._asks = (
            keeper is not None and keeper.state is VaultState.LOCKED and keeper.needs_passphrase()
        )
        self._busy = False

    def on_mount(self) -> None:
        """Begin when the app has started: what is drawn before has not the theme's colours yet."""
        self.app.call_later(self._begin)

    async def _begin(self) -> None:
        """Put the field into the middle of the screen, ready to type."""
        field = Input(password=True, placeholder="passphrase", compact=True, classes="secret")
        # Two repaints a second for nothing.
        field.cursor_blink = False
        title = Content.assemble(("Watchword", "bold $accent"), "   locked")
        content = Vertical(
            Static(title, id="unlock-title"),
            Static(self._why, id="unlock-why", markup=False),
            *([field] if self._asks else []),
            Static("", id="unlock-words", markup=False),
            Static(self._keys(), id="unlock-keys", markup=False),
            id="unlock",
        )
        await self.mount(Center(content))
        if self._asks:
            field.focus()

    def _keys(self) -> str:
        keeper = self._session.keeper
        where = f"\n\n{shown(keeper.store.path)}" if keeper is not None and self._asks else ""
        return f"Enter opens   Ctrl+Q leaves{where}"

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_unlock()

    def action_unlock(self) -> None:
        """Open the vault with what was typed; with nothing typed, by the keyring."""
        if self._busy:
            return
        passphrase = ""
        if self._asks:
            field = self.query_one(Input)
            passphrase, field.value = field.value, ""
        self._busy = True
        self._unlock(passphrase)

    @work(exclusive=True)
    async def _unlock(self, passphrase: str) -> None:
        self._say("Opening …" if self._asks else "")
        keeper = self._session.keeper
        try:
            if keeper is not None and keeper.state is VaultState.LOCKED:
                if passphrase:
                    await keeper.unlock(passphrase)
                elif not keeper.open_quietly():
                    self._say("Type the passphrase, then Enter.")
                    return
            self._session.unlocked()
        except WatchwordError as error:
            self._say(f"✗ {sentences(error)}", bad=True)
        else:
            self.post_message(self.Unlocked())
        finally:
            self._busy = False

    def _say(self, words: str, *, bad: bool = False) -> None:
        place = self.query_one("#unlock-words", Static)
        place.set_class(bad, "-bad")
        place.update(Content(words))

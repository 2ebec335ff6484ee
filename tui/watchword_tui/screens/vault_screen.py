"""How a screen saves changes of the vault, and what it says where that fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from watchword_tui.errors import VaultError
from watchword_tui.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.notifications import SeverityLevel

    from watchword_tui.accounts import Account
    from watchword_tui.keeper import Keeper
    from watchword_tui.session import Session
    from watchword_tui.vault.document import Document
    from watchword_tui.vault.merge import Merged
    from watchword_tui.vault.rows import Row


_Answer = TypeVar("_Answer")


class VaultScreen(Screen[None]):
    """The base of the list of accounts: the list says what is highlighted, and shows what changed."""

    def __init__(self, session: Session) -> None:
        """Show the accounts of `session`."""
        super().__init__()
        self._session = session
        # One change after the other: each begins with what the last one saved.
        self._saving = asyncio.Lock()

    def highlighted_account(self) -> Account | None:
        """The account that actions are about; None where none is highlighted."""
        raise NotImplementedError

    def highlighted_quarantined(self) -> Row | None:
        """The quarantined row that is highlighted instead of an account."""
        raise NotImplementedError

    def neighbour(self, by: int) -> Account | None:
        """The account shown `by` lines after the highlighted one; None beyond the ends.

        Also None where the list is not in the file's order: then accounts cannot be moved.
        """
        raise NotImplementedError

    def accounts_changed(self, select: str | None = None) -> None:
        """Show the session's accounts anew, and highlight the one with the UUID `select`."""
        raise NotImplementedError

    @property
    def is_shown(self) -> bool:
        """Whether it is on the screen, also under dialogs: it is not when the app was locked."""
        return self in self.app.screen_stack

    async def _open(self, dialog: Screen[_Answer]) -> _Answer:
        """Show a dialog, without toasts over it, and give what it closes with.

        Raises:
            CancelledError: The app was locked meanwhile; it ends the worker that asks.
        """
        if not self.is_shown:
            raise asyncio.CancelledError
        self.app.clear_notifications()
        return await self.app.push_screen_wait(dialog)

    def _tell(self, title: str, words: str, *, warning: bool = False, timeout: float = 5) -> None:
        """Say something in a toast, in the place of earlier ones."""
        self.app.clear_notifications()
        severity: SeverityLevel = "warning" if warning else "information"
        self.notify(words, title=title, severity=severity, timeout=timeout, markup=False)

    @property
    def _undo_hint(self) -> str:
        """How to take back what was just saved; merging it leaves nothing to undo."""
        keeper = self._session.keeper
        if keeper is not None and keeper.undoable:
            return "u takes it back."
        return "Another program's change is in it: u does not take it back."

    async def _ready(self) -> Keeper | None:
        """The vault, which may have to be made first; None where there is none, which has been said."""
        keeper = self._session.keeper
        if keeper is None:
            self._tell(
                "There is no vault",
                "Only the files named at the start are shown. Start without --accounts to keep some.",
                warning=True,
            )
            return None
        if not keeper.store.exists():
            from watchword_tui.screens.create_vault import CreateVaultScreen  # noqa: PLC0415 - once

            if not await self._open(CreateVaultScreen(self._session)):
                return None
        return keeper

    def _changeable(self) -> Account | None:
        """The highlighted account if it can be changed; says why not."""
        account = self.highlighted_account()
        if account is not None and not account.id:
            self._tell(
                "Not in the vault",
                f"It comes from {account.source}. Change it there, or import it (i) into the vault.",
                warning=True,
            )
            return None
        return account

    async def _change(self, what: str, edit: Callable[[Document], Document]) -> bool:
        """Save a change of the vault, called `what`; false if it was not saved, which has been said."""
        keeper = self._session.keeper
        return keeper is not None and await self._saved(keeper.change(what, edit))

    async def _saved(self, saving: Awaitable[object]) -> bool:
        """Wait for what saves the vault, and help where another program was faster."""
        # Not at the top: the first frame saves nothing.
        from watchword_tui.vault.store import VaultChangedError  # noqa: PLC0415

        async with self._saving:
            try:
                await saving
            except VaultChangedError:
                return await self._settle()
            except VaultError as error:
                await self._say_not_saved(error)
                return False
            return True

    async def _settle(self) -> bool:
        """Ask what to do with a change where the file changed too; true if it was saved."""
        from watchword_tui.screens.choose import ChooseScreen, Offer  # noqa: PLC0415 - when needed

        keeper = self._session.keeper
        assert keeper is not None  # noqa: S101 - it could not save
        offers = (
            Offer("merge", "m", "Merge", "keep what both changed"),
            Offer("take", "t", "Take the file's", "drop your change"),
            Offer("cancel", "c", "Not now", "save nothing; the file stays as it is"),
        )
        text = "Another program changed the vault's file meanwhile. Nothing is lost yet."
        answer = await self._open(ChooseScreen("Both changed", offers, text))
        try:
            if answer == "merge":
                self._say_merged(await keeper.merge())
            elif answer == "take":
                keeper.give_up_change()
        except VaultError as error:
            await self._say_not_saved(error)
            return False
        if answer in {"merge", "take"}:
            self.accounts_changed()
        return answer == "merge"

    def _say_merged(self, merged: Merged) -> None:
        parts = []
        if merged.doubled:
            parts.append(f"Changed on both sides, so there twice: {', '.join(merged.doubled)}.")
        if merged.revived:
            parts.append(f"Deleted on one side and changed on the other: {', '.join(merged.revived)}.")
        self._tell("Merged", " ".join(parts) or "Both changes are saved.", timeout=15)

    async def _say_not_saved(self, error: VaultError) -> None:
        from watchword_tui.screens.message import MessageScreen  # noqa: PLC0415 - when needed

        text = f"{sentence(error.message)}\n\n{sentence(error.remedy)}".rstrip()
        await self._open(MessageScreen("Not saved", text))

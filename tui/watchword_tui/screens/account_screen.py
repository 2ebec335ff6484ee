"""What changes the vault from a list of accounts: keys, commands, and the questions they ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from watchword_tui.errors import VaultError
from watchword_tui.vault.store import VaultChangedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from watchword_tui.accounts import Account
    from watchword_tui.session import Session
    from watchword_tui.vault.document import Document
    from watchword_tui.vault.rows import Row


class AccountScreen(Screen[None]):
    """The base of the list of accounts: everything that changes what is in the vault.

    The list itself says which account is highlighted, and shows what changed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add", id="add", tooltip="Add an account: form, URI, image or a new key"),
        Binding("E", "edit", "Edit", id="edit", show=False, tooltip="Change the highlighted account"),
        Binding("d", "delete", "Delete", id="delete", show=False, tooltip="Delete it, after a question"),
        Binding("u", "undo", "Undo", id="undo", show=False, tooltip="Take the last change back"),
        Binding("K", "move(-1)", "Move up", id="move-up", show=False, tooltip="Move it up in the list"),
        Binding("J", "move(1)", "Move down", id="move-down", show=False, tooltip="Move it down"),
        Binding("m", "groups", "Groups", id="groups", show=False, tooltip="Choose the groups it is in"),
        Binding("f", "favourite", "Favourite", id="favourite", show=False, tooltip="List it first"),
        Binding("i", "import", "Import", id="import", show=False, tooltip="Take accounts from a file"),
        Binding("x", "export", "Export", id="export", show=False, tooltip="Write accounts to a file"),
        Binding(
            "q", "qr", "QR", id="qr", show=False, tooltip="Show its key as a QR code, after a question"
        ),
    ]

    def __init__(self, session: Session) -> None:
        """Show the accounts of `session`."""
        super().__init__()
        self._session = session

    # What the list provides.

    def highlighted_account(self) -> Account | None:
        """The account that actions are about; None where none is highlighted."""
        raise NotImplementedError

    def highlighted_quarantined(self) -> Row | None:
        """The quarantined row that is highlighted instead of an account, if the list shows such."""
        return None

    def neighbour(self, by: int) -> Account | None:
        """The account shown `by` lines after the highlighted one; None beyond the ends.

        Also None where the list is not in the file's order: then accounts cannot be moved.
        """
        accounts = self._session.accounts
        account = self.highlighted_account()
        index = accounts.index(account) + by if account in accounts else -1
        return accounts[index] if 0 <= index < len(accounts) else None

    def accounts_changed(self, select: str | None = None) -> None:
        """Show the session's accounts anew, and highlight the one with the UUID `select`."""
        raise NotImplementedError

    # What the keys do.

    @work
    async def action_add(self) -> None:
        """Ask how, and add an account."""

    @work
    async def action_edit(self) -> None:
        """Change the highlighted account in a form."""

    @work
    async def action_delete(self) -> None:
        """Delete the highlighted account, after a question."""

    @work
    async def action_undo(self) -> None:
        """Take the last change back."""

    @work
    async def action_move(self, by: int) -> None:
        """Let the highlighted account change places with the one `by` lines after it."""

    @work
    async def action_groups(self) -> None:
        """Choose the groups of the highlighted account; create, rename and delete groups."""

    @work
    async def action_favourite(self) -> None:
        """List the highlighted account before the others, or no more."""
        account = self._changeable()
        if account is None:
            return
        changed = replace(account, favourite=not account.favourite)
        what = "Favourite" if changed.favourite else "No favourite"
        if await self._change(what, lambda document: document.with_changed([changed])):
            self.accounts_changed(account.id)

    @work
    async def action_import(self) -> None:
        """Take accounts from files of other apps."""

    @work
    async def action_export(self) -> None:
        """Write accounts to a file for another app."""

    def action_qr(self) -> None:
        """Show the highlighted account's key for another phone to scan, after a question."""
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when asked for
        from watchword_tui.screens.enrol import EnrolScreen  # noqa: PLC0415 - brings the QR library

        account = self.highlighted_account()
        if account is None:
            return

        async def give() -> Account:
            return account

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual gives it
            if yes:
                self.app.push_screen(EnrolScreen(give, can_keep=False))

        question = (
            f"Show the key of {account.key.title} as a QR code?\n\n"
            "Whoever sees it can make its codes for ever."
        )
        self.app.clear_notifications()
        self.app.push_screen(ConfirmScreen(question, "Show it"), answered)

    @work
    async def open_quarantined(self, row: Row) -> None:
        """Show why a row is quarantined, and what can be done about it."""

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        yield SystemCommand("Add", "Add an account: form, URI, image or a new key", self.action_add)
        yield SystemCommand("Edit", "Change the highlighted account", self.action_edit)
        yield SystemCommand("Delete", "Delete the highlighted account", self.action_delete)
        yield SystemCommand("Undo", "Take the last change back", self.action_undo)
        yield SystemCommand("Move up", "Move the account up in the list", lambda: self.action_move(-1))
        yield SystemCommand(
            "Move down", "Move the account down in the list", lambda: self.action_move(1)
        )
        yield SystemCommand("Groups", "Choose the account's groups; rename groups", self.action_groups)
        yield SystemCommand("Favourite", "List the account before the others", self.action_favourite)
        yield SystemCommand("Import", "Take accounts from other apps' files", self.action_import)
        yield SystemCommand("Export", "Write accounts to a file for another app", self.action_export)
        yield SystemCommand("QR code", "Show the account's key, after a question", self.action_qr)

    # How changes are saved.

    def _changeable(self) -> Account | None:
        """The highlighted account if it can be changed; says why not."""
        account = self.highlighted_account()
        if account is not None and not account.id:
            self.notify(
                f"It comes from {account.source}. Change it there, or import it (i) into the vault.",
                title="Not in the vault",
                severity="warning",
                markup=False,
            )
            return None
        return account

    async def _change(self, what: str, edit: Callable[[Document], Document]) -> bool:
        """Save a change of the vault, called `what`; false if it was not saved, which has been said."""
        keeper = self._session.keeper
        if keeper is None:
            return False
        return await self._saved(keeper.change(what, edit))

    async def _saved(self, saving: Awaitable[object]) -> bool:
        try:
            await saving
        except VaultChangedError:
            return False
        except VaultError as error:
            self.notify(str(error), title="Not saved", severity="error", markup=False, timeout=60)
            return False
        return True

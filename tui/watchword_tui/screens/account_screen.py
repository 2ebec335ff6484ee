"""What changes the vault from a list of accounts: its keys and commands, and what they ask."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from watchword_tui.screens.intake_screen import IntakeScreen

# Dialogs are imported when they are asked for: the first frame does without them.

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_otp import Key
    from watchword_tui.accounts import Account
    from watchword_tui.draft import Draft
    from watchword_tui.screens.group_picker import GroupsChosen
    from watchword_tui.vault.document import Document
    from watchword_tui.vault.rows import Row

_IMAGES = "A photo or screenshot with one or more QR codes: PNG, JPEG, …"


class AccountScreen(IntakeScreen):
    """Adds, edits, deletes, moves, groups, imports and exports accounts."""

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

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        yield SystemCommand("Add", "Add an account: form, URI, image or a new key", self.action_add)
        yield SystemCommand("Edit", "Change the highlighted account", self.action_edit)
        yield SystemCommand("Delete", "Delete the highlighted account", self.action_delete)
        yield SystemCommand("Undo", "Take the last change back", self.action_undo)
        yield SystemCommand("Move up", "Move the account up in the list", partial(self.action_move, -1))
        yield SystemCommand(
            "Move down", "Move the account down in the list", partial(self.action_move, 1)
        )
        yield SystemCommand("Groups", "Choose the account's groups; rename groups", self.action_groups)
        yield SystemCommand("Favourite", "List the account before the others", self.action_favourite)
        yield SystemCommand("Import", "Take accounts from other apps' files", self.action_import)
        yield SystemCommand("Export", "Write accounts to a file for another app", self.action_export)
        yield SystemCommand("QR code", "Show the account's key, after a question", self.action_qr)

    # Adding.

    @work
    async def action_add(self) -> None:
        """Ask how, and add an account."""
        from watchword_otp import Key, Secret  # noqa: PLC0415 - as said at the top
        from watchword_tui.draft import Draft, draft_of_key  # noqa: PLC0415
        from watchword_tui.screens.choose import ChooseScreen, Offer  # noqa: PLC0415

        offers = (
            Offer("form", "f", "Form", "type issuer, name and secret"),
            Offer("paste", "p", "Paste", "an otpauth:// line"),
            Offer("image", "i", "Image", "a file with QR codes: a photo, a screenshot"),
            Offer("new", "n", "New key", "a random one, for a server of your own"),
        )
        how = await self._open(ChooseScreen("Add an account", offers))
        if how is None or await self._ready() is None:
            return
        if how == "form":
            await self._add(Draft())
        elif how == "new":
            await self._add(draft_of_key(Key(secret=Secret.generate())), "a new random one")
        elif how == "paste":
            await self._paste()
        elif (found := await self._read_file("Add from an image", _IMAGES)) is not None:
            await self._take(found)

    @work
    async def keep_in_vault(self, key: Key) -> None:
        """Take a key, such as one that was just enrolled, into the vault as it is."""
        from watchword_tui.accounts import Account  # noqa: PLC0415 - as said at the top
        from watchword_tui.vault.rows import SOURCE, new_id  # noqa: PLC0415

        if await self._ready() is None:
            return
        if any(account.key == key for account in self._session.accounts):
            self._tell("Nothing added", "Its key is in the list already.")
            return
        account = Account(key, SOURCE, key.warnings(), id=new_id())
        if await self._change("Add", lambda document: document.with_added([account])):
            self.accounts_changed(account.id)
            self._tell("Added", self._undo_hint)

    # Changing.

    @work
    async def action_edit(self) -> None:
        """Change the highlighted account in a form."""
        from watchword_tui.draft import draft_of  # noqa: PLC0415 - as said at the top

        if (row := self.highlighted_quarantined()) is not None:
            self.open_quarantined(row)
            return
        account = self._changeable()
        if account is not None:
            await self._change_in_form(f"Edit {account.key.title}", draft_of(account), account.id)

    async def _change_in_form(self, title: str, draft: Draft, identity: str) -> None:
        async def save(account: Account) -> bool:
            if not await self._change("Edit", lambda document: document.with_changed([account])):
                return False
            self.accounts_changed(identity)
            self._tell("Saved", self._undo_hint)
            return True

        await self._form(title, draft, identity, save, "kept as it is; type another to replace it")

    @work
    async def action_delete(self) -> None:
        """Delete the highlighted account, after a question."""
        if (row := self.highlighted_quarantined()) is not None:
            self.open_quarantined(row)
            return
        account = self._changeable()
        if account is not None:
            await self._delete(account.key.title, account.id)

    async def _delete(self, title: str, identity: str) -> None:
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - as said at the top

        question = f"Delete {title}?\n\nWithout its key you may be locked out of the account it is for."
        if not await self._open(ConfirmScreen(question, "Delete")):
            return
        if await self._change("Delete", lambda document: document.without([identity])):
            self.accounts_changed()
            self._tell("Deleted", self._undo_hint)

    @work
    async def action_undo(self) -> None:
        """Take the last change back."""
        keeper = self._session.keeper
        what = keeper.undoable if keeper is not None else ""
        if keeper is None or not what:
            self._tell("Nothing to undo", "Nothing was changed since the vault was opened.")
            return
        before = {account.id for account in keeper.accounts}
        if await self._saved(keeper.undo()):
            back = (account.id for account in keeper.accounts if account.id not in before)
            self.accounts_changed(next(back, None))
            self._tell("Undone", f"{what} is taken back.")

    @work
    async def action_move(self, by: int) -> None:
        """Let the highlighted account change places with the one `by` lines after it."""
        account = self._changeable()
        if account is None:
            return
        other = self.neighbour(by)
        if other is None or not other.id:
            self._tell(
                "No place to move to",
                "Accounts are moved in the file's order (o), without a filter, stars among stars.",
            )
            return

        def edit(document: Document) -> Document:
            places = [row.id for row in document.rows]
            return document.with_moved(account.id, places.index(other.id) - places.index(account.id))

        if await self._change("Move", edit):
            self.accounts_changed(account.id)

    @work
    async def action_favourite(self) -> None:
        """List the highlighted account before the others, or no more."""
        account = self._changeable()
        if account is None:
            return

        def edit(document: Document) -> Document:
            now = document.row(account.id).account or account
            return document.with_changed([replace(now, favourite=not now.favourite)])

        if await self._change("Favourite", edit):
            self.accounts_changed(account.id)

    @work
    async def action_groups(self) -> None:
        """Choose the groups of the highlighted account; create, rename and delete groups."""
        from watchword_tui.screens.group_picker import GroupPicker  # noqa: PLC0415 - as said at the top

        keeper = await self._ready()
        if keeper is None:
            return
        account = self.highlighted_account()
        if account is not None and account.id:
            picker = GroupPicker(account.key.title, keeper.groups, account.groups)
        else:
            account, picker = None, GroupPicker("All groups", keeper.groups, None)
        picked = await self._open(picker)
        if picked is None:
            return
        if await self._change("Groups", lambda document: _regrouped(document, picked, account)):
            self.accounts_changed(account.id if account else None)

    @work
    async def open_quarantined(self, row: Row) -> None:
        """Show why a row is quarantined, and what can be done about it, where anything can be done."""
        if self._session.settings.show_only:
            return
        from watchword_tui.draft import draft_of_row  # noqa: PLC0415 - as said at the top
        from watchword_tui.screens.quarantine_screen import QuarantineScreen  # noqa: PLC0415

        answer = await self._open(QuarantineScreen(row))
        if answer == "delete":
            await self._delete(row.title, row.id)
        elif answer == "fix" and (keeper := self._session.keeper) is not None:
            names = {group.id: group.name for group in keeper.vault.document.groups}
            groups = tuple(names[one] for one in row.group_ids if one in names)
            await self._change_in_form(f"Fix {row.title}", draft_of_row(row, groups), row.id)

    # Other apps' files.

    @work
    async def action_import(self) -> None:
        """Take accounts from files of other apps."""
        if await self._ready() is None:
            return
        if (found := await self._read_file("Import")) is not None:
            await self._preview(found)

    @work
    async def action_export(self) -> None:
        """Write accounts to a file for another app."""
        from watchword_tui.screens.export_screen import ExportScreen  # noqa: PLC0415 - as said at the top

        session = self._session
        if not session.accounts:
            self._tell("Nothing to export", "There is no account yet.")
            return
        groups = session.keeper.groups if session.keeper else ()
        screen = ExportScreen(
            session.accounts, self.highlighted_account(), groups, session.clock, session.reach
        )
        await self._open(screen)

    def action_qr(self) -> None:
        """Show the highlighted account's key for another phone to scan, after a question."""
        from watchword_tui.enrolment import SecondPhone  # noqa: PLC0415 - as said at the top
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415
        from watchword_tui.screens.enrol import EnrolScreen  # noqa: PLC0415

        account = self.highlighted_account()
        if account is None:
            return
        clock = self._session.clock

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual gives it
            if yes:
                self.app.push_screen(EnrolScreen(SecondPhone(account, clock), clock))

        question = (
            f"Show the key of {account.key.title} as a QR code?\n\n"
            "Whoever sees it can make its codes for ever."
        )
        self.app.clear_notifications()
        self.app.push_screen(ConfirmScreen(question, "Show it"), answered)


def _regrouped(document: Document, picked: GroupsChosen, account: Account | None) -> Document:
    for name in picked.deleted:
        document = document.without_group(name)
    for old, new in picked.renamed:
        document = document.with_group_renamed(old, new)
    document = document.with_groups(picked.made)
    now = document.row(account.id).account if account is not None else None
    return document.with_changed([replace(now, groups=picked.chosen)]) if now is not None else document

"""The vault as the screens and commands use it: opened, changed, undone, merged, locked."""

from __future__ import annotations

import gc
from enum import Enum
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from msgspec.structs import replace

from watchword_otp import Kind
from watchword_tui.errors import VaultError
from watchword_tui.vault.store import VaultChangedError
from watchword_tui.vault.vault import Vault, create_vault, read_vault

if TYPE_CHECKING:
    from asyncio import Lock
    from collections.abc import Callable

    from watchword_tui.accounts import Account
    from watchword_tui.vault.document import Document
    from watchword_tui.vault.keychain import Keychain
    from watchword_tui.vault.merge import Merged
    from watchword_tui.vault.rows import Row
    from watchword_tui.vault.store import VaultStore

_UNDO_DEPTH = 20
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class VaultState(Enum):
    """How the vault stands."""

    MISSING = "missing"
    """There is no file yet."""
    LOCKED = "locked"
    """There is a file, and none of its secrets are in memory."""
    OPEN = "open"


class Keeper:
    """Holds one vault, open or not.

    What takes long (scrypt, fsync) runs in a thread, so a screen stays live meanwhile.
    """

    def __init__(self, store: VaultStore, keychain: Keychain) -> None:
        self.store = store
        self.keychain = keychain
        self._vault: Vault | None = None
        self._undo: list[tuple[str, Document]] = []
        self._unsaved: Document | None = None
        self._times_locked = 0
        self._saving: Lock | None = None

    @property
    def state(self) -> VaultState:
        """How the vault stands now."""
        if self._vault is not None:
            return VaultState.OPEN
        return VaultState.LOCKED if self.store.exists() else VaultState.MISSING

    @property
    def vault(self) -> Vault:
        """The open vault.

        Raises:
            VaultError: It is locked.
        """
        if self._vault is None:
            raise VaultError("the vault is locked", "unlock it")
        return self._vault

    @property
    def is_plain(self) -> bool:
        """Whether the vault is open and not encrypted."""
        return self._vault is not None and not self._vault.encrypted

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Its usable accounts in the file's order; none while it is locked."""
        return self._vault.document.accounts if self._vault else ()

    @property
    def quarantined(self) -> tuple[Row, ...]:
        """Its rows that could not be understood; none while it is locked."""
        return self._vault.document.quarantined if self._vault else ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of its groups."""
        return tuple(group.name for group in self._vault.document.groups) if self._vault else ()

    def needs_passphrase(self) -> bool:
        """Whether the file, which must be there, is encrypted.

        Raises:
            VaultError: It cannot be read.
        """
        return read_vault(self.store).encrypted

    def open_quietly(self) -> bool:
        """Open the vault if that asks nothing of the person: plain, or by the keyring.

        Raises:
            VaultError: It cannot be read, or is damaged.
        """
        closed = read_vault(self.store)
        self._vault = (
            closed.open_with_keychain(self.keychain) if closed.encrypted else closed.open_plain()
        )
        return self._vault is not None

    def open(self, passphrase: str) -> None:
        """Open the vault; blocks for as long as scrypt takes.

        Raises:
            WrongPassphraseError: The passphrase opens nothing.
            VaultError: It cannot be read, or is damaged.
        """
        self._vault = self._read(passphrase)

    async def unlock(self, passphrase: str) -> None:
        """Open the vault without holding up the screen; raises as `open` does."""
        before = self._times_locked
        vault = await _in_thread(self._read, passphrase)
        # Locked while scrypt ran: it stays locked.
        if self._times_locked == before:
            self._vault = vault

    def _read(self, passphrase: str) -> Vault:
        return read_vault(self.store).open_with_passphrase(passphrase)

    async def create(self, passphrase: str | None) -> None:
        """Make the vault; with None for a passphrase a plain one.

        Raises:
            VaultError: There is one already, the passphrase is too short, or it cannot be written.
        """
        before = self._times_locked
        vault = await _in_thread(create_vault, self.store, passphrase)
        if self._times_locked == before:
            self._vault = vault

    def lock(self) -> None:
        """Drop the vault with everything that was made of it, as far as Python lets go of memory."""
        self._times_locked += 1
        self._vault = None
        self._undo.clear()
        self._unsaved = None
        gc.collect()

    async def change(
        self,
        what: str,
        edit: Callable[[Document], Document],
        *,
        keep_backup: bool = True,
        undoable: bool = True,
    ) -> None:
        """Save what `edit` makes of the document; `what` names it for undoing, such as "Delete".

        Changes that come while another is being saved are made after it, to what it left.

        Raises:
            VaultChangedError: The file changed on disk; `merge` saves both changes.
            VaultError: It cannot be saved: the vault is as it was.
        """
        async with self._turn():
            await self._change(what, edit, keep_backup=keep_backup, undoable=undoable)

    async def _change(
        self,
        what: str,
        edit: Callable[[Document], Document],
        *,
        keep_backup: bool = True,
        undoable: bool = True,
    ) -> None:
        vault = self.vault
        times_locked = self._times_locked
        before = vault.document
        after = edit(before)
        if after == before:
            return
        try:
            await _in_thread(vault.commit, after, keep_backup=keep_backup)
        except VaultChangedError:
            if self._times_locked == times_locked:
                self._unsaved = after
            raise
        if undoable and self._times_locked == times_locked:
            self._undo = [*self._undo, (what, before)][-_UNDO_DEPTH:]

    async def merge(self) -> Merged:
        """Save the change that `change` could not, together with what is on disk.

        Raises:
            VaultError: There is no such change, or the two cannot be brought together.
        """
        async with self._turn():
            if self._unsaved is None:
                raise VaultError("there is nothing to merge", "go on")
            merged = await _in_thread(self.vault.merge_and_commit, self._unsaved)
            self._unsaved = None
            # Undoing would take back what the other program did.
            self._undo.clear()
            return merged

    def give_up_change(self) -> None:
        """Drop the change that could not be saved, and take what is on disk.

        Raises:
            VaultError: It cannot be read.
        """
        self._unsaved = None
        self._undo.clear()
        self.vault.reload()

    @property
    def undoable(self) -> str:
        """What `undo` would take back, or ""."""
        return self._undo[-1][0] if self._undo else ""

    async def undo(self) -> str:
        """Take the last change back; give what it was, or "" where there is none.

        HOTP counters stay where they are: a counter that was used is never used again.

        Raises:
            VaultError: It cannot be saved, as in `change`.
        """
        async with self._turn():
            if not self._undo:
                return ""
            what, document = self._undo[-1]
            await self._change(what, lambda now: _with_counters_of(document, now), undoable=False)
            # Locked meanwhile, there is nothing left to undo.
            if self._undo:
                self._undo.pop()
            return what

    async def advance(self, identity: str) -> Account:
        """Move a HOTP account on: save the next counter, then give the account as it was before.

        So a code is shown only when no later start can show it again (RFC 4226 section 7.2).

        Raises:
            VaultError: It cannot be saved, and no code may be shown; or there is no such HOTP account.
        """
        async with self._turn():
            account = self.vault.document.row(identity).account
            if account is None or account.key.kind is not Kind.HOTP:
                raise VaultError("the account has no counter", "choose a HOTP account")
            moved = replace(account, key=replace(account.key, counter=account.key.counter + 1))
            # No backup for it: five codes in a row would push the real ones out.
            await self._change(
                "Next code", lambda now: now.with_changed([moved]), keep_backup=False, undoable=False
            )
            return account

    def _turn(self) -> Lock:
        """What lets one change after the other at the vault."""
        from asyncio import Lock  # noqa: PLC0415 - as in _in_thread

        if self._saving is None:
            self._saving = Lock()
        return self._saving


async def _in_thread(
    work: Callable[_Given, _Result], *given: _Given.args, **more: _Given.kwargs
) -> _Result:
    # Not at the top: a command that prints a code has no use for it, and it takes a while to load.
    from asyncio import to_thread  # noqa: PLC0415

    return await to_thread(work, *given, **more)


def _with_counters_of(document: Document, now: Document) -> Document:
    counters = {
        account.id: account.key.counter for account in now.accounts if account.key.kind is Kind.HOTP
    }
    ahead = [
        replace(account, key=replace(account.key, counter=counters[account.id]))
        for account in document.accounts
        if account.key.kind is Kind.HOTP and counters.get(account.id, 0) > account.key.counter
    ]
    return document.with_changed(ahead)

"""An open vault: its document, and the keys to save it again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword_tui.errors import VaultError, WrongPassphraseError
from watchword_tui.vault.document import Document, read_document
from watchword_tui.vault.envelope import Envelope, new_envelope, read_envelope
from watchword_tui.vault.merge import Merged, merge
from watchword_tui.vault.slots import (
    KEY_BYTES,
    MasterKey,
    Slot,
    SlotType,
    key_slot,
    passphrase_slot,
)

if TYPE_CHECKING:
    from watchword_tui.vault.keychain import Keychain
    from watchword_tui.vault.store import Stored, VaultStore

MIN_PASSPHRASE = 8
"""Fewest characters of a new passphrase (NIST SP 800-63B-4, section 3.1.1.2, for one among several
factors; the file itself is the other)."""


@dataclass(frozen=True, slots=True)
class ClosedVault:
    """A vault's file as read; opening it gives a `Vault`."""

    store: VaultStore
    stored: Stored
    envelope: Envelope

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase or the keyring is needed."""
        return self.envelope.encrypted

    @property
    def has_keyring_slot(self) -> bool:
        """Whether a keyring may open it."""
        return bool(self.envelope.slots_of(SlotType.RAW))

    def open_plain(self) -> Vault:
        """Open a vault that is not encrypted.

        Raises:
            VaultError: It is encrypted or damaged.
        """
        if self.encrypted:
            raise VaultError("the vault is encrypted", "open it with its passphrase")
        return self._opened(None, None)

    def open_with_passphrase(self, passphrase: str) -> Vault:
        """Open it; takes a quarter of a second or more, and releases the interpreter meanwhile.

        Raises:
            WrongPassphraseError: The passphrase opens nothing.
            VaultError: The vault is damaged.
        """
        master, slot = self.envelope.open_with_passphrase(passphrase)
        return self._opened(master, slot)

    def open_with_keychain(self, keychain: Keychain) -> Vault | None:
        """Open it with what the keyring has; None if that opens nothing.

        Raises:
            VaultError: The vault is damaged.
        """
        for slot in self.envelope.slots_of(SlotType.RAW):
            key = keychain.get(slot.id)
            if key is None:
                continue
            try:
                return self._opened(slot.open_with_key(key), slot)
            except WrongPassphraseError:
                continue
        return None

    def _opened(self, master: MasterKey | None, slot: Slot | None) -> Vault:
        document = read_document(self.envelope.open_content(master))
        return Vault(self.store, self.stored, self.envelope, document, _Keys(master, slot))


@dataclass(frozen=True, slots=True)
class _Keys:
    master: MasterKey | None
    slot: Slot | None
    """The slot that opened the vault."""


@dataclass(frozen=True, slots=True)
class PassphraseSlot:
    """A passphrase of the vault, as the person tells several apart."""

    id: str
    name: str
    in_use: bool
    """Whether it opened the vault this time."""
    key: Slot = field(repr=False)


class Vault:
    """An open vault; holds its secrets until it is dropped."""

    def __init__(
        self, store: VaultStore, stored: Stored, envelope: Envelope, document: Document, keys: _Keys
    ) -> None:
        """Use `open_vault` or `create_vault`."""
        self.store = store
        self._stored = stored
        self._envelope = envelope
        self._document = document
        self._keys = keys

    @property
    def document(self) -> Document:
        """What the file holds, as last read or saved."""
        return self._document

    @property
    def encrypted(self) -> bool:
        """Whether the file is encrypted."""
        return self._keys.master is not None

    def commit(self, document: Document, *, keep_backup: bool = True) -> None:
        """Save a changed document.

        Raises:
            VaultChangedError: The file changed on disk since it was read: see `merge_and_commit`.
            VaultError: It cannot be written; the file is as it was.
        """
        self._save(document, self._keys, self._envelope.slots, keep_backup=keep_backup)

    def merge_and_commit(self, document: Document) -> Merged:
        """Bring a changed document together with what is on disk now, and save both.

        Raises:
            VaultError: What is on disk has another master key, or cannot be read or written.
        """
        stored = self.store.read()
        envelope = read_envelope(stored.data)
        if envelope.encrypted != self.encrypted:
            raise VaultError(
                "the vault was encrypted or decrypted by another program", "lock it and open it again"
            )
        try:
            theirs = read_document(envelope.open_content(self._keys.master))
        except VaultError:
            raise VaultError(
                "the vault's passphrase was changed by another program",
                "what you changed is not saved; lock the vault and open it again",
            ) from None
        merged = merge(self._document, document, theirs)
        self._stored, self._envelope = stored, envelope
        self._document = theirs
        self.commit(merged.document)
        return merged

    def reload(self) -> None:
        """Take what is on disk now.

        Raises:
            VaultError: It cannot be read, or has another master key.
        """
        stored = self.store.read()
        envelope = read_envelope(stored.data)
        document = read_document(envelope.open_content(self._keys.master))
        self._stored, self._envelope, self._document = stored, envelope, document

    def is_current(self) -> bool:
        """Whether the file is still the one that was read or saved last.

        Raises:
            VaultError: It cannot be read.
        """
        return self.store.read().digest == self._stored.digest

    @property
    def passphrases(self) -> tuple[PassphraseSlot, ...]:
        """The slots that passphrases open."""
        used = self._keys.slot
        return tuple(
            PassphraseSlot(
                slot.id, str(slot.fields.get("name", "")), used is not None and used.id == slot.id, slot
            )
            for slot in self._envelope.slots_of(SlotType.PASSWORD)
        )

    def add_passphrase(self, passphrase: str, name: str = "") -> None:
        """Let another passphrase open the vault too; encrypts a plain one.

        Raises:
            VaultError: The passphrase is too short, or the file cannot be written.
        """
        check_passphrase(passphrase)
        master = self._keys.master or MasterKey.generate()
        slot = passphrase_slot(master, passphrase, name=name)
        keys = _Keys(master, self._keys.slot or slot)
        self._save(self._document, keys, (*self._envelope.slots, slot))

    def change_passphrase(self, slot_id: str, passphrase: str) -> None:
        """Put another passphrase in the place of one.

        Where it is the vault's only slot, the master key is new too: with an earlier copy of the file
        and the old passphrase nobody opens what is saved from now on.

        Raises:
            VaultError: There is no such slot, the passphrase is too short, or the file cannot be
                written.
        """
        check_passphrase(passphrase)
        slots = self._envelope.slots
        old = self._slot(slot_id)
        assert self._keys.master is not None  # noqa: S101 - a vault with slots has one
        master = MasterKey.generate() if len(slots) == 1 else self._keys.master
        fresh = passphrase_slot(master, passphrase, name=str(old.fields.get("name", "")))
        used = self._keys.slot
        keys = _Keys(master, fresh if used is not None and used.id == slot_id else used)
        self._save(self._document, keys, tuple(fresh if slot.id == slot_id else slot for slot in slots))

    def remove_passphrase(self, slot_id: str) -> None:
        """Let a passphrase open the vault no more.

        Raises:
            VaultError: There is no such slot, or it is the last passphrase.
        """
        self._slot(slot_id)
        if len(self.passphrases) == 1:
            raise VaultError(
                "this is the vault's only passphrase",
                "add another first, or make the vault plain: watchword vault decrypt",
            )
        self._save(self._document, self._keys, self._slots_without(slot_id))

    def decrypt(self) -> None:
        """Save the vault plain: whoever can read the file has every secret.

        Raises:
            VaultError: The file cannot be written.
        """
        self._save(self._document, _Keys(None, None), ())

    @property
    def keyring_slots(self) -> tuple[str, ...]:
        """UUIDs of the slots that a keyring opens."""
        return tuple(slot.id for slot in self._envelope.slots_of(SlotType.RAW))

    def add_keyring(self, keychain: Keychain) -> None:
        """Let this system's keyring open the vault.

        Raises:
            VaultError: The vault is plain, the keyring refuses, or the file cannot be written.
        """
        master = self._keys.master
        if master is None:
            raise VaultError("the vault is not encrypted", "set a passphrase first")
        key = secrets.token_bytes(KEY_BYTES)
        slot = key_slot(master, key)
        keychain.put(slot.id, key)
        try:
            self._save(self._document, self._keys, (*self._envelope.slots, slot))
        except VaultError:
            keychain.forget(slot.id)
            raise

    def remove_keyring(self, keychain: Keychain) -> None:
        """Let no keyring open the vault any more.

        Raises:
            VaultError: The file cannot be written.
        """
        gone = self.keyring_slots
        self._save(self._document, self._keys, self._slots_without(*gone))
        for slot_id in gone:
            keychain.forget(slot_id)

    def _slot(self, slot_id: str) -> Slot:
        for slot in self._envelope.slots_of(SlotType.PASSWORD):
            if slot.id == slot_id:
                return slot
        raise VaultError("there is no such passphrase", "list them: watchword vault passphrase list")

    def _slots_without(self, *slot_ids: str) -> tuple[Slot, ...]:
        return tuple(slot for slot in self._envelope.slots if slot.id not in slot_ids)

    def _save(
        self,
        document: Document,
        keys: _Keys,
        slots: tuple[Slot, ...],
        *,
        keep_backup: bool = True,
    ) -> None:
        content = document.written()
        data = self._envelope.sealed(content, keys.master, slots)
        envelope = read_envelope(data)
        if envelope.open_content(keys.master) != content:
            # Memory that forgets bits, or a fault of ours: the old file is worth more than the new.
            raise VaultError("what was to be saved could not be read back", "nothing was written")
        self._stored = self.store.write(data, expected=self._stored.digest, keep_backup=keep_backup)
        self._envelope, self._document, self._keys = envelope, document, keys


def read_vault(store: VaultStore) -> ClosedVault:
    """Read a vault's file without opening it.

    Raises:
        VaultError: It is not there, cannot be read, or is damaged.
    """
    stored = store.read()
    return ClosedVault(store, stored, read_envelope(stored.data))


def create_vault(store: VaultStore, passphrase: str | None, document: Document | None = None) -> Vault:
    """Make a new vault; with None for a passphrase a plain one.

    Raises:
        VaultError: There is a file already, the passphrase is too short, or it cannot be written.
    """
    content = document or Document()
    master = slot = None
    if passphrase is not None:
        check_passphrase(passphrase)
        master = MasterKey.generate()
        slot = passphrase_slot(master, passphrase)
    if store.exists():
        raise VaultError(f"there is a vault at {store.path} already", "name another file")
    slots = () if slot is None else (slot,)
    data = new_envelope().sealed(content.written(), master, slots)
    stored = store.write(data, expected=None)
    return Vault(store, stored, read_envelope(data), content, _Keys(master, slot))


def check_passphrase(passphrase: str) -> None:
    """See that a new passphrase is not too short.

    Raises:
        VaultError: It is.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise VaultError(
            f"a passphrase needs at least {MIN_PASSPHRASE} characters", "four random words are good"
        )

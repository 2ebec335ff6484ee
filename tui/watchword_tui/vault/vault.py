"""An open vault: its document, and the keys to save it again."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from watchword_otp.value import Value
from watchword_tui.errors import VaultError, WrongPassphraseError
from watchword_tui.vault.document import Document, read_document
from watchword_tui.vault.envelope import Envelope, new_envelope, read_envelope
from watchword_tui.vault.keys import Keys, Seen
from watchword_tui.vault.merge import Merged, merge
from watchword_tui.vault.recover import remedied
from watchword_tui.vault.slots import (
    KEY_BYTES,
    MAX_WORK,
    NEW_N,
    NEW_P,
    NEW_R,
    MasterKey,
    Slot,
    SlotType,
    key_slot,
    passphrase_slot,
)
from watchword_tui.vault.store import VaultChangedError

if TYPE_CHECKING:
    from watchword_tui.vault.keychain import Keychain
    from watchword_tui.vault.store import Stored, VaultStore

MIN_PASSPHRASE = 8
"""Fewest characters of a new passphrase (NIST SP 800-63B-4, section 3.1.1.2, for one among several
factors; the file itself is the other)."""

_MERGE_TRIES = 20
"""How often a merge starts anew because yet another program saved meanwhile."""


class ClosedVault(Value, frozen=True):
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
        with remedied(self.store):
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
                with remedied(self.store):
                    master = slot.open_with_key(key)
                return self._opened(master, slot)
            except WrongPassphraseError:
                continue
        return None

    def _opened(self, master: MasterKey | None, slot: Slot | None) -> Vault:
        with remedied(self.store):
            document = read_document(self.envelope.open_content(master))
        return Vault(self.store, self.stored, self.envelope, document, Keys(master, slot))


class PassphraseSlot(Value, frozen=True):
    """A passphrase of the vault, as the person tells several apart."""

    HIDDEN = frozenset({"key"})

    id: str
    name: str
    in_use: bool
    """Whether it opened the vault this time."""
    key: Slot


class Vault:
    """An open vault; holds its secrets until it is dropped."""

    def __init__(
        self, store: VaultStore, stored: Stored, envelope: Envelope, document: Document, keys: Keys
    ) -> None:
        """Use `read_vault` or `create_vault`."""
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

        Where the file was removed, what is here is all there is, and is saved.

        Raises:
            VaultError: What is on disk has another master key, or cannot be read or written; the vault
                is as it was, and merging can be tried again.
        """
        for _ in range(_MERGE_TRIES):
            with contextlib.suppress(VaultChangedError):
                return self._merge_once(document)
        raise VaultError("other programs keep changing the vault", "end them, then try again")

    def _merge_once(self, document: Document) -> Merged:
        if not self.store.exists():
            self._save(document, self._keys, self._envelope.slots, over=Seen(self._envelope, None))
            return Merged(document, (), ())
        stored, envelope, theirs = self._on_disk()
        merged = merge(self._document, document, theirs)
        if merged.document == theirs:
            self._stored, self._envelope, self._document = stored, envelope, theirs
        else:
            # Only what is saved becomes the base of the next merge: rows of theirs that we never had
            # would pass for deleted by us.
            self._save(merged.document, self._keys, envelope.slots, over=Seen(envelope, stored.digest))
        return merged

    def reload(self) -> None:
        """Take what is on disk now.

        Raises:
            VaultError: It cannot be read, or has another master key.
        """
        self._stored, self._envelope, self._document = self._on_disk()

    def _on_disk(self) -> tuple[Stored, Envelope, Document]:
        stored = self.store.read()
        envelope = read_envelope(stored.data)
        if envelope.encrypted != self.encrypted:
            raise VaultError(
                "the vault was encrypted or decrypted by another program", "lock it and open it again"
            )
        try:
            content = envelope.open_content(self._keys.master)
        except VaultError:
            if envelope.intact is False:
                raise
            raise VaultError(
                "the vault's passphrase was changed by another program",
                "lock the vault and open it again",
            ) from None
        return stored, envelope, read_document(content)

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

        A plain one's backups stay plain: `VaultStore.forget_backups` deletes them.

        Raises:
            VaultError: The passphrase is too short, there are too many, or the file cannot be written.
        """
        check_passphrase(passphrase)
        if sum(slot.work for slot in self._envelope.slots) + NEW_N * NEW_R * NEW_P > MAX_WORK:
            raise VaultError(
                "the vault has too many passphrases: a wrong one would take too long to tell",
                "remove one first: watchword vault passphrase list",
            )
        master = self._keys.master or MasterKey.generate()
        slot = passphrase_slot(master, passphrase, name=name)
        keys = Keys(master, self._keys.slot or slot)
        self._save(self._document, keys, (*self._envelope.slots, slot))

    def change_passphrase(self, slot_id: str, passphrase: str) -> None:
        """Put another passphrase in the place of one.

        Where it is the vault's only slot, the master key is new too: with an earlier copy of the file
        and the old passphrase nobody opens what is saved from now on. The backups still open with the
        old passphrase: `VaultStore.forget_backups` deletes them.

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
        keys = Keys(master, fresh if used is not None and used.id == slot_id else used)
        self._save(self._document, keys, tuple(fresh if slot.id == slot_id else slot for slot in slots))

    def remove_passphrase(self, slot_id: str) -> None:
        """Let a passphrase open the vault no more.

        The master key stays, for the other passphrases are not known: whoever has an earlier copy of
        the file and the removed passphrase can open what is saved later, and the backups.

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
        self._save(self._document, Keys(None, None), ())

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
        keys: Keys,
        slots: tuple[Slot, ...],
        *,
        keep_backup: bool = True,
        over: Seen | None = None,
    ) -> None:
        """Save, over the file as it was read last or as it was seen since."""
        seen = over or Seen(self._envelope, self._stored.digest)
        data = seen.envelope.sealed(document.written(), keys.master, slots)
        envelope = read_envelope(data)
        again = read_document(envelope.open_content(keys.master))
        if [row.raw for row in again.rows] != [row.raw for row in document.rows]:
            # Memory that forgets bits, or a fault of ours: the old file is worth more than the new.
            raise VaultError("what was to be saved could not be read back", "nothing was written")
        self._stored = self.store.write(data, expected=seen.digest, keep_backup=keep_backup)
        self._envelope, self._document, self._keys = envelope, again, keys


def read_vault(store: VaultStore) -> ClosedVault:
    """Read a vault's file without opening it.

    Raises:
        VaultError: It is not there, cannot be read, or is damaged.
    """
    stored = store.read()
    with remedied(store):
        envelope = read_envelope(stored.data)
    return ClosedVault(store, stored, envelope)


def create_vault(store: VaultStore, passphrase: str | None, document: Document | None = None) -> Vault:
    """Make a new vault; with None for a passphrase a plain one.

    Raises:
        VaultError: There is a file already, the passphrase is too short, or it cannot be written.
    """
    content = document or Document()
    master = slot = None
    if store.exists():
        raise VaultError(f"there is a vault at {store.path} already", "name another file")
    if passphrase is not None:
        check_passphrase(passphrase)
        master = MasterKey.generate()
        slot = passphrase_slot(master, passphrase)
    slots = () if slot is None else (slot,)
    data = new_envelope().sealed(content.written(), master, slots)
    stored = store.write(data, expected=None)
    return Vault(store, stored, read_envelope(data), content, Keys(master, slot))


def check_passphrase(passphrase: str) -> None:
    """See that a new passphrase is not too short.

    Raises:
        VaultError: It is.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise VaultError(
            f"a passphrase needs at least {MIN_PASSPHRASE} characters", "four random words are good"
        )

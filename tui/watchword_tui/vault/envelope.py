"""The vault's file around its content: version, header with slots, and the accounts, sealed or plain."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import msgspec
from msgspec.structs import replace

from watchword_otp.value import Value
from watchword_tui.errors import DamagedVaultError, VaultError, WrongPassphraseError
from watchword_tui.vault.slots import (
    MAX_WORK,
    TAG_BYTES,
    MasterKey,
    Slot,
    SlotType,
    gcm_open,
    gcm_seal,
    read_slot,
)

FILE_VERSION = 1
"""The version of the file's outer shape that is read and written."""

_RESTORE = "restore a backup: watchword vault restore"
_OURS = "watchword"


class _Params(msgspec.Struct, frozen=True):
    nonce: str
    tag: str


class Envelope(Value, frozen=True):
    """A vault's file, read but not opened."""

    HIDDEN = frozenset({"fields", "header", "params", "nonce", "content"})

    fields: dict[str, msgspec.Raw]
    """Everything outside `header` and `db`."""
    header: dict[str, msgspec.Raw]
    """Everything in the header besides slots and params."""
    slots: tuple[Slot, ...]
    """None for a plain vault."""
    params: dict[str, msgspec.Raw]
    """What stands beside nonce and tag."""
    nonce: bytes
    content: bytes
    """The accounts as JSON; encrypted with its tag if there are slots."""
    intact: bool | None
    """Whether the file is as it was written; None where the writer left no checksum."""

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase or key is needed."""
        return bool(self.slots)

    def slots_of(self, kind: SlotType) -> tuple[Slot, ...]:
        """The slots that are opened by a passphrase, a keyring's key, a phone."""
        return tuple(slot for slot in self.slots if slot.type == kind)

    def open_with_passphrase(self, passphrase: str) -> tuple[MasterKey, Slot]:
        """Try every passphrase slot; give the master key and the slot that fits.

        Raises:
            WrongPassphraseError: None fits, and nothing says that the file is damaged.
            VaultError: The file is damaged, or has no slot for passphrases.
        """
        slots = self.slots_of(SlotType.PASSWORD)
        if sum(slot.work for slot in slots) > MAX_WORK:
            raise DamagedVaultError(
                "the vault asks for more work than any vault does",
                f"it is damaged or not yours; {_RESTORE}",
            )
        odd: VaultError | None = None
        for slot in slots:
            try:
                return slot.open_with_passphrase(passphrase), slot
            except WrongPassphraseError:
                continue
            except VaultError as error:
                # Another slot may be whole.
                odd = error.with_traceback(None)
        if self.intact is False:
            # A damaged slot refuses the right passphrase too; nobody should doubt their memory.
            raise DamagedVaultError("the vault's file is damaged", _RESTORE)
        if odd is not None:
            raise odd
        if not slots:
            raise VaultError("the vault has no passphrase", "open it with the keyring it was made for")
        raise WrongPassphraseError("the passphrase does not open the vault", "try again")

    def open_content(self, master: MasterKey | None) -> bytes:
        """Give the accounts as JSON; without a master key those of a plain vault.

        Raises:
            VaultError: The content was changed or damaged.
        """
        if master is None:
            return self.content
        opened = gcm_open(master.raw, self.nonce, self.content)
        if opened is None:
            raise DamagedVaultError("the key is right, but the vault's content is damaged", _RESTORE)
        return opened

    def sealed(self, content: bytes, master: MasterKey | None, slots: tuple[Slot, ...]) -> bytes:
        """Write a file with this one's other fields and new content; without a master key, plain."""
        if master is None:
            changed = replace(self, slots=(), params={}, nonce=b"", content=content)
        else:
            nonce, sealed = gcm_seal(master.raw, content)
            changed = replace(self, slots=slots, nonce=nonce, content=sealed)
        return _written(changed)


def new_envelope() -> Envelope:
    """An envelope with nothing in it."""
    return Envelope({}, {}, (), {}, b"", b"", intact=None)


def read_envelope(data: bytes) -> Envelope:
    """Read a vault's file.

    Raises:
        VaultError: It is no vault, damaged, or of a newer version.
    """
    try:
        return _read(data)
    except (msgspec.MsgspecError, binascii.Error, ValueError, RecursionError):
        pass
    # Outside the handler: its frames hold the file's content.
    raise DamagedVaultError("the file is no vault, or is damaged", _RESTORE)


def _read(data: bytes) -> Envelope:
    fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    version = msgspec.json.decode(fields.pop("version", b"null"))
    if isinstance(version, int) and version > FILE_VERSION:
        raise VaultError(
            f"the vault has version {version} of its format", "open it with a newer watchword"
        )
    if version != FILE_VERSION:
        raise ValueError
    header = msgspec.json.decode(fields.pop("header", b"{}"), type=dict[str, msgspec.Raw])
    raw_slots = msgspec.json.decode(header.pop("slots", b"null"), type=list[dict[str, Any]] | None)
    raw_params = header.pop("params", msgspec.Raw(b"null"))
    mark = header.pop(_OURS, None)
    content = fields.pop("db", msgspec.Raw(b"null"))
    if raw_slots is None and bytes(raw_params) == b"null":
        return Envelope(fields, header, (), {}, b"", _object(content), intact=None)
    params = msgspec.json.decode(raw_params, type=_Params)
    others = msgspec.json.decode(raw_params, type=dict[str, msgspec.Raw])
    if not raw_slots:
        raise ValueError
    slots = tuple(read_slot(slot) for slot in raw_slots)
    text = msgspec.json.decode(content, type=str)
    sealed = base64.b64decode(text, validate=True) + bytes.fromhex(params.tag)
    nonce = bytes.fromhex(params.nonce)
    rest = {name: raw for name, raw in others.items() if name not in {"nonce", "tag"}}
    intact = None
    if mark is not None:
        known = msgspec.json.decode(mark, type=dict[str, str]).get("sha256", "")
        intact = known == _checksum(slots, nonce, sealed)
    return Envelope(fields, header, slots, rest, nonce, sealed, intact)


def _object(content: msgspec.Raw) -> bytes:
    """A plain vault's content: encrypted, it would be text, and its slots are gone."""
    plain = bytes(content)
    if not plain.startswith(b"{"):
        raise ValueError
    return plain


def _written(envelope: Envelope) -> bytes:
    header: dict[str, Any]
    db: bytes
    if envelope.encrypted:
        tag = envelope.content[-TAG_BYTES:].hex()
        header = {
            "slots": [slot.fields for slot in envelope.slots],
            "params": {"nonce": envelope.nonce.hex(), "tag": tag, **envelope.params},
            # Tells a wrong passphrase from a damaged file; Aegis passes over it.
            _OURS: {"sha256": _checksum(envelope.slots, envelope.nonce, envelope.content)},
        }
        db = msgspec.json.encode(base64.b64encode(envelope.content[:-TAG_BYTES]).decode())
    else:
        header = {"slots": None, "params": None}
        db = envelope.content
    parts = {
        "version": FILE_VERSION,
        "header": header | envelope.header,
        **envelope.fields,
        "db": msgspec.Raw(db),
    }
    return msgspec.json.encode(parts) + b"\n"


def _checksum(slots: tuple[Slot, ...], nonce: bytes, sealed: bytes) -> str:
    """SHA-256 over what must be whole for a passphrase to fit, however the JSON is laid out."""
    found = hashlib.sha256()
    for slot in slots:
        numbers = f"{slot.type} {slot.id} {slot.n} {slot.r} {slot.p}".encode()
        for part in (numbers, slot.wrapped, slot.nonce, slot.salt):
            found.update(len(part).to_bytes(4, "big") + part)
    found.update(nonce + sealed)
    return found.hexdigest()

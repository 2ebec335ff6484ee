"""Slots: each holds the vault's master key, wrapped by a key that a person or a keyring has.

As Aegis documents it: scrypt (RFC 7914) makes a key of the passphrase, AES-256-GCM (NIST SP 800-38D)
wraps the master key with it, and the master key encrypts the accounts the same way.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import uuid
from enum import IntEnum
from typing import Annotated, Any

import msgspec

from watchword_otp.value import Value
from watchword_tui.errors import DamagedVaultError, WrongPassphraseError

KEY_BYTES = 32
"""Length of every key: AES-256."""

SALT_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

NEW_N, NEW_R, NEW_P = 2**15, 8, 3
"""scrypt of new slots: one of OWASP's equal minimums (password storage cheat sheet), the one that
takes 32 MiB: no more memory than Aegis itself takes, so a small server and an old phone open it."""

MAX_MEMORY = 2**28
"""Bytes that a slot may ask scrypt for, eight times Aegis'; beyond, a file is damaged or hostile."""

MAX_WORK = 2**24
"""Largest sum of N times r times p over a vault's slots: some five seconds, twenty of our slots."""

_HMAC_BLOCK = 64
"""Bytes up to which HMAC-SHA256, and so scrypt, does not see zeros at a passphrase's end."""

_ROOM_PER_CHARACTER = (2.0, 1.1)
"""Bytes that Android's and Java's UTF-8 encoders set aside for each character."""

_Hex = Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{2})*$")]


class SlotType(IntEnum):
    """What opens a slot; the numbers are Aegis'."""

    RAW = 0
    """A key as it is, kept by the system's keyring."""
    PASSWORD = 1
    BIOMETRIC = 2
    """A key inside a phone; carried along, never opened here."""


class _KeyParams(msgspec.Struct, frozen=True):
    nonce: _Hex
    tag: _Hex


class _Slot(msgspec.Struct, frozen=True):
    type: int
    key: _Hex
    key_params: _KeyParams
    uuid: str = ""
    n: int = 0
    r: int = 0
    p: int = 0
    salt: _Hex = ""
    repaired: bool = False


class MasterKey(Value, frozen=True):
    """The key that encrypts the accounts; never shown."""

    HIDDEN = frozenset({"raw"})

    raw: bytes

    @classmethod
    def generate(cls) -> MasterKey:
        """Make a new one."""
        return cls(secrets.token_bytes(KEY_BYTES))


class Slot(Value, frozen=True):
    """One slot as the file has it, with fields we do not know."""

    HIDDEN = frozenset({"fields", "wrapped", "nonce", "salt"})

    fields: dict[str, Any]
    type: int
    id: str
    """Its UUID."""
    wrapped: bytes
    """The master key, encrypted, with its tag."""
    nonce: bytes
    n: int
    r: int
    p: int
    salt: bytes
    repaired: bool

    @property
    def work(self) -> int:
        """What trying a passphrase takes, as `MAX_WORK` counts it; 0 for a slot without one."""
        return abs(self.n * self.r * self.p) if self.type == SlotType.PASSWORD else 0

    def open_with_passphrase(self, passphrase: str) -> MasterKey:
        """Give the master key.

        Takes as long as scrypt wants; releases the interpreter meanwhile.

        Raises:
            WrongPassphraseError: Not this slot's passphrase.
            VaultError: The slot asks for more than any real one does, or for what cannot be.
        """
        encodings = [_encoded(passphrase)]
        if not self.repaired:
            encodings += _early_encodings(passphrase)
        for encoded in encodings:
            try:
                return self.open_with_key(self._derive(encoded))
            except WrongPassphraseError:
                continue
        raise WrongPassphraseError("the passphrase does not open the vault")

    def open_with_key(self, key: bytes) -> MasterKey:
        """Give the master key, wrapped by `key` itself.

        Raises:
            WrongPassphraseError: Not this slot's key.
            VaultError: The slot is damaged.
        """
        if len(self.wrapped) != KEY_BYTES + TAG_BYTES or len(self.nonce) != NONCE_BYTES:
            raise DamagedVaultError(
                "a slot of the vault is damaged", "restore a backup: watchword vault restore"
            )
        opened = gcm_open(key, self.nonce, self.wrapped)
        if opened is None:
            raise WrongPassphraseError("the passphrase does not open the vault")
        return MasterKey(opened)

    def _derive(self, passphrase: bytes) -> bytes:
        if self.n * self.r * 128 > MAX_MEMORY or self.work > MAX_WORK:
            raise DamagedVaultError(
                "the vault asks for more work than any vault does",
                "it is damaged or not yours; restore a backup: watchword vault restore",
            )
        if min(self.n, self.r, self.p) > 0:
            with contextlib.suppress(ValueError):
                return _scrypt(passphrase, self.salt, self.n, self.r, self.p)
        raise DamagedVaultError(
            "a passphrase slot of the vault has impossible parameters",
            "restore a backup: watchword vault restore",
        )


def read_slot(fields: dict[str, Any]) -> Slot:
    """Read a slot of the file.

    Raises:
        msgspec.ValidationError: It is no slot.
    """
    read = msgspec.convert(fields, _Slot)
    return Slot(
        fields=fields,
        type=read.type,
        # The oldest vaults' slots have none.
        id=read.uuid or str(uuid.uuid5(uuid.NAMESPACE_URL, f"watchword:slot:{read.key.lower()}")),
        wrapped=bytes.fromhex(read.key) + bytes.fromhex(read.key_params.tag),
        nonce=bytes.fromhex(read.key_params.nonce),
        n=read.n,
        r=read.r,
        p=read.p,
        salt=bytes.fromhex(read.salt),
        repaired=read.repaired,
    )


def passphrase_slot(master: MasterKey, passphrase: str, *, name: str = "") -> Slot:
    """Make a slot that `passphrase` opens; `name` is for telling several apart."""
    salt = secrets.token_bytes(SALT_BYTES)
    key = _scrypt(_encoded(passphrase), salt, NEW_N, NEW_R, NEW_P)
    fields: dict[str, Any] = {"type": int(SlotType.PASSWORD), **_wrapped(master, key)}
    fields |= {"n": NEW_N, "r": NEW_R, "p": NEW_P, "salt": salt.hex()}
    fields |= {"repaired": True, "is_backup": False}
    if name:
        fields["name"] = name
    return read_slot(fields)


def key_slot(master: MasterKey, key: bytes) -> Slot:
    """Make a slot that `key`, 32 random bytes, opens as it is."""
    return read_slot({"type": int(SlotType.RAW), **_wrapped(master, key)})


def gcm_seal(key: bytes, plain: bytes) -> tuple[bytes, bytes]:
    """Encrypt under a fresh nonce; give nonce, and ciphertext with its tag."""
    # Not at the top: a plain vault is read without the library.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce, AESGCM(key).encrypt(nonce, plain, None)


def gcm_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    """Decrypt; None if the key is not the right one or a bit has changed."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in gcm_seal
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as in gcm_seal

    try:
        return AESGCM(key).decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError):
        return None


def _wrapped(master: MasterKey, key: bytes) -> dict[str, Any]:
    nonce, sealed = gcm_seal(key, master.raw)
    tag = sealed[-TAG_BYTES:].hex()
    return {
        "uuid": str(uuid.uuid4()),
        "key": sealed[:-TAG_BYTES].hex(),
        "key_params": {"nonce": nonce.hex(), "tag": tag},
    }


def _scrypt(passphrase: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    # What OpenSSL counts: the table, a block for each lane, and a little for itself.
    memory = 128 * r * (n + p + 2) + 2**20
    return hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=KEY_BYTES)


def _encoded(passphrase: str) -> bytes:
    # A terminal that is not in UTF-8 may have typed what has no encoding; that is no reason to fail.
    return passphrase.encode("utf-8", "surrogatepass")


def _early_encodings(passphrase: str) -> list[bytes]:
    """The bytes that Aegis up to 0.3.3 made of a passphrase: with the encoder's spare room, as zeros.

    Room is set aside by the number of UTF-16 characters, and doubled until the bytes fit in.
    """
    encoded = _encoded(passphrase)
    characters = len(passphrase.encode("utf-16-le", "surrogatepass")) // 2
    found = []
    for factor in _ROOM_PER_CHARACTER:
        room = int(characters * factor)
        while room < len(encoded):
            room = 2 * room + 1
        if room > max(_HMAC_BLOCK, len(encoded)):
            found.append(encoded.ljust(room, b"\0"))
    return found

"""Secrets at rest: sealed with AES-256-GCM, each bound to the key it belongs to.

Sealing keys are numbered, so that new ones can take over while old ones still open what they sealed.
A stolen database alone reveals no secret, and nothing sealed can be moved to another key's row.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from watchword_otp import InvalidKeyError, Key, Secret
from watchword_server.errors import UserError, why
from watchword_server.privatefile import replacement
from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from watchword_server.store.records import StoredKey

KEYS_VARIABLE = "WATCHWORD_SEALING_KEYS"
"""Holds the sealing keys themselves, for machines that hand secrets out that way."""

CREDENTIAL_NAME = "watchword-sealing-keys"
"""What systemd's `LoadCredential=` has to call the file."""

_MAX_FILE = 64 * 1024
_NONCE_BYTES = 12
_KEY_BYTES = 32
_LINE = re.compile(r"([1-9][0-9]{0,3}):([A-Za-z0-9_-]{43})=?")

_T = TypeVar("_T")


class Ring:
    """Sealing keys by number. Its repr shows only the numbers."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        """Hold `keys`: 32 bytes each, by numbers from 1 up."""
        self._keys = dict(keys)
        self._ciphers = {number: AESGCM(key) for number, key in keys.items()}

    @classmethod
    def parse(cls, text: str, source: str) -> Ring:
        """Read lines of `NUMBER:BASE64URL`; blank ones and those that begin with # are passed over.

        Raises:
            UserError: A line is something else, or a number comes twice; `source` names the place.
        """
        keys: dict[int, bytes] = {}
        for count, line in enumerate(text.split("\n"), start=1):
            line = line.strip()  # noqa: PLW2901 - the same line
            if not line or line.startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if match is None or int(match[1]) in keys:
                message = f"line {count} of {source} is not a new NUMBER:KEY, 32 bytes in base64url"
                raise UserError(message)
            try:
                keys[int(match[1])] = base64.urlsafe_b64decode(match[2] + "=")
            except binascii.Error:
                message = f"line {count} of {source} is not base64url"
                raise UserError(message) from None
        if not keys:
            message = f"{source} holds no sealing key; put back the one that was there"
            raise UserError(message)
        return cls(keys)

    @classmethod
    def generate(cls) -> Ring:
        """Make a ring with one new random key, number 1."""
        return cls({1: secrets.token_bytes(_KEY_BYTES)})

    @property
    def newest(self) -> int:
        """The highest number."""
        return max(self._keys)

    @property
    def numbers(self) -> list[int]:
        """All numbers, ascending."""
        return sorted(self._keys)

    def with_new_key(self) -> Ring:
        """This ring and one new random key with the next number."""
        return Ring({**self._keys, self.newest + 1: secrets.token_bytes(_KEY_BYTES)})

    def only(self, number: int) -> Ring:
        """A ring with just that key."""
        return Ring({number: self._keys[number]})

    def without(self, numbers: Collection[int]) -> Ring:
        """A ring with all keys but these."""
        return Ring({number: key for number, key in self._keys.items() if number not in numbers})

    def text(self) -> str:
        """The lines that `parse` reads. They are the keys themselves."""
        lines = [
            f"{number}:{base64.urlsafe_b64encode(self._keys[number]).decode().rstrip('=')}\n"
            for number in self.numbers
        ]
        return "".join(lines)

    def seal(self, number: int, content: bytes, purpose: str) -> bytes:
        """Seal `content` for one purpose with the key of this number: nonce, ciphertext, tag.

        Raises:
            StoreError: There is no such key in the ring.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher(number).encrypt(nonce, content, _aad(number, purpose))

    def open(self, number: int, sealed: bytes, purpose: str) -> bytes:
        """Open what `seal` made for the same purpose with the same key.

        Raises:
            StoreError: The key is not in the ring, or is another one, or the content was changed.
        """
        try:
            return self._cipher(number).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _aad(number, purpose)
            )
        except (InvalidTag, ValueError):
            message = (
                f"sealing key {number} does not open what it should have sealed: it is another key,"
                " or the database was changed; put the right key back, or restore a backup"
            )
            raise StoreError(message, Cause.SEALING_KEY_WRONG) from None

    def seal_secret(self, number: int, key_id: int, name: str, secret: Secret) -> bytes:
        """Seal the secret of one key."""
        return self.seal(number, secret.reveal(), f"secret of key {key_id} {name}")

    def open_key(self, stored: StoredKey) -> Key:
        """The key with its secret, without labels.

        Raises:
            StoreError: See `open`; also for a secret that was never sealed.
        """
        raw = self.open(stored.seal, stored.secret, f"secret of key {stored.id} {stored.name}")
        try:
            return Key(
                secret=Secret(raw),
                kind=stored.kind,
                algorithm=stored.algorithm,
                digits=stored.digits,
                period=stored.period,
            )
        except InvalidKeyError as error:
            message = f"key {stored.name} is damaged: {error}; restore a backup"
            raise StoreError(message, Cause.DAMAGED) from None

    def __repr__(self) -> str:
        return f"<Ring {self.numbers}>"

    def _cipher(self, number: int) -> AESGCM:
        try:
            return self._ciphers[number]
        except KeyError:
            message = f"sealing key {number} is not there; put it back where the others are"
            raise StoreError(message, Cause.SEALING_KEY_MISSING) from None


class Keyring:
    """Where the sealing keys are: read when first needed, and again when something does not open."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        """Look in the variable `KEYS_VARIABLE`, then systemd's credentials, then in the file `path`."""
        self._text = environment.get(KEYS_VARIABLE)
        folder = environment.get("CREDENTIALS_DIRECTORY")
        credential = None if folder is None else Path(folder) / CREDENTIAL_NAME
        self._credential = credential if credential is not None and _may_be_there(credential) else None
        self._path = path
        self._ring: Ring | None = None

    @property
    def source(self) -> str:
        """Where the keys come from, in words."""
        if self._text is not None:
            return f"the variable {KEYS_VARIABLE}"
        return str(self._credential or self._path)

    @property
    def is_ours(self) -> bool:
        """Whether the keys are in a file that this program may write."""
        return self._text is None and self._credential is None

    @property
    def path(self) -> Path:
        """The file, which counts if `is_ours`."""
        return self._path

    def ring(self) -> Ring:
        """The keys, read once.

        Raises:
            StoreError: They are missing or unreadable; the next call looks again.
        """
        if self._ring is None:
            self._ring = self._read()
        return self._ring

    def forget(self) -> None:
        """Read again when asked next: something did not open."""
        self._ring = None

    def open_key(self, stored: StoredKey) -> Key:
        """As `Ring.open_key`, with one more look at the source if the key is not in the ring yet.

        Raises:
            StoreError: See `Ring.open_key`.
        """
        return self._again(lambda ring: ring.open_key(stored))

    def open(self, number: int, sealed: bytes, purpose: str) -> bytes:
        """As `Ring.open`, with one more look at the source if need be.

        Raises:
            StoreError: See `Ring.open`.
        """
        return self._again(lambda ring: ring.open(number, sealed, purpose))

    def seal_secret(self, number: int, key_id: int, name: str, secret: Secret) -> bytes:
        """As `Ring.seal_secret`, with one more look at the source if need be.

        Raises:
            StoreError: There is no such sealing key.
        """
        return self._again(lambda ring: ring.seal_secret(number, key_id, name, secret))

    def create(self) -> Ring:
        """Make the first sealing key, in the file.

        Raises:
            StoreError: The file is there already, or cannot be written, or is not ours to write.
        """
        ring = Ring.generate()
        self._write(ring, exclusively=True)
        self._ring = ring
        return ring

    def replace(self, ring: Ring) -> None:
        """Put `ring` in the file's place, whole or not at all.

        Raises:
            StoreError: The file cannot be written, or is not ours to write.
        """
        self._write(ring, exclusively=False)
        self._ring = ring

    def _again(self, work: Callable[[Ring], _T]) -> _T:
        try:
            return work(self.ring())
        except StoreError as error:
            if error.cause not in {Cause.SEALING_KEY_MISSING, Cause.SEALING_KEY_WRONG}:
                raise
        # Another process may have added a key, or an operator put one back.
        self.forget()
        return work(self.ring())

    def _read(self) -> Ring:
        text = self._text if self._text is not None else self._read_file(self._credential or self._path)
        try:
            return Ring.parse(text, self.source)
        except UserError as error:
            raise StoreError(str(error), Cause.SEALING_KEY_WRONG) from None

    def _read_file(self, path: Path) -> str:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with os.fdopen(descriptor, encoding="ascii") as stream:
                status = os.fstat(descriptor)
                if not self.is_ours or _is_private(status):
                    return stream.read(_MAX_FILE)
        except FileNotFoundError:
            message = f"the sealing keys are not in {path}; put the file back"
            raise StoreError(message, Cause.SEALING_KEY_MISSING) from None
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            message = f"cannot read the sealing keys in {path}: {reason.lower()}"
            raise StoreError(message, Cause.SEALING_KEY_MISSING) from None
        message = f"the sealing keys in {path} must be yours alone; run: chmod 600 {path}"
        raise StoreError(message, Cause.SEALING_KEY_MISSING)

    def _write(self, ring: Ring, *, exclusively: bool) -> None:
        if not self.is_ours:
            message = f"the sealing keys come from {self.source}, where only you can change them"
            raise StoreError(message, Cause.SEALING_KEY_MISSING)
        try:
            with replacement(self._path, exclusively=exclusively) as made:
                made.write_bytes(ring.text().encode("ascii"))
        except OSError as error:
            message = f"cannot write the sealing keys {self._path}: {why(error)}"
            raise StoreError(message, Cause.SEALING_KEY_MISSING) from None


def _aad(number: int, purpose: str) -> bytes:
    return f"watchword 1 {number} {purpose}".encode()


def _may_be_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        # Reading it will say why not; another key must not be made in its place.
        return True
    return True


def _is_private(status: os.stat_result) -> bool:
    others = stat.S_IRWXG | stat.S_IRWXO
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & others

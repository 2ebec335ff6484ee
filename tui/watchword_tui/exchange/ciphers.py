"""Keys derived from passphrases, and content opened with them; the same for every format.

All derivations run in OpenSSL without Python's global lock, so a screen stays live beside them. What
they take is looked at before: build the derivation, then `unlock` it, which asks first if need be.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Protocol

from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.cost import argon2_cost, pbkdf2_cost, require, scrypt_cost

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Cost

_MAX_ITERATIONS = 2**31 - 1
_MAX_LANES = 2**24 - 1


class Derivation(Protocol):
    """A key derivation with its parameters, all from the file."""

    def cost(self) -> Cost:
        """What `derive` takes."""
        ...

    def derive(self, passphrase: bytes) -> bytes:
        """Do the work.

        Raises:
            ForeignFileError: The parameters make no sense, or memory has run out.
        """
        ...


class Pbkdf2(Value, frozen=True):
    """PBKDF2-HMAC (RFC 8018 section 5.2)."""

    salt: bytes
    iterations: int
    algorithm: str = "SHA256"
    """SHA1, SHA256 or SHA512."""
    length: int = 32
    """Bytes of the key."""

    def cost(self) -> Cost:
        """What `derive` takes."""
        return pbkdf2_cost(self.iterations, self.algorithm)

    def derive(self, passphrase: bytes) -> bytes:
        """Do the work; see `Derivation`."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - plain files need none
        from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC  # noqa: PLC0415 - as above

        if not 1 <= self.iterations <= _MAX_ITERATIONS:
            raise damaged()
        hasher = {
            "SHA1": hashes.SHA1(),  # noqa: S303 - andOTP and others use it, and inside an HMAC it holds
            "SHA256": hashes.SHA256(),
            "SHA512": hashes.SHA512(),
        }
        kdf = PBKDF2HMAC(hasher[self.algorithm], self.length, self.salt, self.iterations)
        return kdf.derive(passphrase)


class Argon2(Value, frozen=True):
    """Argon2id, or KeePass' Argon2d (RFC 9106 section 3.1)."""

    salt: bytes
    passes: int
    memory: int
    """Bytes."""
    lanes: int = 1
    length: int = 32
    """Bytes of the key."""
    kind: str = "id"
    """"id" or "d"."""

    def cost(self) -> Cost:
        """What `derive` takes."""
        return argon2_cost(self.passes, self.memory, self.lanes)

    def derive(self, passphrase: bytes) -> bytes:
        """Do the work; see `Derivation`."""
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.kdf import argon2  # noqa: PLC0415 - as above

        if not (1 <= self.lanes <= _MAX_LANES and 1 <= self.passes <= _MAX_ITERATIONS):
            raise damaged()
        try:
            kdf = (argon2.Argon2d if self.kind == "d" else argon2.Argon2id)(
                salt=self.salt,
                length=self.length,
                iterations=self.passes,
                lanes=self.lanes,
                memory_cost=self.memory // 1024,
            )
            return kdf.derive(passphrase)
        except UnsupportedAlgorithm:
            raise ForeignFileError(
                "the cryptography package here lacks Argon2, which this file needs",
                "install one that was built with OpenSSL 3.2 or newer",
            ) from None
        except (ValueError, OverflowError):
            raise damaged() from None
        except MemoryError:
            raise _no_memory() from None


class Scrypt(Value, frozen=True):
    """The scrypt function (RFC 7914 section 6)."""

    salt: bytes
    n: int
    r: int
    p: int
    length: int = 32
    """Bytes of the key."""

    def cost(self) -> Cost:
        """What `derive` takes."""
        return scrypt_cost(self.n, self.r, self.p)

    def derive(self, passphrase: bytes) -> bytes:
        """Do the work; see `Derivation`."""
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt as Work  # noqa: PLC0415 - as above

        try:
            return Work(salt=self.salt, length=self.length, n=self.n, r=self.r, p=self.p).derive(
                passphrase
            )
        except (ValueError, OverflowError):
            raise damaged() from None
        except MemoryError:
            raise _no_memory() from None


def unlock(ask: Ask, derivation: Derivation) -> bytes:
    """The key that the person's passphrase gives, once the cost is agreed to.

    Raises:
        CancelledError: The person does not want to pay, or to type.
        ForeignFileError: The parameters make no sense, or nobody could pay.
    """
    require(ask, derivation.cost())
    return derivation.derive(passphrase_bytes(ask))


def passphrase_bytes(ask: Ask) -> bytes:
    """The person's passphrase in UTF-8, as every app but the oldest takes it."""
    return ask.passphrase().encode("utf-8", "surrogatepass")


def aes_gcm_open(
    key: bytes, nonce: bytes, sealed: bytes, *, aad: bytes | None = None, verified: bool = False
) -> bytes:
    """Open AES-GCM (NIST SP 800-38D); the tag of 16 bytes stands at the end of `sealed`.

    Args:
        key: 16, 24 or 32 bytes.
        nonce: 8 to 128 bytes, in practice 12.
        sealed: Ciphertext and tag.
        aad: What is authenticated beside it.
        verified: Whether the key is known to be right, so that a failure means damage.

    Raises:
        WrongPassphraseError: The tag does not fit and `verified` is false.
        ForeignFileError: The file is damaged.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - plain files need none
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        # Shorter than a tag is no question of the passphrase.
        raise (damaged() if verified or len(sealed) < 16 else wrong_passphrase()) from None  # noqa: PLR2004 - as said
    except ValueError:
        raise damaged() from None


def aes_cbc_open(key: bytes, iv: bytes, sealed: bytes, *, verified: bool = False) -> bytes:
    """Open AES-CBC with PKCS #7 padding (RFC 5652 section 6.3), which is not authenticated.

    A wrong key goes unnoticed once in 256 times: the caller must look at what comes out.

    Args:
        key: 16, 24 or 32 bytes.
        iv: 16 bytes.
        sealed: Whole blocks of 16 bytes.
        verified: Whether the key is known to be right, so that a failure means damage.

    Raises:
        WrongPassphraseError: The padding makes no sense and `verified` is false.
        ForeignFileError: The file is damaged.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415 - as above

    try:
        opener = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        padded = opener.update(sealed) + opener.finalize()
    except ValueError:
        raise damaged() from None
    if not padded:
        raise damaged()
    try:
        remover = PKCS7(128).unpadder()
        return remover.update(padded) + remover.finalize()
    except ValueError:
        raise (damaged() if verified else wrong_passphrase()) from None


def from_base64(text: str) -> bytes:
    """Bytes from standard base64 (RFC 4648 section 4).

    Raises:
        ForeignFileError: It is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise damaged() from None


def from_hex(text: str) -> bytes:
    """Bytes from hexadecimal digits.

    Raises:
        ForeignFileError: They are none.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise damaged() from None


def damaged() -> ForeignFileError:
    """The error for a file that was encrypted and cannot be whole any more."""
    return ForeignFileError("the file is damaged or cut short", "export it again from the app")


def wrong_passphrase() -> WrongPassphraseError:
    """The error for a passphrase that opens nothing."""
    return WrongPassphraseError(
        "the passphrase does not open this file",
        "it is the one that was chosen when the file was exported",
    )


def _no_memory() -> ForeignFileError:
    return ForeignFileError(
        "there is not enough memory to open this file", "free some, or import it on a larger machine"
    )

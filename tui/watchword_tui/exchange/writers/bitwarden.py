"""Bitwarden exports in JSON, plain and under a passphrase (Argon2id).

An account becomes a login item with an otpauth:// URI; it is in one folder, its first group; and every
item has a title, so that a name without an issuer stands where the issuer would. The app makes codes by
time only, and a Steam key is its secret alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Kind, format_uri
from watchword_tui.exchange.ciphers import Argon2
from watchword_tui.exchange.model import Writer, Written
from watchword_tui.exchange.writers.parts import first_group, group_ids, sort_out, titled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_otp import Key
    from watchword_tui.accounts import Account

_ARGON2ID = 1
_PASSES, _MEBIBYTES, _LANES = 3, 64, 4
"""Argon2id as Bitwarden itself sets it unless told otherwise."""

_SALT_BYTES = 16
_IV_BYTES = 16
_LOGIN = 1


def write_plain(accounts: Sequence[Account], _passphrase: str) -> Written:
    """Write a plain export; see `Writer`."""
    held, left_out = sort_out(accounts, _why_not)
    return Written(_export(held), left_out)


def write_encrypted(accounts: Sequence[Account], passphrase: str) -> Written:
    """Write a password-protected export; see `Writer`."""
    held, left_out = sort_out(accounts, _why_not)
    # The salt is used as text, not as what the base64 stands for.
    salt = base64.b64encode(secrets.token_bytes(_SALT_BYTES)).decode()
    derivation = Argon2(hashlib.sha256(salt.encode()).digest(), _PASSES, _MEBIBYTES * 2**20, _LANES)
    key = derivation.derive(passphrase.encode("utf-8", "surrogatepass"))
    content = {
        "encrypted": True,
        "passwordProtected": True,
        "salt": salt,
        "kdfType": _ARGON2ID,
        "kdfIterations": _PASSES,
        "kdfMemory": _MEBIBYTES,
        "kdfParallelism": _LANES,
        # Anything that opens: by it the app tells a wrong passphrase.
        "encKeyValidation_DO_NOT_EDIT": _sealed(key, str(uuid.uuid4()).encode()),
        "data": _sealed(key, _export(held)),
    }
    return Written(msgspec.json.encode(content), left_out)


def _why_not(key: Key) -> str:
    if key.kind is Kind.HOTP:
        return "Bitwarden makes no codes counted by use (HOTP)"
    if key.kind is Kind.STEAM and key.period != 30:  # noqa: PLR2004 - the field's default
        return "Bitwarden has Steam keys with a period of 30 s only"
    return ""


def _export(accounts: Sequence[Account]) -> bytes:
    ids = group_ids(accounts)
    content = {
        "encrypted": False,
        "folders": [{"id": one, "name": name} for name, one in ids.items()],
        "items": [_item(account, ids) for account in accounts],
    }
    return msgspec.json.encode(content)


def _item(account: Account, ids: dict[str, str]) -> dict[str, object]:
    key = titled(account.key)
    steam = key.kind is Kind.STEAM
    return {
        "id": str(uuid.uuid4()),
        "organizationId": None,
        "folderId": first_group(account, ids),
        "type": _LOGIN,
        "reprompt": 0,
        "name": key.issuer,
        "notes": account.note or None,
        "favorite": account.favourite,
        "login": {
            "uris": [],
            "username": key.name or None,
            "password": None,
            "totp": f"steam://{key.secret.base32()}" if steam else format_uri(key),
        },
        "collectionIds": None,
    }


def _sealed(key: bytes, content: bytes) -> str:
    """Bitwarden's encrypted string of type 2: AES-256-CBC, then HMAC-SHA256 over IV and ciphertext.

    Both keys are expanded from `key` (RFC 5869 section 2.3).
    """
    from cryptography.hazmat.primitives import hashes, padding  # noqa: PLC0415 - plain exports need none
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand  # noqa: PLC0415 - as above

    cipher_key, mac_key = (
        HKDFExpand(hashes.SHA256(), 32, info).derive(key) for info in (b"enc", b"mac")
    )
    iv = secrets.token_bytes(_IV_BYTES)
    padder = padding.PKCS7(128).padder()
    sealer = Cipher(algorithms.AES(cipher_key), modes.CBC(iv)).encryptor()
    ciphertext = sealer.update(padder.update(content) + padder.finalize()) + sealer.finalize()
    mac = hmac.digest(mac_key, iv + ciphertext, "sha256")
    return "2." + "|".join(base64.b64encode(part).decode() for part in (iv, ciphertext, mac))


PLAIN = Writer(name="bitwarden", title="Bitwarden", suffix=".json", encrypts=False, write=write_plain)
ENCRYPTED = Writer(
    name="bitwarden", title="Bitwarden", suffix=".json", encrypts=True, write=write_encrypted
)

"""Keys in a file under a passphrase: scrypt (RFC 7914) and AES-256-GCM.

The file is one JSON object. `kdf` says how the key is derived from the passphrase, in UTF-8:
`{"name": "scrypt", "n": ..., "r": ..., "p": ..., "salt": base64}`; 32 bytes are derived. `content` is
base64 of the ciphertext and the 16-byte tag, `nonce` of the 12-byte nonce. The associated data is
`watchword-export 1 scrypt N R P` and a line feed, then the salt's bytes. In clear, the content is a
JSON object whose `keys` are objects with the members of `SealedKey`.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret, clean_label
from watchword_server.errors import UserError
from watchword_server.imports import BadLine, Entry, LineError, Parsed, canonical, without_twins
from watchword_server.verifier import MAX_WINDOW, NEVER

_N, _R, _P = 2**17, 8, 1
_MAX_MEMORY = 512 * 1024 * 1024


class _Kdf(msgspec.Struct, frozen=True, kw_only=True):
    name: Literal["scrypt"] = "scrypt"
    # No more than 256 MiB, whatever a file asks for.
    n: Annotated[int, Meta(ge=2, le=2**18)] = _N
    r: Annotated[int, Meta(ge=1, le=8)] = _R
    p: Annotated[int, Meta(ge=1, le=4)] = _P
    salt: Annotated[bytes, Meta(min_length=16, max_length=64)]


class _File(msgspec.Struct, frozen=True, kw_only=True):
    format: Literal["watchword-export"] = "watchword-export"
    version: Literal[1] = 1
    kdf: _Kdf
    nonce: Annotated[bytes, Meta(min_length=12, max_length=12)]
    content: bytes


class SealedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key in such a file, with what was used of it."""

    name: str
    secret: str
    """Base32."""
    kind: Kind = Kind.TOTP
    algorithm: Algorithm = Algorithm.SHA1
    digits: int = 6
    period: int = 30
    issuer: str = ""
    account: str = ""
    window: Annotated[int, Meta(ge=0, le=MAX_WINDOW)] | None = None
    last_step: Annotated[int, Meta(ge=NEVER, le=2**62)] = NEVER
    """The last step, or counter, that was used."""
    drift: Annotated[int, Meta(ge=-(2**31), le=2**31)] = 0

    def __repr__(self) -> str:
        return f"<SealedKey {self.name}>"


class _Content(msgspec.Struct, frozen=True):
    keys: list[SealedKey]


def seal_keys(keys: list[SealedKey], passphrase: str) -> bytes:
    """Write keys as the content of a file."""
    kdf = _Kdf(salt=secrets.token_bytes(16))
    nonce = secrets.token_bytes(12)
    content = AESGCM(_derive(kdf, passphrase)).encrypt(
        nonce, msgspec.json.encode(_Content(keys)), _associated(kdf)
    )
    return msgspec.json.encode(_File(kdf=kdf, nonce=nonce, content=content)) + b"\n"


def open_keys(raw: bytes, passphrase: str) -> Parsed:
    """Read the content of a file. Lines are counted as keys are.

    Raises:
        UserError: It is no such file, was changed, or the passphrase is another one.
    """
    try:
        found = msgspec.json.decode(raw, type=_File)
        key = _derive(found.kdf, passphrase)
    except (msgspec.DecodeError, ValueError):
        message = "it is no sealed export that this version can read"
        raise UserError(message) from None
    try:
        clear = AESGCM(key).decrypt(found.nonce, found.content, _associated(found.kdf))
        content = msgspec.json.decode(clear, type=_Content)
    except (InvalidTag, msgspec.DecodeError):
        message = "the passphrase is another one, or the file was changed; try again"
        raise UserError(message) from None
    entries, bad = [], []
    for number, sealed in enumerate(content.keys, start=1):
        try:
            entries.append(_entry(number, sealed))
        except (LineError, InvalidKeyError) as error:
            bad.append(BadLine(number, str(error)))
    return without_twins(Parsed(entries, bad))


def _entry(number: int, sealed: SealedKey) -> Entry:
    is_hotp = sealed.kind is Kind.HOTP
    return Entry(
        line=number,
        name=canonical(sealed.name),
        key=Key(
            secret=Secret.from_base32(sealed.secret),
            kind=sealed.kind,
            algorithm=sealed.algorithm,
            digits=sealed.digits,
            period=sealed.period,
            counter=sealed.last_step + 1 if is_hotp else 0,
            issuer=clean_label(sealed.issuer),
            name=clean_label(sealed.account),
        ),
        window=sealed.window,
        last_step=NEVER if is_hotp else sealed.last_step,
        tells_use=True,
        drift=sealed.drift,
    )


def _derive(kdf: _Kdf, passphrase: str) -> bytes:
    return hashlib.scrypt(
        passphrase.encode("utf-8", "surrogateescape"),
        salt=kdf.salt,
        n=kdf.n,
        r=kdf.r,
        p=kdf.p,
        maxmem=_MAX_MEMORY,
        dklen=32,
    )


def _associated(kdf: _Kdf) -> bytes:
    return f"watchword-export 1 scrypt {kdf.n} {kdf.r} {kdf.p}\n".encode() + kdf.salt

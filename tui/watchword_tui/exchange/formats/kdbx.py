"""KeePass databases (KDBX 3.1 and 4), opened with a passphrase alone.

Read here and not by a library, so that the cost is asked for first, nothing inflates without bound
and the key derivation leaves the screen alive.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from typing import TYPE_CHECKING

from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.ciphers import Argon2, aes_cbc_open, damaged, unlock
from watchword_tui.exchange.formats import kdbx_header as fields
from watchword_tui.exchange.formats.kdbx_header import read_dictionary, read_header
from watchword_tui.exchange.formats.kdbx_stream import chacha20, stream_of
from watchword_tui.exchange.formats.keepass_xml import read_database
from watchword_tui.exchange.model import Cost, Format, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.ciphers import Derivation
    from watchword_tui.exchange.formats.kdbx_header import Header
    from watchword_tui.exchange.model import Ask
    from watchword_tui.exchange.source import Source

MAX_CONTENT = 96 * 2**20
"""Most bytes of a database, attachments included, that are inflated."""

_AES = bytes.fromhex("31c1f2e6bf714350be5805216afc5aff")
_CHACHA20 = bytes.fromhex("d6038a2b8b6f4cb5a524339a31dbb59a")
_AES_KDFS = {
    bytes.fromhex("c9d9f39a628a4460bf740d08c18a4fea"),
    bytes.fromhex("7c02bb8279a74ac0927d114a00648238"),
}
_ARGON2 = {
    bytes.fromhex("ef636ddf8c29444b91f7a9a403e30a0c"): "d",
    bytes.fromhex("9e298b1956db4773b23dfc3ec6f0a1e6"): "id",
}
_ARGON2_VERSION = 0x13
_AES_ROUNDS_A_SECOND = 6_000_000
_ROUNDS_AT_ONCE = 2**20
_XML_START = 1000
"""Bytes in which the first element of an export in XML must come."""

_STREAM_KIND, _STREAM_KEY = 1, 2
"""Fields of version 4's inner header."""


class _AesKdf(Value, frozen=True):
    """KeePass' own derivation: the key encrypted with AES-ECB over and over."""

    seed: bytes
    rounds: int

    def cost(self) -> Cost:
        return Cost(f"AES, {self.rounds:,} rounds", 0, self.rounds / _AES_ROUNDS_A_SECOND)

    def derive(self, passphrase: bytes) -> bytes:
        halves = [self._encrypted(passphrase[at : at + 16]) for at in (0, 16)]
        return hashlib.sha256(b"".join(halves)).digest()

    def _encrypted(self, block: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - rare

        try:
            # CBC over zeros encrypts the last block again each time: one long call for many rounds.
            encryptor = Cipher(algorithms.AES(self.seed), modes.CBC(block)).encryptor()
        except ValueError:
            raise damaged() from None
        left = self.rounds
        while left > 0:
            now = min(left, _ROUNDS_AT_ONCE)
            block = encryptor.update(bytes(16 * now))[-16:]
            left -= now
        return block


class _Composite(Value, frozen=True):
    """A derivation that starts from the hash of the hash of the only secret, the passphrase."""

    inner: Derivation

    def cost(self) -> Cost:
        return self.inner.cost()

    def derive(self, passphrase: bytes) -> bytes:
        return self.inner.derive(hashlib.sha256(hashlib.sha256(passphrase).digest()).digest())


def recognise(source: Source) -> bool:
    """Whether the file has KeePass' signature."""
    return source.data.startswith(fields.SIGNATURE)


def read(source: Source, ask: Ask) -> Reading:
    """Open the database and read the entries that have one-time passwords."""
    header = read_header(source.data)
    if header.fields.get(fields.CIPHER) not in {_AES, _CHACHA20}:
        raise ForeignFileError(
            "the database is encrypted with Twofish or a plugin's cipher",
            "save it with AES or ChaCha20 (database settings, security) and import that",
        )
    transformed = unlock(ask, _Composite(_derivation(header)))
    seed = header.fields.get(fields.MASTER_SEED, b"")
    key = hashlib.sha256(seed + transformed).digest()
    body = source.data[len(header.raw) :]
    if header.major == 3:  # noqa: PLR2004 - the versions
        return _read_3(header, key, body)
    return _read_4(header, key, hashlib.sha512(seed + transformed + b"\x01").digest(), body)


def recognise_xml(source: Source) -> bool:
    """Whether the file is KeePass' export in XML."""
    return b"<KeePassFile" in source.data[:_XML_START]


def read_xml(source: Source, _ask: Ask) -> Reading:
    """Read the export; in it nothing is hidden."""
    return read_database(source.data, None)


def _derivation(header: Header) -> Derivation:
    if header.major == 3:  # noqa: PLR2004 - the versions
        rounds = header.number(fields.TRANSFORM_ROUNDS)
        return _AesKdf(header.fields.get(fields.TRANSFORM_SEED, b""), rounds)
    parameters = read_dictionary(header.fields.get(fields.KDF, b""))

    def number(name: str) -> int:
        return int.from_bytes(parameters.get(name, b""), "little")

    identity, salt = parameters.get("$UUID", b""), parameters.get("S", b"")
    if identity in _AES_KDFS:
        return _AesKdf(salt, number("R"))
    if identity in _ARGON2 and number("V") == _ARGON2_VERSION:
        return Argon2(salt, number("I"), number("M"), number("P"), kind=_ARGON2[identity])
    raise ForeignFileError(
        "the database's key derivation is not known",
        "choose Argon2id or AES-KDF for it (database settings, security) and import that",
    )


def _read_3(header: Header, key: bytes, body: bytes) -> Reading:
    try:
        content = _open(header, key, body, verified=False)
    except WrongPassphraseError:
        raise _wrong_passphrase() from None
    start = header.fields.get(fields.STREAM_START, b"")
    if not start or content[: len(start)] != start:
        raise _wrong_passphrase()
    blocks = _inflated(header, b"".join(_blocks_3(content[len(start) :])))
    kind = header.number(fields.STREAM_KIND)
    return read_database(blocks, stream_of(kind, header.fields.get(fields.STREAM_KEY, b"")))


def _read_4(header: Header, key: bytes, base: bytes, body: bytes) -> Reading:
    if body[:32] != hashlib.sha256(header.raw).digest():
        raise damaged()
    mac = hmac.digest(_block_key(2**64 - 1, base), header.raw, "sha256")
    if not hmac.compare_digest(mac, body[32:64]):
        raise _wrong_passphrase()
    content = _inflated(header, _open(header, key, b"".join(_blocks_4(base, body[64:])), verified=True))
    at, inner = 0, {_STREAM_KIND: b"", _STREAM_KEY: b""}
    while True:
        field, size = content[at : at + 1], int.from_bytes(content[at + 1 : at + 5], "little")
        start = at + 5
        if not field or start + size > len(content):
            raise damaged()
        if field[0] in inner:
            inner[field[0]] = content[start : start + size]
        at = start + size
        if field == b"\x00":
            break
    kind = int.from_bytes(inner[_STREAM_KIND], "little")
    return read_database(memoryview(content)[at:], stream_of(kind, inner[_STREAM_KEY]))


def _block_key(number: int, base: bytes) -> bytes:
    return hashlib.sha512(number.to_bytes(8, "little") + base).digest()


def _blocks_4(base: bytes, body: bytes) -> Iterator[bytes]:
    """Blocks of an HMAC (32), a length (4) and content; the last is empty."""
    at = 0
    for number in range(len(body)):
        if at + 36 > len(body):
            break
        size = int.from_bytes(body[at + 32 : at + 36], "little")
        block = body[at + 36 : at + 36 + size]
        authenticated = number.to_bytes(8, "little") + size.to_bytes(4, "little") + block
        mac = hmac.digest(_block_key(number, base), authenticated, "sha256")
        if not hmac.compare_digest(mac, body[at : at + 32]):
            raise damaged()
        if not block:
            return
        yield block
        at += 36 + size
    raise damaged()


def _blocks_3(content: bytes) -> Iterator[bytes]:
    """Blocks of a number (4), a SHA-256 (32), a length (4) and content; the last is empty."""
    at = 0
    while at + 40 <= len(content):
        size = int.from_bytes(content[at + 36 : at + 40], "little")
        block = content[at + 40 : at + 40 + size]
        if not size:
            return
        if hashlib.sha256(block).digest() != content[at + 4 : at + 36]:
            raise damaged()
        yield block
        at += 40 + size
    raise damaged()


def _open(header: Header, key: bytes, sealed: bytes, *, verified: bool) -> bytes:
    iv = header.fields.get(fields.IV, b"")
    if header.fields[fields.CIPHER] == _CHACHA20:
        return chacha20(key, iv, sealed)
    return aes_cbc_open(key, iv, sealed, verified=verified)


def _inflated(header: Header, content: bytes) -> bytes:
    if not header.number(fields.COMPRESSION):
        return content
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(content, MAX_CONTENT)
    except zlib.error:
        raise damaged() from None
    if inflater.unconsumed_tail:
        raise ForeignFileError(
            "the database grows beyond all measure when it is opened",
            "move large attachments out of it and import that",
        )
    if not inflater.eof:
        raise damaged()
    return inflated


def _wrong_passphrase() -> WrongPassphraseError:
    return WrongPassphraseError(
        "the passphrase does not open this database",
        "if the database needs a key file or a hardware key too, remove that from a copy",
    )


FORMAT = Format(name="kdbx", title="KeePass database", recognise=recognise, read=read)
XML = Format(name="kdbx", title="KeePass XML", recognise=recognise_xml, read=read_xml)

"""KeePass databases made from the format's facts, of both versions and with every cipher that is read.

pykeepass, which is not ours, opens them too: a test asks it to.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from argon2.low_level import Type, hash_secret_raw
from Cryptodome.Cipher import AES, ChaCha20, Salsa20

SEED, SALT = bytes(range(32)), bytes(range(50, 82))
STREAM_KEY = bytes(range(64))
AES_KDF = bytes.fromhex("c9d9f39a628a4460bf740d08c18a4fea")
ARGON2 = {
    "d": bytes.fromhex("ef636ddf8c29444b91f7a9a403e30a0c"),
    "id": bytes.fromhex("9e298b1956db4773b23dfc3ec6f0a1e6"),
}
CIPHERS = {
    "aes": bytes.fromhex("31c1f2e6bf714350be5805216afc5aff"),
    "chacha20": bytes.fromhex("d6038a2b8b6f4cb5a524339a31dbb59a"),
    "twofish": bytes.fromhex("ad68f29f576f4bb9a36ad47af965346c"),
}
BIN = base64.b64encode(b"recycle-bin-uuid").decode()


@dataclass(frozen=True)
class Hidden:
    """A value that the file hides with its inner stream."""

    text: str


Fields = dict[str, str | Hidden]


def entry(fields: Fields, history: list[Fields] | None = None) -> str:
    """Write an entry; `stream` fills the hidden values in later."""
    strings = "".join(_string(name, value) for name, value in fields.items())
    old = "".join(entry(one) for one in history or [])
    return f"<Entry><UUID>AAAA</UUID>{strings}<History>{old}</History></Entry>"


def _string(name: str, value: str | Hidden) -> str:
    if isinstance(value, Hidden):
        hidden = value.text.encode().hex()
        return f'<String><Key>{escape(name)}</Key><Value Protected="True">@{hidden}@</Value></String>'
    return f"<String><Key>{escape(name)}</Key><Value>{escape(value)}</Value></String>"


def group(name: str, *content: str, uuid: str = "BBBBBBBBBBBBBBBBBBBBBB==") -> str:
    """Write a group."""
    return f"<Group><UUID>{uuid}</UUID><Name>{escape(name)}</Name>{''.join(content)}</Group>"


def document(root: str, stream: str = "chacha20") -> bytes:
    """Write the whole XML, hidden values under the inner stream in the document's order."""
    cipher: Any
    if stream == "chacha20":
        digest = hashlib.sha512(STREAM_KEY).digest()
        cipher = ChaCha20.new(key=digest[:32], nonce=digest[32:44])
    else:
        nonce = bytes.fromhex("e830094b97205d2a")
        cipher = Salsa20.new(key=hashlib.sha256(STREAM_KEY).digest(), nonce=nonce)
    meta = (
        f"<Meta><RecycleBinEnabled>True</RecycleBinEnabled><RecycleBinUUID>{BIN}</RecycleBinUUID></Meta>"
    )
    parts = f"<KeePassFile>{meta}<Root>{root}</Root></KeePassFile>".split("@")
    for place in range(1, len(parts), 2):
        parts[place] = base64.b64encode(cipher.encrypt(bytes.fromhex(parts[place]))).decode()
    return b'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n' + "".join(parts).encode()


def kdbx4(
    xml: bytes,
    passphrase: str,
    *,
    kdf: str = "id",
    cipher: str = "chacha20",
    compressed: bool = True,
    rounds: int = 5,
    memory: int = 2**20,
) -> bytes:
    """Write version 4."""
    numbers = {"I": _u64(rounds), "M": _u64(memory), "V": _u32(0x13), "P": _u32(2), "S": SALT}
    identity = ARGON2.get(kdf, AES_KDF)
    values = {"$UUID": identity} | ({"R": _u64(rounds), "S": SALT} if kdf == "aes" else numbers)
    kinds = {4: b"\x04", 8: b"\x05"}
    dictionary = b"\x00\x01"
    for name, value in values.items():
        dictionary += (
            kinds.get(len(value), b"\x42") + _u32(len(name)) + name.encode() + _u32(len(value)) + value
        )
    iv = bytes(range(16 if cipher == "aes" else 12))
    header = b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x00\x00\x04\x00"
    for field, content in (
        (2, CIPHERS[cipher]),
        (3, _u32(compressed)),
        (4, SEED),
        (7, iv),
        (11, dictionary + b"\x00"),
        (0, b"\r\n\r\n"),
    ):
        header += bytes([field]) + _u32(len(content)) + content
    transformed = _transformed(passphrase, kdf, rounds, memory)
    inner = b"\x01" + _u32(4) + _u32(3) + b"\x02" + _u32(64) + STREAM_KEY
    inner += b"\x03" + _u32(6) + b"\x01image" + b"\x00" + _u32(0)
    plain = gzip.compress(inner + xml) if compressed else inner + xml
    sealed = _sealed(hashlib.sha256(SEED + transformed).digest(), iv, plain, cipher)
    base = hashlib.sha512(SEED + transformed + b"\x01").digest()
    written = header + hashlib.sha256(header).digest() + _mac(2**64 - 1, base, header)
    for number, block in enumerate([sealed[:100], sealed[100:], b""]):
        content = _u64(number) + _u32(len(block)) + block
        written += _mac(number, base, content) + _u32(len(block)) + block
    return written


def kdbx3(xml: bytes, passphrase: str, *, rounds: int = 5, compressed: bool = True) -> bytes:
    """Write version 3.1."""
    start, iv = bytes(range(7, 39)), bytes(range(16))
    header = b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\x00\x03\x00"
    for field, content in (
        (2, CIPHERS["aes"]),
        (3, _u32(compressed)),
        (4, SEED),
        (5, SALT),
        (6, _u64(rounds)),
        (7, iv),
        (8, STREAM_KEY),
        (9, start),
        (10, _u32(2)),
        (0, b"\r\n\r\n"),
    ):
        header += bytes([field]) + len(content).to_bytes(2, "little") + content
    plain = gzip.compress(xml) if compressed else xml
    blocks = start
    for number, block in enumerate([plain[:50], plain[50:]]):
        blocks += _u32(number) + hashlib.sha256(block).digest() + _u32(len(block)) + block
    blocks += _u32(2) + bytes(32) + _u32(0)
    key = hashlib.sha256(SEED + _transformed(passphrase, "aes", rounds, 0)).digest()
    return header + _sealed(key, iv, blocks, "aes")


def _transformed(passphrase: str, kdf: str, rounds: int, memory: int) -> bytes:
    key = hashlib.sha256(hashlib.sha256(passphrase.encode()).digest()).digest()
    if kdf != "aes":
        kind = Type.ID if kdf == "id" else Type.D
        return hash_secret_raw(key, SALT, rounds, memory // 1024, 2, 32, kind)
    cipher = AES.new(SALT, AES.MODE_ECB)
    for _round in range(rounds):
        key = cipher.encrypt(key)
    return hashlib.sha256(key).digest()


def _sealed(key: bytes, iv: bytes, plain: bytes, cipher: str) -> bytes:
    if cipher == "chacha20":
        return ChaCha20.new(key=key, nonce=iv).encrypt(plain)
    size = 16 - len(plain) % 16
    return AES.new(key, AES.MODE_CBC, iv).encrypt(plain + bytes([size]) * size)


def _mac(number: int, base: bytes, content: bytes) -> bytes:
    return hmac.digest(hashlib.sha512(_u64(number) + base).digest(), content, "sha256")


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")

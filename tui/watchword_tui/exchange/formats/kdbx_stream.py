"""The stream ciphers that hide single values inside a KDBX file's XML.

Both can be entered at any place, so values that nobody needs cost nothing.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from watchword_tui.exchange.ciphers import damaged

_BLOCK_BYTES = 64
_SALSA20, _CHACHA20 = 2, 3
_SALSA20_NONCE = bytes.fromhex("e830094b97205d2a")
_MAX_SALSA20 = 2**20
"""Most bytes of the older cipher's stream that are made: it is slow here, and keys are short."""

_MASK = 0xFFFFFFFF
_QUARTERS = (
    # Which words Salsa20's quarter rounds take: first columns, then rows.
    *((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)),
    *((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)),
)
_TURNS = ((1, 0, 3, 7), (2, 1, 0, 9), (3, 2, 1, 13), (0, 3, 2, 18))
"""In a quarter round: the word changed, the two added, the bits turned."""


class Stream(Protocol):
    """A key stream, from its start."""

    def open(self, place: int, sealed: bytes) -> bytes:
        """The content of `sealed`, which stands `place` bytes into the stream."""
        ...


def stream_of(kind: int, key: bytes) -> Stream:
    """The stream that the file's number `kind` means.

    Raises:
        ForeignFileError: There is no such stream.
    """
    if kind == _SALSA20:
        return _Salsa20(hashlib.sha256(key).digest())
    if kind == _CHACHA20:
        digest = hashlib.sha512(key).digest()
        return _ChaCha20(digest[:32], digest[32:44])
    raise damaged()


class _ChaCha20:
    """RFC 8439 section 2.4."""

    def __init__(self, key: bytes, nonce: bytes) -> None:
        self._key = key
        self._nonce = nonce

    def open(self, place: int, sealed: bytes) -> bytes:
        block, skipped = divmod(place, _BLOCK_BYTES)
        padded = bytes(skipped) + sealed
        return chacha20(self._key, self._nonce, padded, block)[skipped:]


class _Salsa20:
    """Bernstein's Salsa20/20; it is in no library that is here anyway."""

    def __init__(self, key: bytes) -> None:
        words = [int.from_bytes(key[at : at + 4], "little") for at in range(0, 32, 4)]
        nonce = [int.from_bytes(_SALSA20_NONCE[at : at + 4], "little") for at in (0, 4)]
        sigma = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
        # The counter stands in words 8 and 9.
        self._words = [sigma[0], *words[:4], sigma[1], *nonce, 0, 0, sigma[2], *words[4:], sigma[3]]
        self._left = _MAX_SALSA20

    def open(self, place: int, sealed: bytes) -> bytes:
        self._left -= len(sealed)
        if self._left < 0:
            raise damaged()
        block, skipped = divmod(place, _BLOCK_BYTES)
        count = -(-(skipped + len(sealed)) // _BLOCK_BYTES)
        stream = b"".join(self._block(block + step) for step in range(count))[skipped:]
        return bytes(left ^ right for left, right in zip(sealed, stream, strict=False))

    def _block(self, number: int) -> bytes:
        words = self._words.copy()
        words[8], words[9] = number & _MASK, number >> 32 & _MASK
        mixed = words.copy()
        for _double_round in range(10):
            for quarter in _QUARTERS:
                for target, first, second, bits in _TURNS:
                    added = mixed[quarter[first]] + mixed[quarter[second]] & _MASK
                    mixed[quarter[target]] ^= (added << bits | added >> (32 - bits)) & _MASK
        return b"".join(
            (left + right & _MASK).to_bytes(4, "little")
            for left, right in zip(words, mixed, strict=True)
        )


def chacha20(key: bytes, nonce: bytes, content: bytes, block: int = 0) -> bytes:
    """Apply ChaCha20 (RFC 8439 section 2.4), which opens what it sealed.

    Raises:
        ForeignFileError: The key or the nonce has no length for it.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms  # noqa: PLC0415 - rarely needed

    try:
        algorithm = algorithms.ChaCha20(key, (block & _MASK).to_bytes(4, "little") + nonce)
    except ValueError:
        raise damaged() from None
    return Cipher(algorithm, mode=None).decryptor().update(content)

"""The outer header of a KDBX file (KeePass 2, versions 3.1 and 4): in the clear, read before any work.

Signature (8 bytes), version (2 + 2), then fields of an id, a length (2 bytes in version 3, 4 in
version 4) and content, until the one with id 0. Every number is little-endian.
"""

from __future__ import annotations

from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.ciphers import damaged

SIGNATURE = b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5"

END, CIPHER, COMPRESSION, MASTER_SEED = 0, 2, 3, 4
TRANSFORM_SEED, TRANSFORM_ROUNDS, IV, STREAM_KEY = 5, 6, 7, 8
STREAM_START, STREAM_KIND, KDF = 9, 10, 11

_MAX_FIELD = 2**20
"""Most bytes of one field; the longest real ones, of plugins, have some thousands."""


class Header(Value, frozen=True):
    """What stands before the encrypted part."""

    major: int
    """3 or 4."""
    fields: dict[int, bytes]
    raw: bytes
    """All bytes of it, which version 4 authenticates."""

    def number(self, field: int) -> int:
        """A field's content as a number; 0 where there is none."""
        return int.from_bytes(self.fields.get(field, b""), "little")


def read_header(data: bytes) -> Header:
    """Read the header.

    Raises:
        ForeignFileError: It is damaged, or of a version that is not known.
    """
    if not data.startswith(SIGNATURE) or len(data) < 12:  # noqa: PLR2004 - signature and version
        raise damaged()
    major = int.from_bytes(data[10:12], "little")
    if major not in {3, 4}:
        raise ForeignFileError(
            f"KeePass databases of version {major} are not known",
            "save it in the format KDBX 4 and import that",
        )
    width = 2 if major == 3 else 4  # noqa: PLR2004 - as said in the module's docstring
    fields: dict[int, bytes] = {}
    at = 12
    while True:
        start = at + 1 + width
        size = int.from_bytes(data[at + 1 : start], "little")
        content = data[start : start + size]
        if size > _MAX_FIELD or len(data) < start or len(content) != size:
            raise damaged()
        fields[data[at]] = content
        at = start + size
        if END in fields:
            return Header(major, fields, data[:at])


def read_dictionary(content: bytes) -> dict[str, bytes]:
    """Read version 4's "variant dictionary", which holds the parameters of the key derivation.

    Raises:
        ForeignFileError: It is damaged.
    """
    found: dict[str, bytes] = {}
    at = 2
    while at < len(content):
        if content[at] == 0:
            return found
        name, at = _sized(content, at + 1)
        value, at = _sized(content, at)
        found[name.decode("utf-8", "replace")] = value
    raise damaged()


def _sized(content: bytes, at: int) -> tuple[bytes, int]:
    start = at + 4
    end = start + int.from_bytes(content[at:start], "little")
    if end > len(content):
        raise damaged()
    return content[start:end], end

"""One shape of Java's object serialisation: a `HashMap` of strings to strings (or booleans).

Java's general format can name any class; this reader knows the bytes of this one shape and refuses
all others (Java Object Serialization Specification, chapter 6).
"""

from __future__ import annotations

from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows

MAGIC = b"\xac\xed\x00\x05"
"""STREAM_MAGIC and STREAM_VERSION."""

_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING = 0x70, 0x71, 0x72, 0x73, 0x74
_BLOCK, _END, _LONG_STRING = 0x77, 0x78, 0x7C
_FIRST_HANDLE = 0x7E0000
_UID_BYTES = 8
_MAP = b"\x00\x11java.util.HashMap"
# With flags: the class writes data of its own (3) or only its fields (2).
_LOAD_FACTOR, _THRESHOLD = b"F\x00\nloadFactor", b"I\x00\tthreshold"
_BOOLEAN = b"\x00\x11java.lang.Boolean"
_BOOLEAN_FIELDS = b"\x02\x00\x01Z\x00\x05value"


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._handles: dict[int, str] = {}
        self._next_handle = _FIRST_HANDLE

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise damaged()
        self._at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def expect(self, content: bytes) -> None:
        if self.take(len(content)) != content:
            raise damaged()

    def new_handle(self, content: str | None = None) -> None:
        if content is not None:
            self._handles[self._next_handle] = content
        self._next_handle += 1

    def value(self) -> str:
        """A string, or "" for a boolean, which the app's settings have among the tokens."""
        kind = self.number(1)
        if kind != _OBJECT:
            return self.string(kind)
        if self.number(1) == _CLASS:
            self.expect(_BOOLEAN)
            self.take(_UID_BYTES)
            self.new_handle()
            self.expect(_BOOLEAN_FIELDS + bytes([_END, _NULL]))
        else:
            # A reference to the class, which stood before.
            self.take(4)
        self.new_handle()
        self.take(1)
        return ""

    def string(self, kind: int) -> str:
        if kind == _REFERENCE:
            # A string that stood before, or something that is none.
            found = self._handles.get(self.number(4))
            if found is None:
                raise damaged()
            return found
        if kind not in {_STRING, _LONG_STRING}:
            raise damaged()
        content = modified_utf8(self.take(self.number(2 if kind == _STRING else 8)))
        self.new_handle(content)
        return content


def read_map(data: bytes) -> dict[str, str]:
    """The map that `data` holds.

    Raises:
        ForeignFileError: It is damaged, or another object.
    """
    source = _Bytes(data)
    source.expect(MAGIC + bytes([_OBJECT, _CLASS]) + _MAP)
    source.take(_UID_BYTES)
    source.new_handle()
    source.expect(b"\x03\x00")
    # Android up to 6 had one field, later ones have two, as Java.
    fields = source.number(1)
    source.expect({1: _LOAD_FACTOR, 2: _LOAD_FACTOR + _THRESHOLD}.get(fields, _LOAD_FACTOR))
    source.expect(bytes([_END, _NULL]))
    source.new_handle()
    # The fields' values, four bytes each: only their being there matters.
    source.take(4 * fields)
    # What HashMap.writeObject adds: the number of buckets and that of pairs, then the pairs.
    source.expect(bytes([_BLOCK, 8]))
    source.take(4)
    found = {}
    pairs = source.number(4)
    check_rows(pairs)
    for _pair in range(pairs):
        key = source.string(source.number(1))
        found[key] = source.value()
    source.expect(bytes([_END]))
    return found


def modified_utf8(data: bytes) -> str:
    """Text as Java writes it: two bytes for NUL, surrogate pairs one by one (JVM Specification 4.4.7).

    Raises:
        ForeignFileError: It is no such text.
    """
    try:
        halves = data.replace(b"\xc0\x80", b"\x00").decode("utf-8", "surrogatepass")
        return halves.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeError:
        raise damaged() from None

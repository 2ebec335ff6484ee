"""A file from another app as it lies there, with what every format asks of it first."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_BYTES = 64 * 2**20
"""Largest file that is read: a KeePass database may have attachments."""

MAX_TEXT_BYTES = 32 * 2**20
"""Largest text or JSON: a vault with icons has a few MiB, and as objects it takes many times that."""

MAX_JSON_VALUES = 1_000_000
"""Most values in JSON, counted by its punctuation: an export of 10,000 passwords has half of that."""

MAX_LINES = 500_000
"""Most lines of a text; more are made to keep the reader busy."""

_START = 1000
"""Bytes in which something other than white space must come."""

_BOM_UTF8 = b"\xef\xbb\xbf"
_BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LINE = re.compile(r"([^\r\n]*)(?:\r\n?|\n|\Z)")


class Source:
    """The content of one file.

    Args:
        name: The file's name, cleaned, for messages.
        data: Its content, at most `MAX_FILE_BYTES`.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = _as_utf8(data)

    def __repr__(self) -> str:
        return f"<Source {len(self.data)} bytes>"

    @cached_property
    def text(self) -> str | None:
        """The content as UTF-8 text without a byte order mark, or None where it is none or too large."""
        lines = max(self.data.count(b"\n"), self.data.count(b"\r"))
        if len(self.data) > MAX_TEXT_BYTES or lines > MAX_LINES:
            return None
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines of the text with their numbers, as editors count; none where it is no text."""
        # Not splitlines(), which ends a line at form feeds and U+2028 too.
        for number, found in enumerate(_LINE.finditer(self.text or ""), start=1):
            yield number, found[1]

    @cached_property
    def json(self) -> object:
        """The content as JSON, or None where it is none or nested deeper than any real file."""
        if self.data[:_START].lstrip(_BOM_UTF8 + b" \t\r\n")[:1] not in {b"{", b"["}:
            return None
        if len(self.data) > MAX_TEXT_BYTES or _punctuation(self.data) > MAX_JSON_VALUES:
            return None
        try:
            return msgspec.json.decode(self.data.removeprefix(_BOM_UTF8))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None

    def json_object(self) -> dict[str, object]:
        """The content as a JSON object; empty where it is none, so that `in` just works."""
        found = self.json
        return found if isinstance(found, dict) else {}


def _as_utf8(data: bytes) -> bytes:
    """What Windows' editors and shells write as UTF-16, in UTF-8; all else as it is."""
    if not data.startswith(_BOMS_UTF16) or len(data) > MAX_TEXT_BYTES:
        return data
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeError:
        return data


def _punctuation(data: bytes) -> int:
    """At least the number of values in JSON; those inside of strings count too."""
    return sum(data.count(sign) for sign in (b",", b"[", b"{"))

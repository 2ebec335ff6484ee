"""Android's shared preferences: `<map>` with `<string name="...">` for each value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.fields import check_rows
from watchword_tui.exchange.formats.safe_xml import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.source import Source


class _Strings:
    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._name = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._name = attributes.get("name", "") if name == "string" else ""

    def end(self, name: str, content: str) -> None:
        if name == "string":
            self.found[self._name] = content
            check_rows(len(self.found))


def looks_like_preferences(source: Source) -> bool:
    """Whether the file begins as Android writes preferences; cheap."""
    start = source.data[:400].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith((b"<?xml", b"<map")) and b"<map" in start


def read_preferences(data: bytes) -> dict[str, str]:
    """The strings by their names, in the file's order.

    Raises:
        ForeignFileError: The XML is damaged or made to harm.
    """
    strings = _Strings()
    walk(data, strings)
    return strings.found

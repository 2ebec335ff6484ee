"""XML that somebody else wrote: without document types, entities of its own, or endless depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.ciphers import damaged

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DEPTH = 128
"""Deepest nesting read; KeePass' groups, the deepest real ones, take one level each."""

MAX_ELEMENTS = 4_000_000
"""Most elements read: some ten thousand of KeePass' entries with all their history."""


class Handler(Protocol):
    """What is told of each element, in the document's order."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        ...

    def end(self, name: str, content: str) -> None:
        """An element ends; `content` is the text directly in it."""
        ...


def walk(data: bytes | memoryview, handler: Handler) -> None:
    """Tell `handler` of every element in `data`.

    Raises:
        ForeignFileError: The XML is damaged, nested too deep, or declares a document type, which
            no authenticator writes and which can make a small file grow without bound.
    """
    from xml.parsers import expat  # noqa: PLC0415 - rarely needed; guarded as said above

    contents: list[list[str]] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(contents) >= MAX_DEPTH or count > MAX_ELEMENTS:
            raise ForeignFileError(
                "the file's XML is deeper or longer than any app writes it",
                "export it again from the app",
            )
        contents.append([])
        handler.start(name, attributes)

    def end(name: str) -> None:
        handler.end(name, "".join(contents.pop()))

    def characters(chunk: str) -> None:
        contents[-1].append(chunk)

    def refuse_type(*_declared: object) -> None:
        raise ForeignFileError(
            "the file declares an XML document type, which no app writes",
            "export it again from the app",
        )

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse_type
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's own signature
    except (expat.ExpatError, LookupError, ValueError):
        # LookupError and ValueError: an encoding that does not exist, or is none of characters.
        raise damaged() from None

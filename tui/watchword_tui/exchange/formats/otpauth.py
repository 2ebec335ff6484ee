"""Lists of otpauth:// and steam:// URIs, one a line, with otpauth-migration:// among them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About, entry_of_uri
from watchword_tui.exchange.fields import check_rows
from watchword_tui.exchange.migration import SCHEME, read_migration
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_tui.exchange.model import Ask, Batch, Entry
    from watchword_tui.exchange.source import Source

_SCHEMES = ("otpauth://", "steam://", "motp://", SCHEME)
_ANY_URI = re.compile(
    r"^[ \t]*(?:otpauth|steam|motp|otpauth-migration)://", re.IGNORECASE | re.MULTILINE
)


def read_uris(uris: Iterable[tuple[str, str]]) -> Reading:
    """Read URIs of every kind; the same part of an export, scanned twice, counts once.

    Args:
        uris: Each with where it stands, such as "line 7" or "QR code 2".

    Raises:
        ForeignFileError: There are more than any export has.
    """
    entries: list[Entry] = []
    parts: set[str] = set()
    batches: list[Batch] = []
    for where, uri in uris:
        if not uri.lower().startswith(SCHEME):
            entries.append(entry_of_uri(About(where=where), uri))
        elif uri not in parts:
            parts.add(uri)
            reading = read_migration(uri, where)
            entries += reading.entries
            batches += reading.batches
        check_rows(len(entries))
    return Reading(entries=tuple(entries), batches=tuple(batches))


def is_uri(text: str) -> bool:
    """Whether `read_uris` should be given `text`: it begins like a URI of a key."""
    return text.lstrip()[:20].lower().startswith(_SCHEMES)


def recognise(source: Source) -> bool:
    """Whether a line of the file begins with such a URI."""
    return source.text is not None and _ANY_URI.search(source.text) is not None


def read(source: Source, _ask: Ask) -> Reading:
    """Read all lines; blank ones and those that begin with "#" are skipped."""
    if source.text is None:
        raise ForeignFileError(
            f"{source.name} is no list of otpauth URIs", "name a text file with one URI a line"
        )
    lines = ((number, line.strip()) for number, line in source.lines())
    return read_uris((f"line {number}", line) for number, line in lines if line and line[0] != "#")


FORMAT = Format(name="otpauth", title="otpauth list", recognise=recognise, read=read)

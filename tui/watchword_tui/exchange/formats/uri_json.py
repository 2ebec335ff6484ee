"""JSON with otpauth URIs in it, of apps that are not known otherwise: a list of them, or of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows
from watchword_tui.exchange.formats.otpauth import is_uri, read_uris
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.model import Ask
    from watchword_tui.exchange.source import Source


def recognise(source: Source) -> bool:
    """Whether it is JSON with a list of URIs, or of objects that hold one each."""
    return next(_uris(source), None) is not None


def read(source: Source, _ask: Ask) -> Reading:
    """Read the URIs; what stands beside them is not known."""
    found = list(_uris(source))
    if not found:
        raise damaged()
    return read_uris(found)


def _uris(source: Source) -> Iterator[tuple[str, str]]:
    table = source.json_object()
    for listed in table.values() if table else [source.json]:
        rows = listed if isinstance(listed, list) else []
        check_rows(len(rows))
        for place, row in enumerate(rows, start=1):
            values = row.values() if isinstance(row, dict) else [row]
            uri = next((one for one in values if isinstance(one, str) and is_uri(one)), None)
            if uri is not None:
                yield f"entry {place}", uri.strip()


FORMAT = Format(name="otpauth", title="otpauth list", recognise=recognise, read=read)

"""Google Authenticator's exports: otpauth-migration:// URIs, one for each of its QR codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.formats.otpauth import read
from watchword_tui.exchange.migration import SCHEME
from watchword_tui.exchange.model import Format

if TYPE_CHECKING:
    from watchword_tui.exchange.source import Source

_START = 10_000
"""Characters among which the first line is looked for."""


def recognise(source: Source) -> bool:
    """Whether the first line that says something is such a URI."""
    lines = (line.strip() for line in (source.text or "")[:_START].splitlines())
    first = next((line for line in lines if line and line[0] != "#"), "")
    return first.lower().startswith(SCHEME)


FORMAT = Format(name="google", title="Google Authenticator", recognise=recognise, read=read)

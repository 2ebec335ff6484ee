"""The formats that can be read, in the order in which a file is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.formats import otpauth

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Format

FORMATS: tuple[Format, ...] = (
    # The most telling first; lists of lines last, for other files may hold such lines too.
    otpauth.FORMAT,
)

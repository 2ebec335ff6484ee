"""What went wrong, in whole sentences; messages are clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword_tui.errors import WatchwordError


def sentence(clause: str) -> str:
    """A clause with a capital and a full stop; "" stays empty."""
    return f"{clause[:1].upper()}{clause[1:]}." if clause else ""


def sentences(error: WatchwordError) -> str:
    """What happened and what to do, in one paragraph."""
    return f"{sentence(error.message)} {sentence(error.remedy)}".rstrip()

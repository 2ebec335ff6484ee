"""What went wrong, in whole sentences; messages are clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword_tui.errors import WatchwordError


def sentence(clause: str) -> str:
    """A clause with a full stop, and a capital unless it begins with a file's name; "" stays empty."""
    if not clause:
        return ""
    first = clause.partition(" ")[0].rstrip(",:;")
    return f"{clause[0].upper() if first.isalpha() else clause[0]}{clause[1:]}."


def sentences(error: WatchwordError) -> str:
    """What happened and what to do, in one paragraph."""
    return f"{sentence(error.message)} {sentence(error.remedy)}".rstrip()

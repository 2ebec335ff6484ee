"""What went wrong, in whole sentences; messages are clauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword_tui.errors import WatchwordError

_COMMAND = ": watchword"


def sentence(clause: str) -> str:
    """A clause with a full stop, and a capital unless it begins with a file's name; "" stays empty.

    No full stop behind a question, nor behind a command, which is to be copied as it stands.
    """
    if not clause:
        return ""
    first = clause.partition(" ")[0].rstrip(",:;")
    end = "" if clause.endswith("?") or _COMMAND in clause else "."
    return f"{clause[0].upper() if first.isalpha() else clause[0]}{clause[1:]}{end}"


def sentences(error: WatchwordError) -> str:
    """What happened and what to do, in one paragraph."""
    return f"{sentence(error.message)} {sentence(error.remedy)}".rstrip()

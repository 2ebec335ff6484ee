"""The `2fa` program's `~/.2fa`: `name digits KEY`, for HOTP with a counter of twenty digits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About, entry_of
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

# A variant of the program has the period, of two digits, behind the code's length.
_LINE = re.compile(r"(\S+) ([678])(?: ([1-9][0-9]))? ([A-Za-z2-7]+=*)(?: ([0-9]{20}))?\s*")


def recognise(source: Source) -> bool:
    """Whether the first line that is not blank is such a key."""
    if source.text is None:
        return False
    first = source.text.lstrip()[:4096].split("\n", 1)[0]
    return _LINE.fullmatch(first) is not None


def read(source: Source, _ask: Ask) -> Reading:
    """Read all lines."""
    content = source.text or ""
    if not content.strip():
        raise damaged()
    check_rows(content.count("\n"))
    numbered = enumerate(content.split("\n"), start=1)
    return Reading(
        entries=tuple(_entry(line, f"line {place}") for place, line in numbered if line.strip())
    )


def _entry(line: str, where: str) -> Entry:
    found = _LINE.fullmatch(line)
    if found is None:
        return About(where=where).entry(reason="the line is not a name, a number of digits and a key")
    name, digits, period, secret, counter = found.groups()
    return entry_of(
        About(where=where, name=name),
        secret,
        kind="totp" if counter is None else "hotp",
        digits=int(digits),
        period=int(period or 30),
        # The program adds one before it makes a code: it keeps the last counter used.
        counter=0 if counter is None else int(counter) + 1,
    )


FORMAT = Format(name="2fa", title="2fa (the Go program)", recognise=recognise, read=read)

"""KeePassXC's CSV: columns Group, Title, Username, ..., Notes, TOTP, the latter a URI."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.csv_rows import read_rows
from watchword_tui.exchange.formats.keepass_fields import entry_of_fields
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry
    from watchword_tui.exchange.source import Source

_HEAD = re.compile(r'^\s*"?Group"?,"?Title"?,"?Username"?,[^\r\n]*"?TOTP"?', re.IGNORECASE)


def recognise(source: Source) -> bool:
    """Whether the first line names the program's columns."""
    return source.text is not None and _HEAD.match(source.text[:1000]) is not None


def read(source: Source, _ask: Ask) -> Reading:
    """Read the rows that have a one-time password."""
    if not recognise(source):
        raise damaged()
    entries: list[Entry] = []
    for place, fields in read_rows(source):
        about = About(
            where=f"row {place}",
            issuer=fields.get("title", ""),
            name=fields.get("username", ""),
            note=fields.get("notes", ""),
            groups=group_names(fields.get("group", "").split("/")),
        )
        entry = entry_of_fields(about, {"otp": fields.get("totp", "")})
        if entry is not None:
            entries.append(entry)
    return Reading(entries=tuple(entries))


def group_names(path: list[str]) -> tuple[str, ...]:
    """The group that a path from the database's root names; the root itself is none."""
    inner = "/".join(path[1:])
    return (inner,) if inner else ()


FORMAT = Format(name="keepassxc-csv", title="KeePassXC CSV", recognise=recognise, read=read)

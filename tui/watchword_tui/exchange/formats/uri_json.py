"""JSON with otpauth URIs somewhere in it, of apps that are not known otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.build import entry_of_totp_field
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows
from watchword_tui.exchange.formats.otpauth import is_uri
from watchword_tui.exchange.logins import LABELS, Login, plain
from watchword_tui.exchange.migration import SCHEME, read_migration
from watchword_tui.exchange.model import Format, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.exchange.model import Ask, Batch, Entry
    from watchword_tui.exchange.source import Source


def recognise(source: Source) -> bool:
    """Whether it is JSON that holds a URI."""
    if b"otpauth" not in source.data:
        return False
    return next(_found(source), None) is not None


def read(source: Source, _ask: Ask) -> Reading:
    """Read the URIs, with what the innermost object around them that has labels says of them."""
    entries: list[Entry] = []
    batches: list[Batch] = []
    for place, (uri, login) in enumerate(_found(source), start=1):
        check_rows(place)
        where = f"entry {place}"
        if uri.lower().startswith(SCHEME):
            several = read_migration(uri, where)
            entries += several.entries
            batches += several.batches
        else:
            entries.append(entry_of_totp_field(login.about(where), uri))
    if not entries:
        raise damaged()
    return Reading(entries=tuple(entries), batches=tuple(batches))


def _found(source: Source) -> Iterator[tuple[str, Login]]:
    """The URIs in the file's order."""
    # A stack, for the depth is the sender's choice.
    waiting: list[tuple[object, Login]] = [(source.json, Login({}))]
    while waiting:
        value, login = waiting.pop()
        if isinstance(value, str):
            if is_uri(value):
                yield value.strip(), login
        elif isinstance(value, list):
            waiting += [(one, login) for one in reversed(value)]
        elif isinstance(value, dict):
            inner = _labelled(value) or login
            waiting += [(one, inner) for one in reversed(value.values())]


def _labelled(table: dict[str, object]) -> Login | None:
    parts = {
        name: value for name, value in table.items() if isinstance(value, str) and not is_uri(value)
    }
    if LABELS.isdisjoint(plain(name) for name in parts):
        return None
    return Login(parts)


FORMAT = Format(name="otpauth", title="otpauth list", recognise=recognise, read=read)

"""A database that nobody may decide on: it was moved elsewhere, or a copy into it is not finished.

The mark is a single value in the database itself, so that it goes wherever the database goes. Every
program that is about to decide looks for it first.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOSED = "closed"
"""The name under which the mark is kept."""


class Moved(msgspec.Struct, frozen=True, kw_only=True, tag="moved"):
    """Its keys answer elsewhere now: a code used there would count here once more."""

    to: str
    """Where they answer, as people know it."""
    at: float
    """Unix seconds."""
    seq: int
    """The number of the last row of the audit log that the other database began with."""
    mac: str
    """That row's chained MAC, hexadecimal."""


class Copying(msgspec.Struct, frozen=True, kw_only=True, tag="copying"):
    """It is filled from another database, of which this is enough to know it again."""

    audit_key: str
    """SHA-256 of the sealed key of its audit log, hexadecimal."""
    seq: int
    """The number of the last row of its audit log when the copying began; 0 for none."""
    mac: str
    """That row's chained MAC, hexadecimal."""


Mark = Moved | Copying

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Mark] = msgspec.json.Decoder(Mark)


def write_mark(mark: Mark) -> bytes:
    """A mark as it is kept."""
    return _encode(mark)


def read_mark(meta: Mapping[str, bytes]) -> Mark | None:
    """The mark among the single values of a database; None if it has none.

    Raises:
        StoreError: A newer version made the mark, or someone changed it.
    """
    value = meta.get(CLOSED)
    if value is None:
        return None
    try:
        return _decoder.decode(value)
    except msgspec.DecodeError:
        message = "it is closed, and this version cannot tell why; install the watchword that closed it"
        raise StoreError(message) from None


def refuse_closed(meta: Mapping[str, bytes]) -> None:
    """Refuse to decide on a database that has a mark.

    Raises:
        StoreError: It has one; the message says what to do instead.
    """
    match read_mark(meta):
        case Moved(to=to, at=at):
            day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
            message = (
                f"the database here was moved to {to} on {day}, and answers no more;"
                f" run with --store {to}; docs/moving.md tells the way back"
            )
            raise StoreError(message)
        case Copying():
            message = (
                "a copy into this database is not finished; stop the server that is copied, and run:"
                " watchword-server store copy SOURCE TARGET --final"
            )
            raise StoreError(message)
        case None:
            return

"""Reading the audit log: its last rows, those that are wanted, and rows for other programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Event
from watchword_server.audit_check import PAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from watchword_server.store.protocol import Store
    from watchword_server.store.records import AuditRow

COLUMNS = ("seq", *Event.__struct_fields__, "mac")
"""The columns of a CSV export."""

_decode = msgspec.json.Decoder(Event).decode


def event_of(row: AuditRow) -> Event:
    """What a row tells; a row that nobody can read, for it was changed, tells that."""
    try:
        return _decode(row.event)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return Event(at=0.0, event="unreadable", detail="the row was changed")


def is_wanted(event: Event, wanted: Mapping[str, str]) -> bool:
    """Tell whether every member of the event that is asked for has the value asked for."""
    return all(getattr(event, name) == value for name, value in wanted.items())


async def last_rows(
    store: Store, number: int, wanted: Mapping[str, str]
) -> tuple[Sequence[AuditRow], int]:
    """The last `number` wanted rows, oldest first, and the number of the last row looked at.

    Raises:
        StoreError: The database failed.
    """
    last = (await store.audit_head()).seq
    found: list[AuditRow] = []
    end = last
    while end > 0 and len(found) < number:
        start = max(0, end - PAGE)
        page = await store.audit_rows(start, end - start)
        rows = [row for row in page if row.seq <= end and is_wanted(event_of(row), wanted)]
        if not page:
            # What is further back was pruned.
            break
        found[:0] = rows
        end = start
    return found[len(found) - min(number, len(found)) :], last


async def all_rows(store: Store, after: int) -> AsyncIterator[Sequence[AuditRow]]:
    """Every row after a number, page by page, up to the last one when this began.

    Raises:
        StoreError: The database failed.
    """
    last = (await store.audit_head()).seq
    while after < last:
        page = await store.audit_rows(after, min(PAGE, last - after))
        if not page:
            return
        yield [row for row in page if row.seq <= last]
        after = page[-1].seq


def as_line(row: AuditRow) -> str:
    """A row as a JSON object on one line; `event` is byte for byte what its MAC was made of."""
    try:
        event = msgspec.Raw(row.event.encode())
        msgspec.json.decode(row.event)
    except (msgspec.DecodeError, UnicodeEncodeError):
        # A changed row must not break the lines round it.
        event = msgspec.Raw(msgspec.json.encode(repr(row.event)))
    return msgspec.json.encode({"seq": row.seq, "event": event, "mac": row.mac}).decode() + "\n"


def as_csv(row: AuditRow) -> str:
    """A row as a line of CSV (RFC 4180) under `COLUMNS`."""
    event = event_of(row)
    values = [getattr(event, name) for name in Event.__struct_fields__]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([row.seq, *values, row.mac])
    return line.getvalue()


def csv_header() -> str:
    """The first line of a CSV export."""
    return ",".join(COLUMNS) + "\n"

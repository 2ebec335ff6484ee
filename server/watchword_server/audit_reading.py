"""Reading the audit log, all chains by time: its last rows, new ones, and rows for other programs."""

from __future__ import annotations

import csv
import heapq
import io
from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Event
from watchword_server.audit_check import PAGE
from watchword_server.errors import UserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from watchword_server.store.protocol import Store
    from watchword_server.store.records import AuditRow, Head

COLUMNS = ("chain", "seq", *Event.__struct_fields__, "mac")
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
) -> tuple[Sequence[AuditRow], dict[int, int]]:
    """The last `number` wanted rows of all chains, oldest first.

    With them comes the number of the last row of each chain, for `new_rows` to go on from.

    Raises:
        StoreError: The database failed.
    """
    heads = await store.audit_heads()
    found = [await _last_of_chain(store, head, number, wanted) for head in heads]
    rows = by_time(*found)
    return rows[max(0, len(rows) - number) :], {head.chain: head.seq for head in heads}


async def new_rows(store: Store, seen: Mapping[int, int]) -> tuple[Sequence[AuditRow], dict[int, int]]:
    """The next rows of all chains after those that were seen, also of chains that are new.

    Args:
        store: Where the log is.
        seen: The number of the last row seen, by the number of its chain.

    Returns:
        The rows, oldest first, and what was seen with them.

    Raises:
        StoreError: The database failed.
    """
    now, found = dict(seen), []
    for head in await store.audit_heads():
        after = seen.get(head.chain, 0)
        if after < head.seq and (page := await store.audit_rows(head.chain, after, PAGE)):
            now[head.chain] = page[-1].seq
            found.append(page)
    return by_time(*found), now


async def all_rows(
    store: Store, *, chain: int | None = None, after: int = 0
) -> AsyncIterator[Sequence[AuditRow]]:
    """Every row, oldest first, page by page, up to the last ones when this began.

    Rows of several chains come in order of time, and those of one chain always in their own order.

    Args:
        store: Where the log is.
        chain: The number of the only chain that is wanted.
        after: The number of the row to begin after; only with `chain` if there are several.

    Raises:
        UserError: There is no such chain, or there are several and it is not said after whose row.
        StoreError: The database failed.
    """
    heads = _chosen(await store.audit_heads(), chain, after)
    readers = [_Reader(store, head, after) for head in heads]
    # The oldest next row is on top; no two have the number of the same chain.
    waiting = [
        (_time(row), row.chain, row, reader)
        for reader in readers
        if (row := await reader.next()) is not None
    ]
    heapq.heapify(waiting)
    page: list[AuditRow] = []
    while waiting:
        _, number, row, reader = waiting[0]
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
        following = await reader.next()
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (_time(following), number, following, reader))
    if page:
        yield page


def by_time(*chains: Sequence[AuditRow]) -> Sequence[AuditRow]:
    """The rows of several chains in order of time; those of one chain stay in their own."""
    return list(heapq.merge(*chains, key=lambda row: (_time(row), row.chain)))


class _Reader:
    """Gives a chain's rows one by one, up to an end; a page of them is in memory."""

    def __init__(self, store: Store, head: Head, after: int) -> None:
        self._store = store
        self._head = head
        self._after = after
        self._page: Iterator[AuditRow] = iter(())

    async def next(self) -> AuditRow | None:
        for row in self._page:
            return row
        limit = min(PAGE, self._head.seq - self._after)
        page = await self._store.audit_rows(self._head.chain, self._after, limit) if limit > 0 else ()
        page = [row for row in page if row.seq <= self._head.seq]
        if not page:
            return None
        self._after = page[-1].seq
        self._page = iter(page)
        return next(self._page)


async def _last_of_chain(
    store: Store, head: Head, number: int, wanted: Mapping[str, str]
) -> list[AuditRow]:
    # Where every row is wanted, more than the last ones need not be read.
    step = PAGE if wanted else min(PAGE, number)
    found: list[AuditRow] = []
    end = head.seq
    # What is before the first row was pruned.
    first = min((row.seq for row in await store.audit_rows(head.chain, 0, 1)), default=end + 1)
    while end >= first and len(found) < number:
        start = max(0, end - step)
        page = await store.audit_rows(head.chain, start, end - start)
        found[:0] = [row for row in page if row.seq <= end and is_wanted(event_of(row), wanted)]
        end = start
    return found[max(0, len(found) - number) :]


def _chosen(heads: Sequence[Head], chain: int | None, after: int) -> Sequence[Head]:
    if chain is None:
        if after and len(heads) > 1:
            message = f"row {after} of which of the {len(heads)} chains? Name one, as in --chain 0"
            raise UserError(message)
        return heads
    chosen = [head for head in heads if head.chain == chain]
    if not chosen:
        last = heads[-1].chain
        there = f"the chains are 0 to {last}" if last else "there is one, number 0"
        message = f"there is no chain {chain}; {there}"
        raise UserError(message)
    return chosen


def _time(row: AuditRow) -> float:
    return event_of(row).at


def as_line(row: AuditRow) -> str:
    """A row as a JSON object on one line; `event` is byte for byte what its MAC was made of."""
    try:
        event = msgspec.Raw(row.event.encode())
        msgspec.json.decode(row.event)
    except (msgspec.DecodeError, UnicodeEncodeError):
        # A changed row must not break the lines round it.
        event = msgspec.Raw(msgspec.json.encode(repr(row.event)))
    members = {"chain": row.chain, "seq": row.seq, "event": event, "mac": row.mac}
    return msgspec.json.encode(members).decode() + "\n"


def as_csv(row: AuditRow) -> str:
    """A row as a line of CSV (RFC 4180) under `COLUMNS`."""
    event = event_of(row)
    values = [getattr(event, name) for name in Event.__struct_fields__]
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([row.chain, row.seq, *values, row.mac])
    return line.getvalue()


def csv_header() -> str:
    """The first line of a CSV export."""
    return ",".join(COLUMNS) + "\n"

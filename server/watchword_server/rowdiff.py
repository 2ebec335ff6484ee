"""What two tables differ in, found by reading both in the order of their keys, page by page.

Neither has to be in memory: a page of each is enough.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from watchword_server.store.tables import Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from watchword_server.store.tables import Table

_encode = msgspec.msgpack.Encoder().encode


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of one table, `there`, is to be given to be like that of the other, `here`."""

    new: Sequence[Row] = ()
    """Rows that it does not have."""
    changed: Sequence[Row] = ()
    """Rows that it has with other values."""
    gone: Sequence[Row] = ()
    """Keys of rows that it has too much."""
    seen: int = 0
    """How many rows of `here` were looked at."""
    is_last_there: bool = False
    """Whether `there` has no rows after these."""

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)

    @property
    def keys(self) -> Sequence[Row]:
        """The rows themselves or their keys, of whatever differs."""
        return [*self.new, *self.changed, *self.gone]


class Digest:
    """A hash over the rows of a table: SHA-256 of each row as a MessagePack array, one after another."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Take the next rows."""
        self._hash.update(b"".join(map(_encode, rows)))
        self.rows += len(rows)

    @property
    def hex(self) -> str:
        """The hash of what was taken so far, hexadecimal."""
        return self._hash.hexdigest()


async def differences(
    table: Table, here: AsyncIterator[Sequence[Row]], there: AsyncIterator[Sequence[Row]]
) -> AsyncIterator[Difference]:
    """Compare two tables part by part; a part may differ in nothing.

    Args:
        table: What they are.
        here: The rows of the one, in the order of their keys, in pages.
        there: Those of the other.
    """
    mine, theirs = _Reader(here), _Reader(there)
    while True:
        await mine.fill()
        await theirs.fill()
        if not mine.rows and not theirs.rows:
            return
        ends = [table.key_of(each.rows[-1]) for each in (mine, theirs) if not each.is_over]
        end = min(ends, default=None)
        yield _compare(
            table, mine.take(table, end), theirs.take(table, end), is_last_there=theirs.is_over
        )


class _Reader:
    """Rows that were read and are not compared yet."""

    def __init__(self, pages: AsyncIterator[Sequence[Row]]) -> None:
        self._pages = pages
        self.rows: Sequence[Row] = ()
        self.is_over = False

    async def fill(self) -> None:
        """Read a page if there is nothing left."""
        while not self.rows and not self.is_over:
            try:
                self.rows = await anext(self._pages)
            except StopAsyncIteration:
                self.is_over = True

    def take(self, table: Table, end: Row | None) -> Sequence[Row]:
        """The rows up to a key; None for all."""
        place = len(self.rows) if end is None else bisect_right(self.rows, end, key=table.key_of)
        taken, self.rows = self.rows[:place], self.rows[place:]
        return taken


def _compare(
    table: Table, here: Sequence[Row], there: Sequence[Row], *, is_last_there: bool
) -> Difference:
    if here == there:
        return Difference(seen=len(here), is_last_there=is_last_there)
    known = {table.key_of(row): row for row in there}
    new, changed = [], []
    for row in here:
        other = known.pop(table.key_of(row), None)
        if other is None:
            new.append(row)
        elif other != row:
            changed.append(row)
    return Difference(
        new=new, changed=changed, gone=list(known), seen=len(here), is_last_there=is_last_there
    )

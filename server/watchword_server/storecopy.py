"""Moving a live installation from SQLite to PostgreSQL: copied, caught up, verified, handed over.

Each run makes the target what the source is at one moment, by comparing both; so a run that was killed
is simply done again, and the next one has only to do what changed since. The target is closed to every
server until the last run, which has the source to itself, has found both to be the same; then the source
is closed, and after that the target opened. At no moment can both of them be decided on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Chain, checkpoint, link
from watchword_server.audit_check import anchor_in, anchor_name
from watchword_server.errors import UserError
from watchword_server.ledger import AUDIT_KEY
from watchword_server.rowdiff import Digest, differences
from watchword_server.store.closed import Copying, Moved, read_mark
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import AuditRow, Head
from watchword_server.store.tables import AUDIT, TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Protocol

    from watchword_server.audit import Event
    from watchword_server.store.postgres_copy import Target
    from watchword_server.store.sqlite_copy import Ends, Source
    from watchword_server.store.tables import Row, Table

    class Progress(Protocol):
        """Is told how far it is."""

        def __call__(self, doing: str, table: str, done: int, total: int) -> None:
            """`done` of `total` rows of a table are "copied" or "verified"."""


PAGE = 5000
"""Rows read at once, and at most written in one transaction."""

_NAMED = 5
"""Rows named of those that differ."""

_REPLACE = "empty it with dropdb and createdb, or name another"


class Tally(msgspec.Struct, kw_only=True):
    """What a run did to a table, and what it is like then."""

    rows: int = 0
    """Rows that it has in the source."""
    new: int = 0
    """Rows that were added to the target."""
    changed: int = 0
    """Rows that were written anew there."""
    gone: int = 0
    """Rows that were removed there."""
    sha256: str = ""
    """The hash over all its rows as they were read back, hexadecimal."""


class Report(msgspec.Struct, kw_only=True):
    """What a run has done and seen."""

    tables: Mapping[str, Tally]
    """By the name of the table."""
    end: str
    """The end of the audit log in the source, as a checkpoint."""
    faults: Sequence[str] = ()
    """What differs, or does not verify: nothing was moved then."""
    is_chain_verified: bool = False
    """Whether the audit log was verified by its key, and not only compared."""
    moved: bool = False
    """Whether the target answers from now on, and the source no more."""


async def copy_store(
    source: Source, target: Target, audit_key: bytes | None, progress: Progress | None = None
) -> Report:
    """Make the target what the source is at its moment, and see that it is.

    Args:
        source: What is copied.
        target: What is filled. It was claimed for this source.
        audit_key: The key of the audit log; None if the sealing keys are not here.
        progress: Told how far it is.

    Raises:
        StoreError: One of the databases failed, or the target has audit rows that the source has not.
            What was written stays; the next run goes on from there.
    """
    run = _Run(source, target, progress)
    await run.require_same_log()
    tallies = {table.name: await run.catch_up(table) for table in TABLES}
    ends = await source.ends()
    await target.put_ends(ends)
    await target.settle()
    chain = None
    if audit_key is not None:
        anchor = (await source.meta()).get(anchor_name(0))
        try:
            chain = Chain(audit_key, anchor_in(anchor, audit_key, 0))
        except StoreError as error:
            run.faults.append(f"audit: {error}")
    for table in TABLES:
        await run.verify(table, tallies[table.name], chain if table is AUDIT else None)
    head = _head(ends)
    if chain is not None and not chain.finish(head):
        run.faults.append(f"audit: {chain.fault}")
    if await target.ends() != ends:
        run.faults.append("the ends: the target does not go on where the source does")
    return Report(
        tables=tallies,
        end=checkpoint(head),
        faults=run.faults,
        is_chain_verified=chain is not None and not run.faults,
    )


async def claim(source: Source, target: Target, *, final: bool) -> Copying | None:
    """Have the target for this source alone.

    Returns:
        The mark that keeps servers away from it; None if the move was done already.

    Raises:
        UserError: The source cannot be moved as it is, or the target is not for it.
        StoreError: One of the databases failed.
    """
    meta = await source.meta()
    if AUDIT_KEY not in meta:
        message = f"{source.path} was never prepared; start the server on it once"
        raise UserError(message)
    mark, other = read_mark(meta), await target.mark()
    if isinstance(mark, Moved):
        if other is None and await target.mac_of(mark.seq) == mark.mac:
            return None
        if not (final and isinstance(other, Copying)):
            message = (
                f"{source.path} was moved to {mark.to}; if that was broken off, run this again with"
                " that target and --final; docs/moving.md tells the way back"
            )
            raise UserError(message)
    (unsealed,) = await source.ask("SELECT count(*) FROM keys WHERE seal = 0")
    if unsealed != (0,):
        message = f"{source.path} has keys that were never sealed; see watchword-server store check"
        raise UserError(message)
    if other is None:
        ends = await source.ends()
        made = Copying(audit_key=_fingerprint(meta), seq=ends.seq, mac=ends.mac)
        if not await target.claim(made):
            message = (
                f"the database {target.shown} is not empty, and is left as it is;"
                " make one for this: createdb"
            )
            raise UserError(message)
        return made
    if not (isinstance(other, Copying) and await _is_of(source, meta, other)):
        message = f"the database {target.shown} holds a copy of another source; {_REPLACE}"
        raise UserError(message)
    return other


async def hand_over(
    source: Source, target: Target, mark: Copying, audit_key: bytes | None, event: Event
) -> None:
    """Close the source, which was opened alone, and open the target, which is the same.

    If it is killed in between, both are closed; the next run opens the target.

    Args:
        source: What is closed.
        target: What is opened.
        mark: Why it is closed.
        audit_key: The key of the audit log; None if the sealing keys are not here: no row is added.
        event: What is added to the audit log, with the moment of the move.

    Raises:
        StoreError: One of the databases failed.
    """
    ends = await source.ends()
    rows, head = _noted(audit_key, _head(ends), event)
    await source.close_as(Moved(to=target.shown, at=event.at, seq=head.seq, mac=head.mac))
    if not await target.open_up(mark, ends, rows, head):
        message = f"somebody wrote to the database {target.shown} meanwhile; run this again"
        raise StoreError(message, Cause.CHANGED)


async def take_back(source: Source, target: Target, audit_key: bytes | None, event: Event) -> None:
    """Open the source again, which was opened alone, and close the target, as if nothing was moved.

    If it is killed in between, both are closed; it can be done again, or the move can be ended.

    Args:
        source: What was moved.
        target: Where it was moved to.
        audit_key: The key of the audit log; None if the sealing keys are not here: no row is added.
        event: What is added to the audit log.

    Raises:
        UserError: It was not moved there, or the target has decided something since.
        StoreError: One of the databases failed.
    """
    meta, ends = await source.meta(), await source.ends()
    mark, other = read_mark(meta), await target.mark()
    if not isinstance(mark, Moved):
        message = f"{source.path} was not moved; there is nothing to take back"
        raise UserError(message)
    if other is None:
        copying = Copying(audit_key=_fingerprint(meta), seq=ends.seq, mac=ends.mac)
        if not await target.close_again(copying, mark, ends.seq):
            message = (
                f"the database {target.shown} has decided on codes or keys since, which {source.path}"
                " does not know; docs/moving.md tells the other way back"
            )
            raise UserError(message)
    elif not (isinstance(other, Copying) and await _is_of(source, meta, other)):
        message = f"{source.path} was moved to {mark.to}, and not to {target.shown}"
        raise UserError(message)
    await source.open_again(*_noted(audit_key, _head(ends), event))


class _Run:
    """One run, table after table."""

    def __init__(self, source: Source, target: Target, progress: Progress | None) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self.faults: list[str] = []

    async def require_same_log(self) -> None:
        """See that the audit log of the source goes on from that of the target.

        Raises:
            StoreError: The source does not have the last row of the target, and did not prune it.
        """
        last = await self._target.last_audit_row()
        if last is None:
            return
        seq, mac = last
        first = await self._source.first_seq()
        was_pruned = seq <= (await self._source.ends()).seq and (first is None or seq < first)
        if not was_pruned and await self._source.mac_of(seq) != mac:
            message = (
                f"the database {self._target.shown} has an audit row {seq} that the source does not"
                f" have: a backup was restored since, or another server wrote one of them; {_REPLACE}"
            )
            raise StoreError(message, Cause.CHANGED)

    async def catch_up(self, table: Table) -> Tally:
        """Make a table of the target what it is in the source."""
        tally, after = Tally(), 0
        if table.grows:
            after = await self._catch_up_on_pruning(tally)
        total = await self._source.count(table, after=after)
        rows = self._source.rows(table, after=after, page=PAGE)
        async with self._target.rows(table, page=PAGE) as there:
            # What was copied of a log does not change, so it need not be read again yet.
            async for part in differences(table, rows, _nothing() if table.grows else there):
                if part:
                    await self._target.write(table, part)
                tally.rows += part.seen
                tally.new += len(part.new)
                tally.changed += len(part.changed)
                tally.gone += len(part.gone)
                if part.seen:
                    self._tell("copied", table, tally.rows, total)
        return tally

    async def verify(self, table: Table, tally: Tally, chain: Chain | None) -> None:
        """Read a table from both and compare it."""
        here, there = Digest(), Digest()
        total = await self._source.count(table)
        odd: list[str] = []
        done = 0
        async with self._target.rows(table, page=PAGE) as rows:
            mine = _hashed(self._source.rows(table, page=PAGE), here)
            theirs = _followed(_hashed(rows, there), chain)
            async for part in differences(table, mine, theirs):
                odd += [_name(table, row) for row in part.keys[: _NAMED - len(odd)]]
                done += part.seen
                if part.seen:
                    self._tell("verified", table, done, total)
        tally.rows, tally.sha256 = there.rows, there.hex
        if (here.rows, here.hex) != (there.rows, there.hex):
            named = f"; the first that differ: {', '.join(odd)}" if odd else ""
            self.faults.append(
                f"{table.name}: {here.rows:,} rows with SHA-256 {here.hex[:16]}... in the source,"
                f" {there.rows:,} with {there.hex[:16]}... in the target{named}"
            )

    async def _catch_up_on_pruning(self, tally: Tally) -> int:
        """Forget the audit rows that the source forgot; give the number of the last one left or gone."""
        last = await self._target.last_audit_row()
        if last is None:
            return 0
        first = await self._source.first_seq()
        forgotten_before = last[0] + 1 if first is None else first
        tally.gone = await self._target.forget_audit(forgotten_before)
        return last[0]

    def _tell(self, doing: str, table: Table, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(doing, table.name, done, total)


async def _nothing() -> AsyncIterator[Sequence[Row]]:
    nothing: Sequence[Sequence[Row]] = ()
    for page in nothing:
        yield page


async def _hashed(pages: AsyncIterator[Sequence[Row]], digest: Digest) -> AsyncIterator[Sequence[Row]]:
    async for page in pages:
        digest.add(page)
        yield page


async def _followed(
    pages: AsyncIterator[Sequence[Row]], chain: Chain | None
) -> AsyncIterator[Sequence[Row]]:
    async for page in pages:
        if chain is not None:
            # A pruning that was broken off leaves rows from before the point where the log begins.
            start = chain.seq
            rows = (AuditRow(seq, event, mac, number) for number, seq, event, mac in page)
            chain.add(row for row in rows if row.seq > start)
        yield page


async def _is_of(source: Source, meta: Mapping[str, bytes], mark: Copying) -> bool:
    """Tell whether a copy was begun of this source, though its seal was rotated or its log pruned."""
    if _fingerprint(meta) == mark.audit_key:
        return True
    return mark.seq > 0 and await source.mac_of(mark.seq) == mark.mac


def _fingerprint(meta: Mapping[str, bytes]) -> str:
    return hashlib.sha256(meta[AUDIT_KEY]).hexdigest()


def _head(ends: Ends) -> Head:
    return Head(ends.seq, ends.mac, ends.at)


def _noted(audit_key: bytes | None, head: Head, event: Event) -> tuple[Sequence[AuditRow], Head]:
    if audit_key is None:
        return (), head
    return link(audit_key, head, [event], max(event.at, head.at))


def _name(table: Table, row: Row) -> str:
    key = table.key_of(row)
    if table is AUDIT:
        key = key[1:] if key[0] == 0 else key
    return ".".join(each.hex()[:16] if isinstance(each, bytes) else str(each) for each in key)

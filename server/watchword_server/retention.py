"""Forgetting the oldest audit rows, in a way that leaves the rest verifiable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Chain, Event
from watchword_server.audit_check import AUDIT_ANCHOR, PAGE, anchor_in, sealed_anchor, stored_anchor
from watchword_server.ledger import Act
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Changes, Head, SetMeta, Wanted

if TYPE_CHECKING:
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Snapshot


class _When(msgspec.Struct):
    at: float


_when = msgspec.json.Decoder(_When).decode


async def prune_audit(ledger: Ledger, before: float, *, actor: str = "server") -> int:
    """Forget the rows older than `before`, up to the first that is not; give their number.

    The head before the first row left is kept, authenticated with the log's key, so that nobody who
    writes the database can move it; and the pruning is a row itself. Only rows that verify are
    forgotten, so that nothing forged is forgotten with them.

    Args:
        ledger: Where the log is.
        before: Unix seconds.
        actor: Who wants it.

    Raises:
        StoreError: The database failed, or the rows to forget do not verify. The log is whole then,
            or pruned less far.
    """
    key = await ledger.audit_key()
    stored = await stored_anchor(ledger)
    anchor = anchor_in(stored, key)
    end = await _end_of_old(ledger, key, anchor, before)
    if end.seq == anchor.seq:
        return 0

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, bool]:
        if snapshot.meta.get(AUDIT_ANCHOR) != stored:
            # Another process prunes at this moment.
            return Act(Changes()), False
        event = Event(
            at=now, event="audit.prune", actor=actor, detail=f"rows {anchor.seq + 1} to {end.seq}"
        )
        return Act(Changes(others=[SetMeta(AUDIT_ANCHOR, sealed_anchor(key, end))]), [event]), True

    if not await ledger.transact(Wanted(meta=(AUDIT_ANCHOR,)), decide):
        return 0
    # Afterwards, and little by little: a log with rows from before its anchor verifies, too.
    for seq in range(anchor.seq + 1, end.seq + PAGE, PAGE):
        await ledger.store.prune_audit(min(seq, end.seq) + 1)
    return end.seq - anchor.seq


async def _end_of_old(ledger: Ledger, key: bytes, anchor: Head, before: float) -> Head:
    chain = Chain(key, anchor)
    while page := await ledger.store.audit_rows(chain.seq, PAGE):
        for row in page:
            end = Head(chain.seq, chain.mac)
            if not chain.add([row]):
                message = f"the audit log is not pruned, for it does not verify: {chain.fault}"
                raise StoreError(message, Cause.DAMAGED)
            if _when(row.event).at >= before:
                return end
    return Head(chain.seq, chain.mac)

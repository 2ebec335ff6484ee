"""Forgetting the oldest audit rows, in a way that leaves the rest verifiable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Chain, Event
from watchword_server.audit_check import (
    PAGE,
    anchor_in,
    anchor_name,
    chain_name,
    of_chain,
    sealed_anchor,
    stored_anchor,
)
from watchword_server.ledger import Act
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Changes, SetMeta, Wanted

if TYPE_CHECKING:
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Head, Snapshot


class _When(msgspec.Struct):
    at: float


_when = msgspec.json.Decoder(_When).decode


async def prune_audit(ledger: Ledger, before: float, *, actor: str = "server") -> int:
    """Forget each chain's rows older than `before`, up to the first that is not; give their number.

    The head before the first row left is kept, authenticated with the log's key, so that nobody who
    writes the database can move it; and each pruning is a row itself. Only rows that verify are
    forgotten, so that nothing forged is forgotten with them.

    Args:
        ledger: Where the log is.
        before: Unix seconds.
        actor: Who wants it.

    Raises:
        StoreError: The database failed, or the rows to forget do not verify. The log is whole then,
            or pruned less far.
    """
    heads = await ledger.store.audit_heads()
    forgotten = 0
    for head in heads:
        name = chain_name(head, heads)
        try:
            forgotten += await _prune_chain(ledger, head.chain, before, actor, name)
        except StoreError as error:
            raise StoreError(of_chain(name, str(error)), error.cause) from error
    return forgotten


async def _prune_chain(ledger: Ledger, number: int, before: float, actor: str, name: str) -> int:
    key = await ledger.audit_key()
    stored = await stored_anchor(ledger, number)
    anchor = anchor_in(stored, key, number)
    end = await _end_of_old(ledger, key, anchor, before)
    if end.seq == anchor.seq:
        return 0
    meta = anchor_name(number)

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, bool]:
        if snapshot.meta.get(meta) != stored:
            # Another process prunes at this moment.
            return Act(Changes()), False
        detail = f"rows {anchor.seq + 1} to {end.seq}" + (f" of {name}" if name else "")
        event = Event(at=now, event="audit.prune", actor=actor, detail=detail)
        return Act(Changes(others=[SetMeta(meta, sealed_anchor(key, end))]), [event]), True

    if not await ledger.transact(Wanted(meta=(meta,)), decide):
        return 0
    # Afterwards, and little by little: a log with rows from before its anchor verifies, too.
    for seq in range(anchor.seq + 1, end.seq + PAGE, PAGE):
        await ledger.store.prune_audit(number, min(seq, end.seq) + 1)
    return end.seq - anchor.seq


async def _end_of_old(ledger: Ledger, key: bytes, anchor: Head, before: float) -> Head:
    chain = Chain(key, anchor)
    while page := await ledger.store.audit_rows(chain.number, chain.seq, PAGE):
        for row in page:
            end = chain.end
            if not chain.add([row]):
                message = f"the audit log is not pruned, for it does not verify: {chain.fault}"
                raise StoreError(message, Cause.DAMAGED)
            if _when(row.event).at >= before:
                return end
    return chain.end

"""The evidence of a history, from whichever database it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from benchmarks.history import Accepted, Evidence

from watchword_server.audit import Event
from watchword_server.audit_check import verify_audit
from watchword_server.store.records import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from watchword_server.ledger import Ledger
    from watchword_server.store.protocol import Store
    from watchword_server.store.records import AuditRow, StoredKey

_PAGE = 1000
_event_of = msgspec.json.Decoder(Event).decode


async def evidence_in(ledger: Ledger) -> Evidence:
    """Verify the audit log, and read what it and the keys say; while nobody writes.

    Raises:
        StoreError: The database failed.
    """
    store = ledger.store
    report = await verify_audit(ledger)
    keys = {stored.id: stored async for stored in _keys(store) if stored.status is Status.ACTIVE}
    accepted = []
    for head in report.heads:
        async for row in _rows(store, head.chain):
            event = _event_of(row.event)
            if event.event != "check" or event.verdict != "accepted" or event.offset is None:
                continue
            stored = keys.get(event.key_id)
            if stored is not None:
                step = int(event.at // stored.period) + event.offset
                accepted.append(Accepted(event.key, step, row.chain, row.seq, event.request_id))
    return Evidence(
        accepted=accepted,
        last_steps={stored.name: stored.state.last_step for stored in keys.values()},
        chains=len(report.heads),
        rows=report.rows,
        audit_fault=report.fault,
    )


async def _keys(store: Store) -> AsyncIterator[StoredKey]:
    after = ""
    while page := await store.list_keys(after, _PAGE):
        for stored in page:
            yield stored
        after = page[-1].name


async def _rows(store: Store, chain: int) -> AsyncIterator[AuditRow]:
    after = 0
    while page := await store.audit_rows(chain, after, _PAGE):
        for row in page:
            yield row
        after = page[-1].seq

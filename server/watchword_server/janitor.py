"""What has to be done from time to time: pending keys end, uses of tokens are noted, rows dropped."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING

from watchword_server.audit import key_event
from watchword_server.audit_check import log_checkpoint
from watchword_server.bootstrap import SERVER
from watchword_server.ledger import Act
from watchword_server.retention import prune_audit
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import Changes, RemoveKey, Status, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Snapshot
    from watchword_server.tokens import TokenBook

ROUND_SECONDS = 60
"""How often."""

ROUNDS_A_CHECKPOINT = 60
"""Rounds from one note of the audit log's end to the next."""

_BATCH = 100

_logger = logging.getLogger(__name__)


async def tidy(
    ledger: Ledger, tokens: TokenBook, clock: Callable[[], float], audit_retention: float | None
) -> None:
    """Do one round; `audit_retention` is how many seconds rows are kept, None for ever.

    Raises:
        StoreError: The database failed; the next round does what was left.
    """
    await tokens.note_uses()
    await ledger.store.prune(now=clock())
    while await _end_pending_keys(ledger, clock()) == _BATCH:
        pass
    if audit_retention is not None:
        await prune_audit(ledger, clock() - audit_retention)


@contextlib.asynccontextmanager
async def tidying(
    ledger: Ledger, tokens: TokenBook, clock: Callable[[], float], audit_retention: float | None
) -> AsyncIterator[None]:
    """Do a round each minute and note the end of the audit log each hour, and both at the end."""
    rounds = _rounds(ledger, tokens, clock, audit_retention)
    task = asyncio.create_task(rounds, name="janitor")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        with contextlib.suppress(StoreError):
            await tokens.note_uses()
            await log_checkpoint(ledger)


async def _rounds(
    ledger: Ledger, tokens: TokenBook, clock: Callable[[], float], audit_retention: float | None
) -> None:
    for count in itertools.count(1):
        await asyncio.sleep(ROUND_SECONDS)
        try:
            await tidy(ledger, tokens, clock, audit_retention)
            if count % ROUNDS_A_CHECKPOINT == 0:
                await log_checkpoint(ledger)
        except StoreError as error:
            _logger.warning("tidying up has to wait: %s", error)


async def _end_pending_keys(ledger: Ledger, now: float) -> int:
    expired = await ledger.store.expired_keys(now, _BATCH)
    if not expired:
        return 0
    ids = [stored.id for stored in expired]

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, None]:
        # Looked at again: one may have been confirmed in between.
        over = [
            stored
            for stored in snapshot.keys
            if stored.status is Status.PENDING
            and stored.expires_at is not None
            and stored.expires_at <= now
        ]
        events = [key_event("key.expire", stored, SERVER, now) for stored in over]
        return Act(Changes(others=[RemoveKey(stored.id) for stored in over]), events), None

    await ledger.transact(Wanted(ids=ids), decide)
    return len(expired)

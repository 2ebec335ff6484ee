"""What has to be done from time to time: pending keys end, uses of tokens are noted, rows dropped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from watchword_server.audit import key_event
from watchword_server.bootstrap import SERVER
from watchword_server.ledger import Act
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import Changes, RemoveKey, Status, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Snapshot
    from watchword_server.tokens import TokenBook

ROUND_SECONDS = 60
"""How often."""

_BATCH = 100

_logger = logging.getLogger(__name__)


async def tidy(ledger: Ledger, tokens: TokenBook, clock: Callable[[], float]) -> None:
    """Do one round.

    Raises:
        StoreError: The database failed; the next round does what was left.
    """
    await tokens.note_uses()
    await ledger.store.prune(now=clock())
    while await _end_pending_keys(ledger, clock()) == _BATCH:
        pass


@contextlib.asynccontextmanager
async def tidying(ledger: Ledger, tokens: TokenBook, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Do a round each minute, and a last one at the end."""
    task = asyncio.create_task(_rounds(ledger, tokens, clock), name="janitor")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        with contextlib.suppress(StoreError):
            await tokens.note_uses()


async def _rounds(ledger: Ledger, tokens: TokenBook, clock: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(ROUND_SECONDS)
        try:
            await tidy(ledger, tokens, clock)
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

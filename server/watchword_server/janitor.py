"""What has to be done from time to time: pending keys end, uses of tokens are noted, rows dropped."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING

from watchword_server.audit import key_event
from watchword_server.bootstrap import SERVER
from watchword_server.checkpoints import log_checkpoints
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

ROUNDS_AN_HOUR = 60
"""Rounds from one that looks after the audit log to the next."""

_BATCH = 100

_logger = logging.getLogger(__name__)


async def tidy(ledger: Ledger, tokens: TokenBook, clock: Callable[[], float]) -> None:
    """Do a minute's round.

    Raises:
        StoreError: The database failed; the next round does what was left.
    """
    await tokens.note_uses()
    await ledger.store.prune(clock())
    while await _end_pending_keys(ledger, clock()) == _BATCH:
        pass


async def tidy_audit(ledger: Ledger, clock: Callable[[], float], audit_retention: float | None) -> None:
    """Do an hour's round: drop old rows of the audit log, and note its ends.

    Args:
        ledger: Where the log is.
        clock: Unix seconds.
        audit_retention: Seconds for which rows are kept; None for ever.

    Raises:
        StoreError: The database failed; the next round does what was left.
    """
    if audit_retention is not None:
        await prune_audit(ledger, clock() - audit_retention)
    await log_checkpoints(ledger)


@contextlib.asynccontextmanager
async def tidying(
    ledger: Ledger,
    tokens: TokenBook,
    clock: Callable[[], float],
    audit_retention: float | None,
    *,
    is_first: bool = True,
) -> AsyncIterator[None]:
    """Do a round each minute and one for the audit log each hour, and note what is left at the end.

    Of several workers only the first looks after the audit log, which they share.
    """
    rounds = _rounds(ledger, tokens, clock, audit_retention, is_first=is_first)
    task = asyncio.create_task(rounds, name="janitor")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        with contextlib.suppress(StoreError):
            await tokens.note_uses()
            if is_first:
                await log_checkpoints(ledger)


async def _rounds(
    ledger: Ledger,
    tokens: TokenBook,
    clock: Callable[[], float],
    audit_retention: float | None,
    *,
    is_first: bool,
) -> None:
    for count in itertools.count(1):
        await asyncio.sleep(ROUND_SECONDS)
        try:
            await tidy(ledger, tokens, clock)
            if is_first and count % ROUNDS_AN_HOUR == 0:
                await tidy_audit(ledger, clock, audit_retention)
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
            stored for stored in snapshot.keys if stored.status is Status.PENDING and stored.is_over(now)
        ]
        events = [key_event("key.expire", stored, SERVER, now) for stored in over]
        return Act(Changes(others=[RemoveKey(stored.id) for stored in over]), events), None

    await ledger.transact(Wanted(ids=ids), decide)
    return len(expired)

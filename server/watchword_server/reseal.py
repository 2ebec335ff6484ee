"""Changing the key that secrets are sealed by, while checks go on; and seeing that all of them open.

A rotation can be killed at any moment and begun again: the new sealing key is in its file before
anything is sealed by it, the old ones stay there until nothing is sealed by them, and each batch is
one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Event
from watchword_server.errors import UserError
from watchword_server.ledger import ACTIVE_SEAL, AUDIT_KEY, Act, active_seal, join_seal, split_seal
from watchword_server.seal import Ring
from watchword_server.sealing import seal_batch
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Changes, SetMeta, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from watchword_otp import Secret
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Snapshot, StoredKey

BATCH = 500
"""Secrets sealed anew, or opened, in one go."""


class SealReport(msgspec.Struct, frozen=True, kw_only=True):
    """What opening every secret has shown."""

    secrets: int
    """How many keys there are, of any status."""
    faults: Sequence[str]
    """What does not open, one line each."""
    used: dict[int, int]
    """How many keys are sealed by each sealing key, by its number."""
    active: int
    """The number of the sealing key in use."""
    present: Sequence[int]
    """The numbers of the sealing keys that are there."""


async def rotate_seal(
    ledger: Ledger, actor: str, progress: Callable[[int], None] | None = None
) -> tuple[int, int]:
    """Seal every secret by the newest sealing key, made now unless one waits to be taken into use.

    Args:
        ledger: Where the keys are; its keyring knows the sealing keys.
        actor: Who wants it.
        progress: Told, after each batch, how many secrets were sealed so far.

    Returns:
        The number of the sealing key in use, and how many secrets were sealed by it now.

    Raises:
        UserError: A new sealing key is needed where this program cannot write one.
        StoreError: The database failed, or something does not open. What was done stays done.
    """
    newest = await _newest(ledger)
    await _take_into_use(ledger, newest, actor)
    done = 0
    while batch := await ledger.store.sealed_otherwise(newest, BATCH):
        ring = ledger.keyring.ring()
        if not await seal_batch(ledger.store, ring, newest, batch, partial(_secret, ledger)):
            # The next batch has what was changed meanwhile as it is then.
            continue
        done += len(batch)
        if progress is not None:
            progress(done)
    return newest, done


async def prune_seal(ledger: Ledger, actor: str) -> Sequence[int]:
    """Remove the sealing keys that nothing is sealed by from their file; give their numbers.

    Raises:
        UserError: The keys are where this program cannot write.
        StoreError: The database failed, or something does not open: nothing was removed.
    """
    report = await check_seal(ledger)
    if report.faults:
        message = f"no sealing key is removed, for {report.faults[0]}"
        raise StoreError(message, Cause.SEALING_KEY_WRONG)
    unused = unused_keys(report)
    if not unused:
        return ()
    if not ledger.keyring.is_ours:
        message = (
            f"the sealing keys come from {ledger.keyring.source}; remove there"
            f" {', '.join(map(str, unused))} yourself"
        )
        raise UserError(message)

    await ledger.note("seal.prune", actor, f"keys {', '.join(map(str, unused))}")

    def remove() -> None:
        ring = ledger.keyring.ring()
        ledger.keyring.replace(ring.without(unused))

    await asyncio.to_thread(remove)
    return unused


def unused_keys(report: SealReport) -> Sequence[int]:
    """The sealing keys older than the one in use that nothing is sealed by."""
    kept = {*report.used, report.active}
    return [number for number in report.present if number < report.active and number not in kept]


async def check_seal(ledger: Ledger, progress: Callable[[int], None] | None = None) -> SealReport:
    """Open every secret and the key of the audit log.

    Args:
        ledger: Where the keys are.
        progress: Told, after each batch, how many were opened.

    Raises:
        StoreError: The database failed, or there are no sealing keys at all.
    """
    await asyncio.to_thread(ledger.keyring.forget)
    ring = await asyncio.to_thread(ledger.keyring.ring)
    meta = (await ledger.store.look(Wanted(meta=(ACTIVE_SEAL, AUDIT_KEY)))).meta
    seal, sealed = split_seal(meta[AUDIT_KEY])
    faults = _faults("the key of the audit log", lambda: ring.open(seal, sealed, AUDIT_KEY))
    used = {seal: 0}
    count = 0
    async for batch in _every_key(ledger):
        for stored in batch:
            used[stored.seal] = used.get(stored.seal, 0) + 1
            faults += _faults(f"key {stored.name}", partial(ring.open_key, stored))
        count += len(batch)
        if progress is not None:
            progress(count)
    return SealReport(
        secrets=count,
        faults=faults,
        used=used,
        active=int(meta[ACTIVE_SEAL]),
        present=ring.numbers,
    )


def new_line(ring: Ring | None) -> str:
    """One new sealing key as a line for wherever they are kept, with the number after the newest."""
    if ring is None:
        return Ring.generate().text()
    grown = ring.with_new_key()
    return grown.only(grown.newest).text()


async def _newest(ledger: Ledger) -> int:
    keyring = ledger.keyring
    await asyncio.to_thread(keyring.forget)
    ring = await asyncio.to_thread(keyring.ring)
    snapshot = await ledger.store.look(Wanted(meta=(ACTIVE_SEAL,)))
    if ring.newest != active_seal(snapshot):
        # A key that is there and not in use: put there by whom it belongs to, or by a killed run.
        return ring.newest
    if await ledger.store.sealed_otherwise(ring.newest, 1):
        return ring.newest
    if not keyring.is_ours:
        message = (
            f"the sealing keys come from {keyring.source}; add there the line that"
            " watchword-server seal new prints, restart the server, and run this again"
        )
        raise UserError(message)
    grown = ring.with_new_key()
    await asyncio.to_thread(keyring.replace, grown)
    return grown.newest


async def _take_into_use(ledger: Ledger, newest: int, actor: str) -> None:
    """Have new secrets sealed by the newest key from now on, and the audit log's key at once."""
    audit_key = await ledger.audit_key()

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, None]:
        number, _ = split_seal(snapshot.meta[AUDIT_KEY])
        if (active_seal(snapshot), number) == (newest, newest):
            return Act(Changes()), None
        sealed = ledger.keyring.ring().seal(newest, audit_key, AUDIT_KEY)
        changes = Changes(
            others=[
                SetMeta(ACTIVE_SEAL, str(newest).encode()),
                SetMeta(AUDIT_KEY, join_seal(newest, sealed)),
            ]
        )
        event = Event(at=now, event="seal.rotate", actor=actor, detail=f"key {newest}")
        return Act(changes, [event]), None

    await ledger.transact(Wanted(meta=(ACTIVE_SEAL, AUDIT_KEY)), decide)


def _secret(ledger: Ledger, stored: StoredKey) -> Secret:
    try:
        return ledger.keyring.open_key(stored).secret
    except StoreError as error:
        raise StoreError(f"key {stored.name}: {error}", error.cause) from None


def _faults(what: str, work: Callable[[], object]) -> list[str]:
    try:
        work()
    except StoreError as error:
        return [f"{what} does not open: {error}"]
    return []


async def _every_key(ledger: Ledger) -> AsyncIterator[Sequence[StoredKey]]:
    end = (await ledger.store.look(Wanted(meta=(ACTIVE_SEAL,)))).next_key_id
    for start in range(1, end, BATCH):
        yield (await ledger.store.look(Wanted(ids=range(start, min(start + BATCH, end))))).keys

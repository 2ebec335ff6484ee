"""What operators do to keys that are there: change, delete, unlock, resync, examine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from watchword_server.audit import key_event
from watchword_server.errors import Reason, RefusedError
from watchword_server.ledger import Act
from watchword_server.resync import Examination, examine, resync
from watchword_server.store.records import (
    LIVE,
    Advance,
    Changes,
    DeletedKey,
    NoteDeleted,
    PutKey,
    RemoveKey,
    Status,
    StoredKey,
    Wanted,
    moved,
)
from watchword_server.verifier import NEVER, Decision, unlocked, window_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from watchword_server.audit import Caller
    from watchword_server.ledger import Ledger
    from watchword_server.store.protocol import Store
    from watchword_server.store.records import Change, Snapshot

_PAGE = 500
"""Keys read in one transaction, so that checks go on meanwhile."""


class KeyPatch(msgspec.Struct, frozen=True, kw_only=True):
    """What can be changed about a key; what is unset stays."""

    issuer: str | UnsetType = UNSET
    account: str | UnsetType = UNSET
    window: int | UnsetType | None = UNSET


async def find_key(ledger: Ledger, name: str) -> Sequence[StoredKey]:
    """The active key of a name, its pending successor, or a pending key alone; active first.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: The database failed.
    """
    keys = (await ledger.store.look(Wanted(names=[name], statuses=LIVE))).keys
    if not keys:
        raise RefusedError(Reason.NO_SUCH_KEY, "there is no key of this name")
    return keys


async def every_key(store: Store) -> AsyncIterator[StoredKey]:
    """Active and pending keys in order of name, page by page.

    Raises:
        StoreError: The database failed.
    """
    after = ""
    while page := await store.list_keys(after, _PAGE):
        after = page[-1].name
        for stored in page:
            yield stored


async def patch_key(
    ledger: Ledger, name: str, patch: KeyPatch, caller: Caller, *, seen: tuple[int, int] | None = None
) -> StoredKey:
    """Change a key's labels or window.

    Args:
        ledger: Where keys are.
        name: The key's name; without an active one its pending one is meant.
        patch: What changes, also about a pending successor.
        caller: Who asks.
        seen: The number and version that were seen; None to change whatever is there.

    Raises:
        RefusedError: `NO_SUCH_KEY` or `CHANGED`.
        StoreError: See `Ledger.transact`.
    """
    fields = {
        field: value
        for field in patch.__struct_fields__
        if (value := getattr(patch, field)) is not UNSET
    }

    def work(snapshot: Snapshot, now: float) -> tuple[Act, StoredKey]:
        stored = _first(snapshot, seen)
        # A pending successor changes along, or confirming it would turn the change back.
        puts = [
            PutKey(each, msgspec.structs.replace(each, **fields, version=each.version + 1))
            for each in snapshot.keys
        ]
        event = key_event("key.change", stored, caller, now, detail=", ".join(sorted(fields)))
        return Act(Changes(others=puts), [event]), puts[0].after

    return await ledger.transact(Wanted(names=[name], statuses=LIVE), work)


async def delete_key(
    ledger: Ledger, name: str, caller: Caller, *, seen: tuple[int, int] | None = None
) -> None:
    """Delete a key for good, with its successor, predecessors, recovery codes and tickets.

    A keyed hash of its secret and its last step are left: should someone make it again, the codes that
    were used stay used.

    Raises:
        RefusedError: `NO_SUCH_KEY` or `CHANGED`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, None]:
        live = [stored for stored in snapshot.keys if stored.status in LIVE]
        first = _first(msgspec.structs.replace(snapshot, keys=live), seen)
        others: list[Change] = []
        for stored in snapshot.keys:
            others.append(RemoveKey(stored.id))
            if stored.state.last_step != NEVER:
                secret = ledger.keyring.open_key(stored).secret
                left = DeletedKey(name, ledger.fingerprint(name, secret), stored.state.last_step)
                others.append(NoteDeleted(left))
        return Act(Changes(others=others), [key_event("key.delete", first, caller, now)]), None

    await ledger.transact(Wanted(names=[name], statuses=tuple(Status)), work)


async def unlock_key(ledger: Ledger, name: str, caller: Caller) -> StoredKey:
    """Forget a key's failures and its lock; give the key as it was. Used codes stay used.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, StoredKey]:
        advances = [Advance(stored, unlocked(stored.state)) for stored in snapshot.keys]
        first = _first(snapshot)
        event = key_event("lock.reset", first, caller, now, detail=f"{first.state.failures} failures")
        return Act(Changes(advances=advances), [event]), first

    return await ledger.transact(Wanted(names=[name], statuses=LIVE), work)


async def resync_key(ledger: Ledger, name: str, first: str, second: str, caller: Caller) -> Decision:
    """Find a key's clock or counter by two consecutive codes; both are consumed.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, Decision]:
        stored = _first(snapshot)
        decision = resync(ledger.keyring.open_key(stored), stored.state, first, second, now)
        event = key_event("resync", stored, caller, now, decision=decision)
        return Act(Changes(advances=moved(stored, decision.state)), [event]), decision

    return await ledger.transact(Wanted(names=[name]), work)


async def examine_code(
    ledger: Ledger, name: str, code: str, caller: Caller, *, window: int
) -> Examination:
    """Tell an operator all about a code without accepting it; it costs an attempt.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, Examination]:
        stored = _first(snapshot)
        key = ledger.keyring.open_key(stored)
        reach = window_of(key, stored.window, window)
        found = examine(key, stored.state, code, now, reach)
        event = key_event("examine", stored, caller, now, decision=found.decision)
        return Act(Changes(advances=moved(stored, found.state)), [event]), found

    return await ledger.transact(Wanted(names=[name]), work)


def _first(snapshot: Snapshot, seen: tuple[int, int] | None = None) -> StoredKey:
    if not snapshot.keys:
        raise RefusedError(Reason.NO_SUCH_KEY, "there is no key of this name")
    first = snapshot.keys[0]
    if seen is not None and (first.id, first.version) != seen:
        raise RefusedError(Reason.CHANGED, "the key was changed since you saw it; look at it again")
    return first

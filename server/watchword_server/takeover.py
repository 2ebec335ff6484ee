"""Keys from elsewhere put into use: all of them in one transaction, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_server.audit import key_event
from watchword_server.imports import BadLine
from watchword_server.ledger import ACTIVE_SEAL, Act
from watchword_server.names import DEFAULT_KEY
from watchword_server.newkeys import NewKey, new_stored_key
from watchword_server.store.records import LIVE, AddKey, Changes, RemoveKey, Status, StoredKey, Wanted
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.audit import Caller
    from watchword_server.imports import Entry
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Change, Snapshot


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of the entries of a file."""

    entries: Sequence[Entry]
    """Those that are in use now, or would be."""
    bad: Sequence[BadLine]
    """Those whose name is taken."""


async def take_over(  # noqa: PLR0913 - what the command line can ask for
    ledger: Ledger,
    entries: Sequence[Entry],
    caller: Caller,
    *,
    replace_default: bool = False,
    skip_bad: bool = False,
    dry_run: bool = False,
) -> TakenOver:
    """Put keys that were confirmed elsewhere into use.

    A key that was in use here before, under the same name, comes back with what was used of it.

    Args:
        ledger: Where keys are.
        entries: What to take; each name once.
        caller: Who wants it.
        replace_default: Whether one called default may replace the one there, if none of its codes was
            ever accepted or refused: the first start of a server makes one that nobody may have.
        skip_bad: Whether the others are taken when the name of one is there already.
        dry_run: Whether to look only.

    Raises:
        StoreError: See `Ledger.transact`; nothing was taken then.
    """

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, TakenOver]:
        live = {stored.name for stored in snapshot.keys if stored.status in LIVE}
        unused = _unused_default(snapshot)
        replaced = unused if replace_default else []
        live -= {stored.name for stored in replaced}
        good = [entry for entry in entries if entry.name not in live]
        bad = [
            BadLine(entry.line, _taken(entry.name, is_unused=bool(unused) and entry.name == DEFAULT_KEY))
            for entry in entries
            if entry.name in live
        ]
        outcome = TakenOver(good, bad)
        if dry_run or (bad and not skip_bad):
            return Act(Changes()), outcome
        added = [
            new_stored_key(
                ledger, snapshot, _new(ledger, snapshot, entry), now, confirmed=True, number=number
            )
            for number, entry in enumerate(good, start=snapshot.next_key_id)
        ]
        if DEFAULT_KEY not in {entry.name for entry in good}:
            replaced = []
        others: list[Change] = [RemoveKey(stored.id) for stored in replaced]
        events = [key_event("key.delete", stored, caller, now) for stored in replaced]
        events += [key_event("key.import", stored, caller, now) for stored in added]
        return Act(Changes(others=[*others, *map(AddKey, added)]), events), outcome

    wanted = Wanted(
        names=[entry.name for entry in entries],
        statuses=tuple(Status),
        deleted=True,
        meta=(ACTIVE_SEAL,),
    )
    return await ledger.transact(wanted, decide)


def _unused_default(snapshot: Snapshot) -> Sequence[StoredKey]:
    """The default key alone, if it has never judged a code; nothing otherwise."""
    live = [stored for stored in snapshot.keys if stored.name == DEFAULT_KEY and stored.status in LIVE]
    is_unused = all(stored.status is Status.ACTIVE and stored.state == KeyState() for stored in live)
    return live if is_unused else []


def _taken(name: str, *, is_unused: bool) -> str:
    if is_unused:
        return f"there is a key {name} already, never used: add --replace-default to replace it"
    return f"there is a key {name} already; delete that one first, or change the name here"


def _new(ledger: Ledger, snapshot: Snapshot, entry: Entry) -> NewKey:
    key, last_step = entry.key, entry.last_step
    bare = replace(key, issuer="", name="", counter=0)
    for stored in snapshot.keys:
        if stored.name == entry.name and ledger.keyring.open_key(stored) == bare:
            last_step = max(last_step, stored.state.last_step)
    return NewKey(
        name=entry.name,
        key=key,
        issuer=key.issuer,
        account=key.name,
        window=entry.window,
        state=KeyState(last_step=last_step, drift=entry.drift),
    )

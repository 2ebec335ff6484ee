"""Every change goes through here: decided, audited and committed as one, or not at all."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from watchword_server.audit import CLOCK_TOLERANCE, Event, link
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import AcceptClock, Changes, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_otp import Secret
    from watchword_server.seal import Keyring
    from watchword_server.store.protocol import Store
    from watchword_server.store.records import Snapshot

AUDIT_KEY = "audit_key"
"""The name under which the sealed key of the audit log is kept."""

ACTIVE_SEAL = "active_seal"
"""The name under which the number of the sealing key in use is kept."""

_T = TypeVar("_T")


def check_clock(written_at: float, now: float) -> None:
    """Refuse a clock that is before the last row of the audit log.

    Raises:
        StoreError: It is, by more than `CLOCK_TOLERANCE`; all times are Unix seconds.
    """
    if now < written_at - CLOCK_TOLERANCE:
        message = (
            f"the clock was set back: it is {written_at - now:.0f} s before the last row of the audit"
            " log; set it right, or run: watchword-server store accept-clock"
        )
        raise StoreError(message, Cause.CLOCK_BACK)


class Act(msgspec.Struct):
    """What a decision does, and what the audit log says of it."""

    changes: Changes
    events: Sequence[Event] = ()


class Ledger:
    """Runs decisions against a store."""

    def __init__(self, store: Store, keyring: Keyring, *, clock: Callable[[], float]) -> None:
        """Decide on `store`, with secrets opened by `keyring`; `clock` gives Unix seconds."""
        self.store = store
        self.keyring = keyring
        self._clock = clock
        self._audit_key: bytes | None = None

    async def transact(
        self,
        wanted: Wanted,
        decide: Callable[[Snapshot, float], tuple[Act, _T]],
        *,
        whatever_the_clock: bool = False,
    ) -> _T:
        """Let `decide` judge what is wanted at this moment, and commit what it says with its events.

        Args:
            wanted: What it has to see.
            decide: Gets the snapshot and the time, Unix seconds. It runs in the store's thread.
            whatever_the_clock: Whether an operator vouches for a clock that was set back.

        Raises:
            StoreError: The database failed, the sealing keys do not open it, or the clock is before
                the last row of the audit log. Nothing was changed.
        """
        audit_key = await self.audit_key()

        def work(snapshot: Snapshot) -> tuple[Changes, _T]:
            now = self._clock()
            if not whatever_the_clock:
                check_clock(snapshot.head.at, now)
            act, result = decide(snapshot, now)
            if act.events:
                # Never earlier than it was, or a clock could creep back within the tolerance.
                latest = now if whatever_the_clock else max(now, snapshot.head.at)
                act.changes.rows, act.changes.head = link(audit_key, snapshot.head, act.events, latest)
            return act.changes, result

        return await self.store.transact(wanted, work)

    async def note(
        self, event: str, actor: str, detail: str, *, whatever_the_clock: bool = False
    ) -> None:
        """Write a row about something that changes nothing here.

        Raises:
            StoreError: See `transact`.
        """

        def decide(_: Snapshot, now: float) -> tuple[Act, None]:
            others = [AcceptClock(now)] if whatever_the_clock else []
            told = Event(at=now, event=event, actor=actor, detail=detail)
            return Act(Changes(others=others), [told]), None

        await self.transact(Wanted(), decide, whatever_the_clock=whatever_the_clock)

    def fingerprint(self, name: str, secret: Secret) -> bytes:
        """The hash that a deleted key is known by; for use in a decision, which has its key open.

        Raises:
            StoreError: It is not open yet.
        """
        if self._audit_key is None:
            message = "the key of the audit log is not open; decide in a transaction"
            raise StoreError(message)
        return hmac.digest(self._audit_key, b"secret of %b " % name.encode() + secret.reveal(), "sha256")

    async def probe(self) -> None:
        """Do all that a decision needs, except deciding: open, read, write, look at the clock.

        Raises:
            StoreError: Nothing could be decided now.
        """
        await self.audit_key()
        # The chain that this one writes to: another's clock may be ahead, and stops nobody but itself.
        check_clock((await self.store.probe()).at, self._clock())

    async def audit_key(self) -> bytes:
        """The key of the audit log, opened once.

        Raises:
            StoreError: The store failed, or the sealing keys do not open it.
        """
        if self._audit_key is None:
            meta = (await self.store.look(Wanted(meta=(AUDIT_KEY,)))).meta
            if AUDIT_KEY not in meta:
                message = "the database was never prepared; start the server on it once"
                raise StoreError(message)
            number, sealed = split_seal(meta[AUDIT_KEY])
            self._audit_key = await asyncio.to_thread(self.keyring.open, number, sealed, AUDIT_KEY)
        return self._audit_key


def active_seal(snapshot: Snapshot) -> int:
    """The number of the sealing key in use, from a snapshot that was asked for `ACTIVE_SEAL`."""
    return int(snapshot.meta[ACTIVE_SEAL])


def join_seal(number: int, sealed: bytes) -> bytes:
    """A sealed value with the number of its sealing key, as single values are kept."""
    return b"%d:%b" % (number, sealed)


def split_seal(value: bytes) -> tuple[int, bytes]:
    """The parts of `join_seal`."""
    number, _, sealed = value.partition(b":")
    return int(number), sealed

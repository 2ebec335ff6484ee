"""A key's way into use: made, handed out, confirmed by its first code; or replaced by a successor.

A pending key never answers true to a check and never stands in the way of one: while a successor is
pending, the key it will replace goes on. Both share one budget of attempts, that of their name.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Key
from watchword_server.audit import key_event
from watchword_server.errors import Reason, RefusedError
from watchword_server.keypolicy import new_secret, require_strong
from watchword_server.ledger import ACTIVE_SEAL, Act
from watchword_server.newkeys import NewKey, new_stored_key
from watchword_server.recovery import active_key, new_recovery_codes, recovery_digest
from watchword_server.resync import Diagnosis, diagnose
from watchword_server.store.protocol import KeyNameTakenError
from watchword_server.store.records import (
    LIVE,
    AddKey,
    AddTicket,
    Advance,
    Changes,
    PutKey,
    PutRecovery,
    RemoveKey,
    Status,
    StoredKey,
    Ticket,
    UseTicket,
    Wanted,
)
from watchword_server.verifier import Decision, KeyState, Verdict, decide, window_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.audit import Caller
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Change, Snapshot

TICKET_SECONDS = 600
"""How long an enrolment link opens."""

_TICKET_BYTES = 24


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was just made."""

    stored: StoredKey
    """As it is kept."""
    key: Key
    """With its secret, to be shown this once."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What became of a first code."""

    decision: Decision
    """The verdict, as for a check."""
    stored: StoredKey
    """The key as it is now."""
    recovery_codes: Sequence[str] = field(default=(), repr=False)
    """New ones, when the key was confirmed: to be shown this once."""
    diagnosis: Diagnosis | None = None
    """What is probably wrong with a wrong code: whoever confirms has seen the secret."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the enrolment page."""

    ticket: str = field(repr=False)
    """Its secret part: shown once, kept as a hash."""
    expires_at: float
    """Unix seconds."""


async def create_key(ledger: Ledger, new: NewKey, caller: Caller, *, confirmed: bool = False) -> MadeKey:
    """Add a key, pending until its first code unless it was `confirmed` elsewhere.

    Raises:
        InvalidKeyError: The key is too weak, as `keypolicy` has it.
        RefusedError: `KEY_EXISTS`.
        StoreError: See `Ledger.transact`.
    """
    require_strong(new.key)

    def work(snapshot: Snapshot, now: float) -> tuple[Act, MadeKey]:
        others: list[Change] = []
        for stored in snapshot.keys:
            if stored.status is Status.ACTIVE or not stored.is_over(now):
                raise _exists(new.name)
            others.append(RemoveKey(stored.id))
        added = new_stored_key(ledger, snapshot, new, now, confirmed=confirmed)
        others.append(AddKey(added))
        detail = "one that was not confirmed in time is dropped" if snapshot.keys else ""
        event = key_event("key.create", added, caller, now, detail=detail)
        return Act(Changes(others=others), [event]), MadeKey(added, new.key)

    wanted = Wanted(names=[new.name], statuses=LIVE, deleted=True, meta=(ACTIVE_SEAL,))
    try:
        return await ledger.transact(wanted, work)
    except KeyNameTakenError:
        raise _exists(new.name) from None


async def rotate_key(ledger: Ledger, name: str, caller: Caller) -> MadeKey:
    """Add a pending successor with a new secret to an active key, which works on until then.

    A successor that is pending already is dropped: its QR code was lost, or seen by the wrong person.

    Raises:
        RefusedError: `NO_SUCH_KEY`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, MadeKey]:
        active = active_key(snapshot, name)
        others: list[Change] = [
            RemoveKey(stored.id) for stored in snapshot.keys if stored.status is Status.PENDING
        ]
        secret = new_secret(active.algorithm)
        key = Key(
            secret=secret,
            kind=active.kind,
            algorithm=active.algorithm,
            digits=active.digits,
            period=active.period,
        )
        new = NewKey(
            name=name, key=key, issuer=active.issuer, account=active.account, window=active.window
        )
        added = new_stored_key(ledger, snapshot, new, now, confirmed=False)
        detail = "a successor that was pending is dropped" if others else ""
        others.append(AddKey(added))
        event = key_event("key.rotate", added, caller, now, detail=detail)
        return Act(Changes(others=others), [event]), MadeKey(added, key)

    return await ledger.transact(Wanted(names=[name], statuses=LIVE, meta=(ACTIVE_SEAL,)), work)


async def confirm_key(
    ledger: Ledger, where: Wanted, code: str, caller: Caller, *, window: int
) -> Confirmation:
    """Judge the first code of a pending key and, if it is accepted, put the key into use.

    The key it replaces is retired in the same transaction, a ticket is used up, and recovery codes
    are made. A wrong code counts against the name's one budget.

    Args:
        ledger: Where keys are.
        where: `by_name` or `by_ticket`.
        code: Exactly as it was sent.
        caller: Who sent it.
        window: Steps either side, for a key without a window of its own.

    Raises:
        RefusedError: `NO_SUCH_KEY` or `NOT_PENDING`.
        StoreError: See `Ledger.transact`.
    """

    def work(snapshot: Snapshot, now: float) -> tuple[Act, Confirmation]:
        pending = pending_key(snapshot, now)
        active = snapshot.find(pending.name)
        holder = pending if active is None else active
        state = _with_budget_of(holder.state, pending.state)
        key = ledger.keyring.open_key(pending)
        reach = window_of(key, pending.window, window)
        decision = decide(key, state, code, now, reach)
        event = key_event("confirm", pending, caller, now, decision=decision)
        if decision.verdict is not Verdict.ACCEPTED:
            diagnosis = None
            if decision.verdict is Verdict.WRONG:
                diagnosis = diagnose(key, state, code, now, reach)
            after = _with_budget_of(decision.state, holder.state)
            changes = Changes(advances=[Advance(holder, after)])
            return Act(changes, [event]), Confirmation(decision, pending, (), diagnosis)
        codes = new_recovery_codes()
        confirmed = msgspec.structs.replace(
            pending,
            status=Status.ACTIVE,
            confirmed_at=now,
            expires_at=None,
            version=pending.version + 1,
        )
        others: list[Change] = []
        if active is not None:
            others.append(PutKey(active, msgspec.structs.replace(active, status=Status.ROTATED)))
        others.append(PutKey(pending, confirmed))
        digests = [recovery_digest(pending.id, each) for each in codes]
        others.append(PutRecovery(pending.id, digests))
        if snapshot.ticket is not None:
            others.append(UseTicket(snapshot.ticket.digest, now))
        changes = Changes(advances=[Advance(pending, decision.state)], others=others)
        stored = msgspec.structs.replace(confirmed, state=decision.state)
        return Act(changes, [event]), Confirmation(decision, stored, codes)

    return await ledger.transact(where, work)


async def make_link(ledger: Ledger, name: str, caller: Caller) -> Link:
    """Make a link to the enrolment page of a pending key; one made before opens no more.

    Raises:
        RefusedError: `NO_SUCH_KEY` or `NOT_PENDING`.
        StoreError: See `Ledger.transact`.
    """
    text = secrets.token_urlsafe(_TICKET_BYTES)

    def work(snapshot: Snapshot, now: float) -> tuple[Act, Link]:
        pending = pending_key(snapshot, now)
        expires_at = now + TICKET_SECONDS
        if pending.expires_at is not None:
            expires_at = min(expires_at, pending.expires_at)
        ticket = Ticket(ticket_digest(text), pending.id, expires_at)
        event = key_event("link.create", pending, caller, now)
        return Act(Changes(others=[AddTicket(ticket)]), [event]), Link(text, expires_at)

    return await ledger.transact(by_name(name), work)


def by_name(name: str) -> Wanted:
    """What confirming the pending key of this name has to see."""
    return Wanted(names=[name], statuses=LIVE)


def by_ticket(ticket: str) -> Wanted:
    """What confirming by a link has to see."""
    return Wanted(ticket=ticket_digest(ticket))


def ticket_digest(ticket: str) -> bytes:
    """How a ticket is kept: it has 192 random bits, so a fast hash is enough."""
    return hashlib.sha256(b"ticket " + ticket.encode("utf-8", "surrogateescape")).digest()


def pending_key(snapshot: Snapshot, now: float) -> StoredKey:
    """The key of a snapshot, by `by_name` or `by_ticket`, that waits for its first code.

    Raises:
        RefusedError: `NO_SUCH_KEY` if there is none of the name, `NOT_PENDING` if it does not wait.
    """
    ticket = snapshot.ticket
    if ticket is not None and (ticket.used_at is not None or now >= ticket.expires_at):
        raise RefusedError(Reason.NOT_PENDING, "this link was used or is too old; ask for another")
    for stored in snapshot.keys:
        invited = ticket is None or stored.id == ticket.key_id
        if stored.status is Status.PENDING and invited and not stored.is_over(now):
            return stored
    if any(stored.status is Status.ACTIVE for stored in snapshot.keys):
        raise RefusedError(Reason.NOT_PENDING, "this key is confirmed: its secret is not shown again")
    if snapshot.keys:
        raise RefusedError(Reason.NOT_PENDING, "this key was not confirmed in time; make it again")
    raise RefusedError(Reason.NO_SUCH_KEY, "there is no key of this name")


def _with_budget_of(budget: KeyState, state: KeyState) -> KeyState:
    """`state` with the failures and the lock of `budget`."""
    return msgspec.structs.replace(state, failures=budget.failures, locked_until=budget.locked_until)


def _exists(name: str) -> RefusedError:
    return RefusedError(Reason.KEY_EXISTS, f"there is a key {name} already")

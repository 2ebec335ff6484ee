"""A key as it will be stored: sealed, and knowing what was used of its secret under its name before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Kind
from watchword_server.ledger import active_seal
from watchword_server.store.records import Status, StoredKey
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from watchword_otp import Key
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import Snapshot

PENDING_SECONDS = 86_400
"""How long a key waits for its first code."""


_UNUSED = KeyState()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a key is made of."""

    name: str
    """Canonical, as `names.is_canonical` says."""
    key: Key
    """The secret and its parameters; HOTP: with the counter of the next code."""
    issuer: str = ""
    """As authenticators show it; empty for the server's setting."""
    account: str = ""
    """As authenticators show it; empty for the name."""
    window: int | None = None
    """Steps either side, or counters ahead; None for the server's setting."""
    state: KeyState = _UNUSED
    """What was used of it elsewhere; HOTP keys tell that by their counter."""


def new_stored_key(  # noqa: PLR0913 - a row
    ledger: Ledger,
    snapshot: Snapshot,
    new: NewKey,
    now: float,
    *,
    confirmed: bool,
    number: int | None = None,
) -> StoredKey:
    """Make what is stored of a new key; for use in a decision.

    Args:
        ledger: Seals the secret, and knows it again.
        snapshot: Asked for `ACTIVE_SEAL`; with `deleted`, the key has the steps consumed that a
            deleted one of its name and secret had consumed.
        new: What it is made of.
        now: Unix seconds.
        confirmed: Whether it is active at once; otherwise it waits for its first code.
        number: Its number; None for the next one.

    Raises:
        StoreError: The sealing key in use is not there.
    """
    number = snapshot.next_key_id if number is None else number
    seal, key = active_seal(snapshot), new.key
    return StoredKey(
        id=number,
        name=new.name,
        status=Status.ACTIVE if confirmed else Status.PENDING,
        seal=seal,
        secret=ledger.keyring.seal_secret(seal, number, new.name, key.secret),
        kind=key.kind,
        algorithm=key.algorithm,
        digits=key.digits,
        period=key.period,
        issuer=new.issuer,
        account=new.account,
        window=new.window,
        created_at=now,
        confirmed_at=now if confirmed else None,
        expires_at=None if confirmed else now + PENDING_SECONDS,
        state=_state(ledger, snapshot, new),
    )


def _state(ledger: Ledger, snapshot: Snapshot, new: NewKey) -> KeyState:
    used = [new.state.last_step]
    if new.key.kind is Kind.HOTP:
        used.append(new.key.counter - 1)
    if snapshot.deleted:
        fingerprint = ledger.fingerprint(new.name, new.key.secret)
        used += [left.last_step for left in snapshot.deleted if left.fingerprint == fingerprint]
    return msgspec.structs.replace(new.state, last_step=max(used))

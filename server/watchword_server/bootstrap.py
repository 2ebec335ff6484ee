"""What must be in the database before the first request: seals, a default key, and a way in."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import Key, Secret
from watchword_server.audit import KEY_BYTES, Caller, Event
from watchword_server.errors import RefusedError
from watchword_server.ledger import (
    ACTIVE_SEAL,
    AUDIT_KEY,
    Act,
    join_seal,
    split_seal,
)
from watchword_server.names import DEFAULT_KEY
from watchword_server.newkeys import NewKey, new_stored_key
from watchword_server.sealing import seal_batch
from watchword_server.store.closed import CLOSED, refuse_closed
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import (
    AddKey,
    Changes,
    PutKey,
    SetMeta,
    Status,
    Wanted,
)
from watchword_server.tokenadmin import NewToken, create_token
from watchword_server.tokens import FIRST_TOKEN_NAME, Scope

if TYPE_CHECKING:
    from watchword_server.dotenv import Configured
    from watchword_server.ledger import Ledger
    from watchword_server.seal import Keyring, Ring
    from watchword_server.store.protocol import Store
    from watchword_server.store.records import Change, Snapshot

SERVER = Caller("server")
"""Who acts when nobody asked."""

_BATCH = 500
_REPLACED = (Status.RETIRED, Status.ROTATED)


class Activation(StrEnum):
    """What became of a key that has to be the active one of its name."""

    CREATED = "created"
    """There was no key of this name."""
    KEPT = "kept"
    """The same key was active already."""
    REPLACED = "replaced"
    """Another secret was active: it is retired, and the new one starts afresh."""
    RETURNED = "returned"
    """Another secret was active: it is retired, and this one, retired before, is back with its state."""
    ROTATED_AWAY = "rotated-away"
    """A confirmed successor has replaced this secret, which stays out: the successor is kept."""


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What was found or made."""

    activation: Activation
    """What became of the default key."""
    first_token: str | None = field(repr=False)
    """The token that was just made, to be shown this once."""
    has_token: bool
    """Whether any token counts at all."""


async def prepare(store: Store, keyring: Keyring) -> None:
    """Make sure that the database has its audit key and that every secret in it is sealed.

    A database that is new, or from a version that did not seal, gets the sealing key that is there,
    or else a first one.

    Raises:
        StoreError: The database failed, it was moved elsewhere or is not whole yet, or the sealing keys
            it was prepared with do not open it.
    """
    meta = (await store.look(Wanted(meta=(AUDIT_KEY, CLOSED)))).meta
    refuse_closed(meta)
    if AUDIT_KEY in meta:
        seal, sealed = split_seal(meta[AUDIT_KEY])
        await asyncio.to_thread(keyring.open, seal, sealed, AUDIT_KEY)
        return
    ring = await asyncio.to_thread(_first_ring, keyring)
    number = ring.newest
    while unsealed := await store.sealed_otherwise(number, _BATCH):
        # Another server that starts on the same database at this moment may have sealed some of them:
        # then the next batch has the others.
        await seal_batch(store, ring, number, unsealed, lambda stored: Secret(stored.secret))
    await store.scrub()
    sealed = ring.seal(number, secrets.token_bytes(KEY_BYTES), AUDIT_KEY)

    def decide(snapshot: Snapshot) -> tuple[Changes, None]:
        # A copy into it may have begun at this moment.
        refuse_closed(snapshot.meta)
        if AUDIT_KEY in snapshot.meta:
            # Another server that starts on the same database at this moment was first.
            return Changes(), None
        values: list[Change] = [
            SetMeta(AUDIT_KEY, join_seal(number, sealed)),
            SetMeta(ACTIVE_SEAL, str(number).encode()),
        ]
        return Changes(others=values), None

    await store.transact(Wanted(meta=(AUDIT_KEY, CLOSED)), decide)


async def bootstrap(ledger: Ledger, configured: Configured) -> Bootstrapped:
    """Make sure of a default key and, in a database that never had a token, of a first one.

    A configured key replaces the stored one; without either a new one of 160 bits is made.

    Raises:
        StoreError: The database failed, its sealing keys are not there, or the clock was set back.
    """
    key = configured.key
    activation = await activate_key(
        ledger, DEFAULT_KEY, key or Key(secret=Secret.generate()), replacing=key is not None
    )
    tokens = await ledger.store.tokens()
    if tokens or configured.token is not None:
        active = any(token.revoked_at is None for token in tokens)
        return Bootstrapped(activation, None, has_token=active or configured.token is not None)
    scopes = frozenset({Scope.CHECK, Scope.CHECK_DETAIL, Scope.QR})
    try:
        made = await create_token(ledger, NewToken(name=FIRST_TOKEN_NAME, scopes=scopes), SERVER)
    except RefusedError:
        # Another server that starts on the same database at this moment has made it, and shows it.
        return Bootstrapped(activation, None, has_token=True)
    return Bootstrapped(activation, made.text, has_token=True)


async def activate_key(ledger: Ledger, name: str, key: Key, *, replacing: bool = True) -> Activation:
    """Make `key` the active one of this name.

    Args:
        ledger: Where keys are.
        name: The key's name.
        key: The secret and its parameters, without labels.
        replacing: Whether to retire another active key: it is kept with its state, so that going back
            to it does not make its used codes valid again. Otherwise it stays.

    Raises:
        StoreError: See `Ledger.transact`.
    """

    def decide(snapshot: Snapshot, now: float) -> tuple[Act, Activation]:
        active = snapshot.find(name)
        if active is not None and (not replacing or ledger.keyring.open_key(active) == key):
            return Act(Changes()), Activation.KEPT
        known = {stored.id: ledger.keyring.open_key(stored) for stored in snapshot.keys}
        if active is not None and any(
            known[stored.id] == key for stored in snapshot.keys if stored.status is Status.ROTATED
        ):
            return Act(Changes()), Activation.ROTATED_AWAY
        others: list[Change] = []
        if active is not None:
            others.append(PutKey(active, msgspec.structs.replace(active, status=Status.RETIRED)))
        activation = Activation.CREATED if active is None else Activation.REPLACED
        number = snapshot.next_key_id
        for stored in snapshot.keys:
            if stored.status in _REPLACED and known[stored.id] == key:
                others.append(PutKey(stored, msgspec.structs.replace(stored, status=Status.ACTIVE)))
                activation, number = Activation.RETURNED, stored.id
                break
        else:
            new = NewKey(name=name, key=key)
            others.append(AddKey(new_stored_key(ledger, snapshot, new, now, confirmed=True)))
        event = Event(
            at=now,
            event="key.activate",
            actor=SERVER.actor,
            key=name,
            key_id=number,
            detail=activation.value,
        )
        return Act(Changes(others=others), [event]), activation

    wanted = Wanted(names=[name], statuses=list(Status), deleted=True, meta=(ACTIVE_SEAL,))
    return await ledger.transact(wanted, decide)


def _first_ring(keyring: Keyring) -> Ring:
    try:
        return keyring.ring()
    except StoreError as error:
        if error.cause is not Cause.SEALING_KEY_MISSING or not keyring.is_ours:
            raise
    try:
        return keyring.create()
    except StoreError:
        if not keyring.path.exists():
            raise
    # Another server that starts on the same folder at this moment was first, or it is not readable.
    return keyring.ring()

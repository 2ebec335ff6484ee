"""What a store holds, as plain values: read in a `Snapshot`, changed by a `Changes`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

import msgspec

from watchword_otp import Algorithm, Kind
from watchword_server.tokens import Token
from watchword_server.verifier import KeyState


class Status(StrEnum):
    """Where a key is in its life."""

    PENDING = "pending"
    """Handed out, but no code of it was seen yet: it never answers true to a check."""
    ACTIVE = "active"
    """Confirmed; at most one of a name."""
    RETIRED = "retired"
    """Replaced by the settings; kept with its state, so that its used codes stay used if it returns."""
    ROTATED = "rotated"
    """Replaced by a successor that was confirmed: the settings do not bring it back."""


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the store holds it."""

    id: int
    """Its number in the store, never reused; names can pass from one key to another."""
    name: str
    """What it is called; a pending successor has the name of the key it will replace."""
    status: Status
    """Where it is in its life."""
    seal: int
    """Number of the sealing key; 0 for a secret not yet sealed, which only an upgrade leaves."""
    secret: bytes
    """The sealed secret."""
    kind: Kind = Kind.TOTP
    """How codes are counted and drawn."""
    algorithm: Algorithm = Algorithm.SHA1
    """The hash of the HMAC."""
    digits: int = 6
    """Length of a code."""
    period: int = 30
    """Seconds."""
    issuer: str = ""
    """Who hands the key out, as authenticators show it; empty for the server's setting."""
    account: str = ""
    """Whose it is, as authenticators show it; empty for the key's name."""
    window: int | None = None
    """Steps accepted either side of now (HOTP: counters ahead); None for the server's setting."""
    version: int = 1
    """Counts changes of what people can set; the state of checks does not move it."""
    created_at: float
    """Unix seconds."""
    confirmed_at: float | None = None
    """When the first code was seen, Unix seconds."""
    expires_at: float | None = None
    """When a pending key ceases to be one, Unix seconds."""
    state: KeyState = KeyState()
    """What was committed last."""

    def is_over(self, now: float) -> bool:
        """Tell whether it was not confirmed in time; `now` is in Unix seconds."""
        return self.expires_at is not None and now >= self.expires_at

    def __repr__(self) -> str:
        return f"<StoredKey {self.id} {self.name} {self.status}>"


LIVE = (Status.ACTIVE, Status.PENDING)
"""Keys that count, or may yet; an active one comes before its successor."""


class DeletedKey(msgspec.Struct, frozen=True):
    """What is left of a deleted key: enough to know its secret by, should it come back."""

    name: str
    fingerprint: bytes
    """Keyed hash of name and secret."""
    last_step: int
    """The highest step it had consumed."""


class RecoveryCode(msgspec.Struct, frozen=True):
    """A recovery code, known by its hash."""

    key_id: int
    digest: bytes
    used_at: float | None


class Ticket(msgspec.Struct, frozen=True):
    """A single-use invitation to enrol, known by its hash."""

    digest: bytes
    key_id: int
    expires_at: float
    used_at: float | None = None


class Answer(msgspec.Struct, frozen=True):
    """What was answered to a request that may be repeated."""

    digest: bytes
    """Hash of who asked and of the Idempotency-Key."""
    fingerprint: bytes
    """Keyed hash of what was asked."""
    answer: bytes
    """The decision, encoded."""
    expires_at: float


class Head(msgspec.Struct, frozen=True):
    """The end of a chain of the audit log."""

    seq: int = 0
    """Number of the last row; 0 for none."""
    mac: str = ""
    """Its chained MAC, hexadecimal."""
    at: float = 0.0
    """The latest time of any of its rows, Unix seconds: its writer's clock must not be before it."""
    chain: int = 0
    """The chain's number; they are numbered from 0 on without a gap."""


class AuditRow(msgspec.Struct, frozen=True):
    """One row of the audit log."""

    seq: int
    event: str
    """The event as JSON, as it was hashed."""
    mac: str
    """Hexadecimal; chained to the row before."""
    chain: int = 0
    """The number of the chain it is in."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision needs to see."""

    names: Collection[str] = ()
    """Keys by name."""
    ids: Collection[int] = ()
    """Keys by number."""
    statuses: Collection[Status] = (Status.ACTIVE,)
    """Which of these keys."""
    deleted: bool = False
    """Whether with what is left of deleted keys of these names."""
    recovery: bool = False
    """Whether with their recovery codes."""
    ticket: bytes | None = None
    """The digest of a ticket; its key comes along, whatever its status, and those of its name."""
    answers: Collection[bytes] = ()
    """Digests of requests that may be repeats."""
    tokens: bool = False
    """Whether with every token that counts."""
    meta: Collection[str] = ()
    """Names of single values."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the store holds of what was wanted, at one moment."""

    keys: Sequence[StoredKey] = ()
    head: Head = Head()
    """The end of the chain that this transaction writes to; in a mere look, of one that it would."""
    next_key_id: int = 1
    """The number that the next key added will have."""
    deleted: Sequence[DeletedKey] = ()
    recovery: Sequence[RecoveryCode] = ()
    ticket: Ticket | None = None
    answers: Mapping[bytes, Answer] = {}
    tokens: Sequence[Token] = ()
    meta: Mapping[str, bytes] = {}

    def find(self, name: str, status: Status = Status.ACTIVE) -> StoredKey | None:
        """The key of this name and status."""
        for key in self.keys:
            if key.name == name and key.status is status:
                return key
        return None


class Advance(msgspec.Struct, frozen=True):
    """One key's state moves on."""

    key: StoredKey
    """As the decision saw it; if that state is no longer stored, the decision is void."""
    after: KeyState
    """The state to store."""


def moved(stored: StoredKey, after: KeyState) -> Sequence[Advance]:
    """What brings a key's state to `after`; nothing if it is there."""
    return [] if after == stored.state else [Advance(stored, after)]


class AddKey(msgspec.Struct, frozen=True):
    """A new key, with the number the snapshot named, and its state."""

    key: StoredKey


class PutKey(msgspec.Struct, frozen=True):
    """A key's settings, status or sealed secret change; its state does not."""

    before: StoredKey
    after: StoredKey


class RemoveKey(msgspec.Struct, frozen=True):
    """A key goes, with its recovery codes and tickets."""

    id: int


class NoteDeleted(msgspec.Struct, frozen=True):
    """What is to be left of a key that goes; a step noted before is kept if it is higher."""

    key: DeletedKey


class PutRecovery(msgspec.Struct, frozen=True):
    """A key's recovery codes are replaced by these."""

    key_id: int
    digests: Sequence[bytes]


class UseRecovery(msgspec.Struct, frozen=True):
    """One unused recovery code is used."""

    key_id: int
    digest: bytes
    at: float


class AddTicket(msgspec.Struct, frozen=True):
    """A new ticket; those before it for the same key go."""

    ticket: Ticket


class UseTicket(msgspec.Struct, frozen=True):
    """An unused ticket is used."""

    digest: bytes
    at: float


class AddToken(msgspec.Struct, frozen=True):
    """A new token."""

    token: Token


class PutToken(msgspec.Struct, frozen=True):
    """A token is revoked, or replaced by another of its name; it is known by its digest."""

    token: Token


class SetMeta(msgspec.Struct, frozen=True):
    """One single value is set."""

    name: str
    value: bytes


class AcceptClock(msgspec.Struct, frozen=True):
    """No end of the audit log is later than this: an operator vouches for a clock that was set back."""

    now: float
    """Unix seconds."""


Change = (
    AcceptClock
    | AddKey
    | PutKey
    | RemoveKey
    | NoteDeleted
    | PutRecovery
    | UseRecovery
    | AddTicket
    | UseTicket
    | AddToken
    | PutToken
    | SetMeta
)


class Changes(msgspec.Struct, kw_only=True):
    """What a decision does, all of it or nothing."""

    advances: Sequence[Advance] = ()
    others: Sequence[Change] = ()
    """In this order."""
    answers: Sequence[Answer] = ()
    rows: Sequence[AuditRow] = ()
    """The next rows of the chain whose end the snapshot has."""
    head: Head | None = None
    """The end of that chain with them."""

"""What the server asks of a database. Batch-native: many checks are settled by one commit."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword_server.store.records import (
        AuditRow,
        Changes,
        Head,
        Snapshot,
        StoredKey,
        Wanted,
    )
    from watchword_server.tokens import Token

T = TypeVar("T")


class Cause(StrEnum):
    """Why the validator cannot decide now; each has its own way out."""

    DISK_FULL = "disk-full"
    READ_ONLY = "read-only"
    LOCKED = "database-locked"
    DAMAGED = "database-damaged"
    GONE = "database-gone"
    FAILED = "database-failed"
    UNREACHABLE = "database-unreachable"
    CHANGED = "changed-meanwhile"
    SEALING_KEY_MISSING = "sealing-key-missing"
    SEALING_KEY_WRONG = "sealing-key-wrong"
    CLOCK_BACK = "clock-stepped-back"
    CLOCK_OFF = "clock-off"

    @property
    def words(self) -> str:
        """What it is, for those who have no business with the server's files."""
        return _WORDS[self]


_WORDS = {
    Cause.DISK_FULL: "the server's disk is full",
    Cause.READ_ONLY: "the server's database cannot be written",
    Cause.LOCKED: "another program holds the server's database",
    Cause.DAMAGED: "the server's database is damaged",
    Cause.GONE: "the server's database is gone",
    Cause.FAILED: "the server's database failed",
    Cause.UNREACHABLE: "the server's database cannot be reached",
    Cause.CHANGED: "someone else changed the same thing at this moment",
    Cause.SEALING_KEY_MISSING: "the server's sealing keys are missing",
    Cause.SEALING_KEY_WRONG: "the server's sealing keys do not open this",
    Cause.CLOCK_BACK: "the server's clock was set back",
    Cause.CLOCK_OFF: "the clocks of the server and its database differ",
}


class StoreError(Exception):
    """It was not done, and nothing was changed. The message says what to do and holds no secret."""

    def __init__(self, message: str, cause: Cause = Cause.FAILED) -> None:
        """Say what to do about it."""
        super().__init__(message)
        self.cause = cause


class TokenNameTakenError(Exception):
    """A token that counts has this name already."""


class KeyNameTakenError(Exception):
    """A key of this name and status is there already."""


Decide: TypeAlias = "Callable[[Snapshot], tuple[Changes, T]]"
"""Looks at what there is now and says what changes. Pure: it may run again.

What it raises undoes everything and reaches the caller.
"""


class Store(Protocol):
    """Keys, tokens and the audit log, kept for good.

    The audit log is one or several chains of rows: who writes at the same time writes another chain, and
    waits for nobody. A chain that was begun stays, also when all its rows were pruned.

    Every method raises `StoreError` when the database fails. Nothing was changed then; only if the
    connection broke at the very commit may it have been, and nobody was told so.
    """

    lanes: int
    """How many calls of `transact` are worth having under way at once."""

    async def transact(self, wanted: Wanted, decide: Decide[T]) -> T:
        """Load what is wanted, let `decide` judge, and do what it says; give its second value.

        All of it is one transaction, committed to disk when this returns. No two calls, in this
        process or another, decide on the same state. What is not there is not in the snapshot.

        Raises:
            TokenNameTakenError: An added token has the name of one that counts.
            KeyNameTakenError: An added key has the name and status of another.
        """
        ...

    async def look(self, wanted: Wanted) -> Snapshot:
        """Load what is wanted, without a claim on it."""
        ...

    async def list_keys(self, after: str, limit: int) -> Sequence[StoredKey]:
        """Active and pending keys of the next `limit` names after `after`, by name, active first."""
        ...

    async def sealed_otherwise(self, seal: int, limit: int) -> Sequence[StoredKey]:
        """Up to `limit` keys of any status whose secret another sealing key has sealed."""
        ...

    async def expired_keys(self, now: float, limit: int) -> Sequence[StoredKey]:
        """Up to `limit` pending keys whose time is over."""
        ...

    async def tokens(self) -> Sequence[Token]:
        """Every token there ever was, oldest first."""
        ...

    async def touch_tokens(self, used: Mapping[bytes, float]) -> None:
        """Note when tokens, by digest, were used last; Unix seconds."""
        ...

    async def audit_heads(self) -> Sequence[Head]:
        """The end of each chain of the audit log, by number; never empty."""
        ...

    async def audit_rows(self, chain: int, after: int, limit: int) -> Sequence[AuditRow]:
        """Up to `limit` rows of a chain after number `after`, oldest first; none if it is not there."""
        ...

    async def prune(self, now: float) -> None:
        """Forget answers and tickets whose time is over at `now`, Unix seconds."""
        ...

    async def prune_audit(self, chain: int, before: int) -> None:
        """Forget the rows of a chain before a number; its end stays as it is."""
        ...

    async def scrub(self) -> None:
        """Leave nothing in the files of what was overwritten or removed."""
        ...

    async def probe(self) -> Head:
        """Really read and really write something, as a check would; give the end of its chain."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        ...

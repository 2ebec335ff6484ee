"""What the server asks of a database. Batch-native: many checks are settled by one commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from watchword_otp import Key
    from watchword_server.tokens import Token
    from watchword_server.verifier import KeyState


class StoreError(Exception):
    """The database did not do it, and nothing was changed. The message holds no secret."""


class TokenNameTakenError(Exception):
    """An active token has this name already."""


class StoredKey(msgspec.Struct, frozen=True):
    """An active key as the store holds it."""

    id: int
    """Its number in the store, never reused; names can pass from one key to another."""
    key: Key
    """The secret and its parameters, without labels."""
    state: KeyState
    """What was committed last."""


class Advance(msgspec.Struct, frozen=True):
    """One key's state moves on."""

    id: int
    """The key's number."""
    before: KeyState
    """The state the decision was made on; if it is no longer stored, the decision is void."""
    after: KeyState
    """The state to store."""


Decide: TypeAlias = Callable[[Mapping[str, StoredKey]], Sequence[Advance]]
"""Looks at keys by name, as they are now, and says which states move. Pure: it may run again."""


class Activation(StrEnum):
    """What `Store.activate_key` found to do."""

    CREATED = "created"
    """There was no key of this name."""
    KEPT = "kept"
    """The same key was active already."""
    REPLACED = "replaced"
    """Another secret was active: it is retired, and the new one starts afresh."""
    RETURNED = "returned"
    """Another secret was active: it is retired, and this one, retired before, is back with its state."""


class Store(Protocol):
    """Keys and tokens, kept for good.

    Every method raises `StoreError` when the database fails, and has then changed nothing.
    """

    async def settle(self, names: Collection[str], decide: Decide) -> None:
        """Load the active keys of these names, let `decide` judge, store what it says.

        All of it is one transaction, committed to disk when this returns. No two calls, in this
        process or another, decide on the same state. A name without a key is not in the mapping.
        """
        ...

    async def find_key(self, name: str) -> StoredKey | None:
        """The active key of this name."""
        ...

    async def activate_key(
        self, name: str, key: Key, now: float, *, replacing: bool = True
    ) -> Activation:
        """Make `key` the active one of this name.

        Args:
            name: The key's name.
            key: The secret and its parameters, without labels.
            now: Unix seconds.
            replacing: Whether to retire another active key: it is kept with its state, so that
                going back to it does not make its used codes valid again. Otherwise it stays.
        """
        ...

    async def add_token(self, token: Token) -> None:
        """Keep a new token.

        Raises:
            TokenNameTakenError: An active token has this name.
        """
        ...

    async def tokens(self) -> Sequence[Token]:
        """Every token there ever was, oldest first."""
        ...

    async def revoke_token(self, name: str, now: float) -> bool:
        """Make the active token of this name count no more; tell whether there was one."""
        ...

    async def ping(self) -> None:
        """Really read something."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        ...

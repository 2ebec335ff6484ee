"""What must be in the database before the first request: a default key, and a way in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from watchword_otp import Key, Secret
from watchword_server.names import DEFAULT_KEY
from watchword_server.store.protocol import TokenNameTakenError
from watchword_server.tokens import FIRST_TOKEN_NAME, Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from watchword_server.dotenv import Configured
    from watchword_server.store.protocol import Activation, Store


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """What was found or made."""

    activation: Activation
    """What became of the default key."""
    first_token: str | None = field(repr=False)
    """The token that was just made, to be shown this once."""
    has_token: bool
    """Whether any token counts at all."""


async def bootstrap(store: Store, configured: Configured, now: float) -> Bootstrapped:
    """Make sure of a default key and, in a database that never had a token, of a first one.

    A configured key replaces the stored one; without either a new one of 160 bits is made. `now` is
    in Unix seconds.

    Raises:
        StoreError: The database failed.
    """
    key = configured.key
    activation = await store.activate_key(
        DEFAULT_KEY, key or Key(secret=Secret.generate()), now, replacing=key is not None
    )
    tokens = await store.tokens()
    if tokens or configured.token is not None:
        active = any(token.revoked_at is None for token in tokens)
        return Bootstrapped(activation, None, has_token=active or configured.token is not None)
    text = new_token()
    try:
        await store.add_token(
            Token(
                name=FIRST_TOKEN_NAME,
                digest=digest_of(text),
                scopes=frozenset({Scope.CHECK, Scope.CHECK_DETAIL, Scope.QR}),
                created_at=now,
            )
        )
    except TokenNameTakenError:
        # Another server that starts on the same database at this moment has made it, and shows it.
        return Bootstrapped(activation, None, has_token=True)
    return Bootstrapped(activation, text, has_token=True)

"""Tokens as rows: the same columns and the same text in every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchword_server.tokens import Scope, Token

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = (
    "name, digest, scopes, keys, rate_limit,"
    " created_at, expires_at, replaced_at, revoked_at, last_used_at"
)
"""Of a row, in the order of `token_of`."""


def token_of(row: Iterable[Any]) -> Token:
    """A token from a row of `COLUMNS`."""
    name, digest, scopes, keys, rate_limit, *times = row
    created_at, expires_at, replaced_at, revoked_at, last_used_at = times
    allowed = set(scopes.split())
    return Token(
        name=name,
        digest=digest,
        # A scope that only a newer version knows allows nothing here.
        scopes=frozenset(scope for scope in Scope if scope in allowed),
        keys=None if keys is None else frozenset(keys.split()),
        rate_limit=rate_limit,
        created_at=created_at,
        expires_at=expires_at,
        replaced_at=replaced_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
    )


def row_of(token: Token) -> tuple[object, ...]:
    """What a new token has in its row, up to `expires_at`; the rest is yet to come."""
    scopes = " ".join(sorted(token.scopes))
    keys = None if token.keys is None else " ".join(sorted(token.keys))
    return (
        *(token.name, token.digest, scopes, keys, token.rate_limit),
        *(token.created_at, token.expires_at),
    )

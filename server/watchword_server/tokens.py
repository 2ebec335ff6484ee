"""Bearer tokens (RFC 6750): made once, known only by their hash, each allowed a few things."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_server.store.protocol import Store

PREFIX = "ww_"
"""How a token made here begins, so that people and secret scanners know one when they see it."""

FIRST_TOKEN_NAME = "first"  # noqa: S105 - a name, not a token

REFRESH_SECONDS = 1.0
"""A token made or revoked by another process counts here after this long at most."""

_RANDOM_BYTES = 32


class Scope(StrEnum):
    """One thing a token may do."""

    CHECK = "check"
    """Have codes checked, and learn true or false."""
    CHECK_DETAIL = "check:detail"
    """Learn why, too: reason, offset, attempts left."""
    QR = "qr"
    """See the default key, as a QR code or a URI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token: never the token itself."""

    name: str
    """What people call it."""
    digest: bytes
    """Its SHA-256. A token has 256 random bits, so a slow hash would add nothing but load."""
    scopes: frozenset[Scope]
    """What it may do."""
    created_at: float = 0.0
    """Unix seconds."""
    revoked_at: float | None = None
    """Unix seconds; None while it counts."""


def new_token() -> str:
    """Make a token of 256 random bits. Show it once; keep `digest_of` it."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(token: str) -> bytes:
    """The SHA-256 of a token; bytes that are not text have come through aiohttp as surrogates."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class TokenBook:
    """The tokens that count now: those of the settings and, read again each second, the store's."""

    def __init__(self, store: Store, configured: Iterable[Token] = ()) -> None:
        self._store = store
        self._configured = tuple(configured)
        self._active: Sequence[Token] = ()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def find(self, presented: str) -> Token | None:
        """The token that was presented, or None.

        Its hash is compared with every active one, in constant time, so that the time taken tells
        nothing.

        Raises:
            StoreError: The store could not be read.
        """
        if asyncio.get_running_loop().time() - self._read_at >= REFRESH_SECONDS:
            await self._refresh()
        digest = digest_of(presented)
        found = None
        for token in self._active:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    async def _refresh(self) -> None:
        # The loop's own clock: how old a reading is has nothing to do with what time it is.
        now = asyncio.get_running_loop().time
        async with self._reading:
            if now() - self._read_at < REFRESH_SECONDS:
                return
            started = now()
            stored = [token for token in await self._store.tokens() if token.revoked_at is None]
            self._active = (*self._configured, *stored)
            self._read_at = started

"""Bearer tokens (RFC 6750): made once, known only by their hash, each allowed a few things."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from watchword_server.store.protocol import Store

PREFIX = "ww_"
"""How a token made here begins, so that people and secret scanners know one when they see it."""

FIRST_TOKEN_NAME = "first"  # noqa: S105 - a name, not a token

REFRESH_SECONDS = 1.0
"""A token revoked by another process counts here for this long at most; a new one counts at once."""

_RANDOM_BYTES = 32
_CHECKSUM_LENGTH = 8


class Scope(StrEnum):
    """One thing a token may do."""

    CHECK = "check"
    """Have codes checked, and learn true or false."""
    CHECK_DETAIL = "check:detail"
    """Learn why, too: reason, offset, attempts left."""
    QR = "qr"
    """See the default key, and keys not confirmed yet, as a QR code or a URI; confirm these."""
    KEYS_READ = "keys:read"
    """List keys and see their settings and locks; never a secret."""
    KEYS_WRITE = "keys:write"
    """Make, change, rotate, resync and delete keys; make recovery codes and enrolment links."""
    LOCKS_WRITE = "locks:write"
    """Take locks off."""
    AUDIT_READ = "audit:read"
    """Read and verify the audit log."""
    TOKENS_ADMIN = "tokens:admin"
    """List, make, rotate and revoke tokens: whoever may, may do everything."""
    METRICS = "metrics"
    """Read the metrics."""


ABOUT_ALL_KEYS = frozenset({Scope.AUDIT_READ, Scope.TOKENS_ADMIN, Scope.METRICS})
"""Scopes of no use to a token that is limited to some keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token: never the token itself."""

    name: str
    """What people call it."""
    digest: bytes
    """Its SHA-256. A token has 256 random bits, so a slow hash would add nothing but load."""
    scopes: frozenset[Scope]
    """What it may do."""
    keys: frozenset[str] | None = None
    """The names of the keys it may touch; None for all."""
    rate_limit: int | None = None
    """Requests a minute; None for as many as come."""
    created_at: float = 0.0
    """Unix seconds."""
    expires_at: float | None = None
    """When it ceases to count, Unix seconds; None for never."""
    replaced_at: float | None = None
    """When another token took its name, Unix seconds: it counts on until it expires."""
    revoked_at: float | None = None
    """Unix seconds; None while it counts."""
    last_used_at: float | None = None
    """Unix seconds, to the minute; None if never."""

    def counts(self, now: float) -> bool:
        """Tell whether it is accepted at `now`, Unix seconds."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def may_touch(self, name: str) -> bool:
        """Tell whether the key called `name` is among its keys."""
        return self.keys is None or name in self.keys


def challenge(error: str = "", scope: str = "") -> dict[str, str]:
    """The header that tells a refused client how to come in (RFC 6750 section 3)."""
    parts = ['Bearer realm="watchword"']
    if error:
        parts.append(f'error="{error}"')
    if scope:
        parts.append(f'scope="{scope}"')
    return {"WWW-Authenticate": ", ".join(parts)}


def new_token() -> str:
    """Make a token of 256 random bits. Show it once; keep `digest_of` it.

    It ends in a checksum, so that a scanner can tell one from a word that only looks like it.
    """
    body = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    return body + _checksum(body)


def looks_genuine(token: str) -> bool:
    """Tell whether `token` could have been made by `new_token`, by its prefix and its checksum."""
    body, checksum = token[:-_CHECKSUM_LENGTH], token[-_CHECKSUM_LENGTH:]
    return token.startswith(PREFIX) and checksum == _checksum(body)


def digest_of(token: str) -> bytes:
    """The SHA-256 of a token; bytes that are not text have come through aiohttp as surrogates."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _checksum(body: str) -> str:
    # Whoever presents a token may send what is no text.
    return f"{zlib.crc32(body.encode('utf-8', 'surrogateescape')):0{_CHECKSUM_LENGTH}x}"


class TokenBook:
    """The tokens that count now: those of the settings and, read again each second, the store's."""

    def __init__(
        self, store: Store, configured: Iterable[Token] = (), *, clock: Callable[[], float]
    ) -> None:
        """Read from `store`; `clock` gives Unix seconds."""
        self._store = store
        self._clock = clock
        self._configured = tuple(configured)
        self._active: Sequence[Token] = ()
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._failure: StoreError | None = None
        self._failed_at = float("-inf")
        self._used: set[bytes] = set()

    async def find(self, presented: str) -> Token | None:
        """The token that was presented, or None.

        Its hash is compared with every active one, in constant time, so that the time taken tells
        nothing. One that looks genuine and is not known is looked for again in the store: another
        process may have made it just now.

        Raises:
            StoreError: The store could not be read.
        """
        asked_at = asyncio.get_running_loop().time()
        if asked_at - self._read_at >= REFRESH_SECONDS:
            await self._refresh(asked_at - REFRESH_SECONDS)
        digest = digest_of(presented)
        found = self._match(digest)
        if found is None and self._read_at < asked_at and looks_genuine(presented):
            await self._refresh(asked_at)
            found = self._match(digest)
        if found is None or (found.expires_at is not None and not found.counts(self._clock())):
            return None
        self._used.add(digest)
        return found

    def forget(self) -> None:
        """Read the store again when asked next: a token was just made or revoked."""
        self._read_at = float("-inf")

    async def note_uses(self) -> None:
        """Write down, to the minute, which tokens were used since the last time.

        Raises:
            StoreError: The store could not be written.
        """
        used, self._used = self._used, set()
        now = self._clock()
        minute = now - now % 60
        seen = {token.digest: token.last_used_at for token in self._active}
        await self._store.touch_tokens(
            {digest: minute for digest in used if (seen.get(digest) or 0) < minute}
        )

    def _match(self, digest: bytes) -> Token | None:
        found = None
        for token in self._active:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    async def _refresh(self, since: float) -> None:
        """Read the store, unless somebody who was first began to after `since`.

        That is by the loop's own clock: how old a reading is has nothing to do with what time it is.
        """
        now = asyncio.get_running_loop().time
        asked = now()
        if self._failure is not None and self._reading.locked():
            # Whether the store is back is for one to find out, and for nobody to wait for.
            raise _again(self._failure)
        async with self._reading:
            if self._read_at > since:
                return
            if self._failure is not None and self._failed_at >= asked:
                raise _again(self._failure)
            started = now()
            try:
                stored = await self._store.tokens()
            except StoreError as error:
                self._failure, self._failed_at = error, now()
                raise
            self._failure = None
            self._active = (
                *self._configured,
                *(token for token in stored if token.counts(self._clock())),
            )
            self._read_at = started


def _again(failure: StoreError) -> StoreError:
    """The same failure for one more who asked."""
    return StoreError(str(failure), failure.cause)

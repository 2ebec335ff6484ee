"""Who is behind a request: for the audit log, and to know a repeated request again."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from watchword_server.appkeys import CLIENT, LEDGER, REQUEST_ID, TOKEN
from watchword_server.audit import Caller
from watchword_server.sitting import Retry

if TYPE_CHECKING:
    from aiohttp import web

IDEMPOTENCY_KEY = "Idempotency-Key"
"""Header by which a client marks a request that it may have to repeat."""


def caller_of(request: web.Request) -> Caller:
    """The token's name, the client's address and the request's id."""
    token = request.get(TOKEN)
    actor = "ticket" if token is None else f"token:{token.name}"
    return Caller(actor, request[CLIENT], request[REQUEST_ID])


async def retry_of(request: web.Request, *asked: str) -> Retry | None:
    """What tells this request from others, if it carries an Idempotency-Key.

    Args:
        request: With a token.
        asked: All that the answer depends on. Only a keyed hash of it is kept: it may be a code.

    Raises:
        StoreError: The key of the hash cannot be had.
    """
    sent = request.headers.get(IDEMPOTENCY_KEY)
    if sent is None:
        return None
    owner = request[TOKEN].digest
    key = await request.app[LEDGER].audit_key()
    content = "\0".join(asked).encode("utf-8", "surrogatepass")
    return Retry(
        hashlib.sha256(owner + sent.encode("utf-8", "surrogateescape")).digest(),
        hmac.digest(key, b"request " + content, "sha256"),
    )

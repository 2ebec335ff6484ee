"""What handlers find in the application and in the request, under typed names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server.checker import Checker
from watchword_server.ledger import Ledger
from watchword_server.metrics import Metrics
from watchword_server.middleware.limits import Refusals, TokenLimits
from watchword_server.readiness import Readiness
from watchword_server.store.protocol import Store
from watchword_server.tokens import Scope, Token, TokenBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from watchword_server.middleware.headers import Stamp
    from watchword_server.seat import Seat


@dataclass(frozen=True, slots=True)
class Access:
    """Which routes need what. A route in neither is refused to every token: deny by default."""

    open: frozenset[web.AbstractRoute]
    """Routes that need no token."""
    scopes: Mapping[web.AbstractRoute, Scope]
    """The scope that each other route needs."""


ACCESS: web.AppKey[Access] = web.AppKey("access", Access)
CHECKER: web.AppKey[Checker] = web.AppKey("checker", Checker)
CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("clock")
ISSUER: web.AppKey[str] = web.AppKey("issuer", str)
LEDGER: web.AppKey[Ledger] = web.AppKey("ledger", Ledger)
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
REFUSALS: web.AppKey[Refusals] = web.AppKey("refusals", Refusals)
"""Not there if senders may be refused as often as they like."""
READINESS: web.AppKey[Readiness] = web.AppKey("readiness", Readiness)
STAMP: web.AppKey[Stamp] = web.AppKey("stamp")
OPENAPI: web.AppKey[bytes] = web.AppKey("openapi", bytes)
PAGES: web.AppKey[frozenset[web.AbstractRoute]] = web.AppKey("pages")
"""Routes whose problems are pages in a browser; not there if the application has no routes of ours."""
PUBLIC_URL: web.AppKey[str | None] = web.AppKey("public_url")
SEAT: web.AppKey[Seat] = web.AppKey("seat")
"""Not there if this process is the only one."""
STORE: web.AppKey[Store] = web.AppKey("store", Store)
TOKENS: web.AppKey[TokenBook] = web.AppKey("tokens", TokenBook)
TOKEN_LIMITS: web.AppKey[TokenLimits] = web.AppKey("token_limits", TokenLimits)
WINDOW: web.AppKey[int] = web.AppKey("window", int)

CLIENT: web.RequestKey[str] = web.RequestKey("client", str)
"""The sender's address; empty for a peer of the Unix socket."""
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
TOKEN: web.RequestKey[Token] = web.RequestKey("token", Token)

"""What handlers find in the application and in the request, under typed names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server.checker import Checker
from watchword_server.ledger import Ledger
from watchword_server.store.protocol import Store
from watchword_server.tokens import Scope, Token, TokenBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
OPENAPI: web.AppKey[bytes] = web.AppKey("openapi", bytes)
STORE: web.AppKey[Store] = web.AppKey("store", Store)
TOKENS: web.AppKey[TokenBook] = web.AppKey("tokens", TokenBook)
WINDOW: web.AppKey[int] = web.AppKey("window", int)

CLIENT: web.RequestKey[str] = web.RequestKey("client", str)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
TOKEN: web.RequestKey[Token] = web.RequestKey("token", Token)

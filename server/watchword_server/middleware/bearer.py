"""Bearer tokens (RFC 6750). Deny by default: a route that nobody listed is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from watchword_server.appkeys import ACCESS, REFUSALS, TOKEN, TOKEN_LIMITS, TOKENS
from watchword_server.names import DEFAULT_KEY
from watchword_server.problems import INSUFFICIENT_SCOPE, NO_SUCH_KEY, UNAUTHORIZED, ProblemError
from watchword_server.tokens import challenge

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from watchword_server.tokens import Token

_ABOUT_DEFAULT_KEY = ("/", "/qr", "/check/{code}")


@web.middleware
async def bearer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through if its route is open, or its token has the scope the route needs."""
    match = request.match_info
    access = request.app[ACCESS]
    scope = access.scopes.get(match.route)
    # Without any route (404, 405) nothing is behind it that a token could protect.
    if scope is None and (match.route in access.open or match.http_exception is not None):
        return await handler(request)
    presented = _presented(request)
    if presented is None:
        raise ProblemError(
            UNAUTHORIZED,
            "send the token in the header Authorization: Bearer TOKEN",
            headers=challenge(),
        )
    token = await request.app[TOKENS].find(presented)
    if token is None:
        raise ProblemError(
            UNAUTHORIZED,
            "this token is not known here, was revoked, or has ended",
            headers=challenge("invalid_token"),
        )
    request[TOKEN] = token
    request.app[TOKEN_LIMITS].spend(token, request)
    refusals = request.app.get(REFUSALS)
    if refusals is not None:
        refusals.check_token(token, request)
    if scope is None or scope not in token.scopes:
        needed = "none" if scope is None else scope.value
        raise ProblemError(
            INSUFFICIENT_SCOPE,
            f"this needs a token with the scope {needed}",
            headers=challenge("insufficient_scope", needed),
            scope=needed,
        )
    if token.keys is not None:
        _require_reach(request, token)
    return await handler(request)


def _require_reach(request: web.Request, token: Token) -> None:
    """Keep a token that is limited to some keys to these.

    Raises:
        ProblemError: 404 for another key, as if there were none; 403 for what is about all keys.
    """
    resource = request.match_info.route.resource
    path = "" if resource is None else resource.canonical
    if path.startswith("/v1/keys/{name}"):
        name = request.match_info["name"]
    elif path in _ABOUT_DEFAULT_KEY:
        name = DEFAULT_KEY
    elif path == "/v1/keys":
        # Its handlers look at each key.
        return
    else:
        detail = "a token that is limited to some keys may not do this"
        raise ProblemError(INSUFFICIENT_SCOPE, detail, headers=challenge("insufficient_scope"))
    if not token.may_touch(name):
        raise ProblemError(NO_SUCH_KEY, "there is no active key of this name")


def _presented(request: web.Request) -> str | None:
    values = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(values) != 1:
        return None
    scheme, _, token = values[0].partition(" ")
    return token.strip(" ") or None if scheme.lower() == "bearer" else None

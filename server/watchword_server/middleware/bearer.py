"""Bearer tokens (RFC 6750). Deny by default: a route that nobody listed is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from watchword_server.appkeys import ACCESS, TOKEN, TOKEN_LIMITS, TOKENS
from watchword_server.problems import INSUFFICIENT_SCOPE, UNAUTHORIZED, ProblemError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

_CHALLENGE = 'Bearer realm="watchword"'


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
            headers={"WWW-Authenticate": _CHALLENGE},
        )
    token = await request.app[TOKENS].find(presented)
    if token is None:
        raise ProblemError(
            UNAUTHORIZED,
            "this token is not known here, or was revoked",
            headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
        )
    request.app[TOKEN_LIMITS].spend(token, request)
    if scope is None or scope not in token.scopes:
        needed = "none" if scope is None else scope.value
        raise ProblemError(
            INSUFFICIENT_SCOPE,
            f"this needs a token with the scope {needed}",
            headers={"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{needed}"'},
            scope=needed,
        )
    request[TOKEN] = token
    return await handler(request)


def _presented(request: web.Request) -> str | None:
    values = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(values) != 1:
        return None
    scheme, _, token = values[0].partition(" ")
    return token.strip(" ") or None if scheme.lower() == "bearer" else None

"""Cross-origin requests (the Fetch standard): for the origins listed, and never with credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from aiohttp.typedefs import Handler, Middleware

ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-Id"
"""What a page may send beside what it always may."""

EXPOSED_HEADERS = (
    "Date, ETag, Location, Retry-After, RateLimit, RateLimit-Policy, Watchword-Version, X-Request-Id"
)
"""What a page may read of an answer beside what it always may."""

_MAX_AGE_SECONDS = "600"


def make_preflight(origins: Collection[str]) -> Middleware:
    """Make the middleware that answers preflights from `origins`; other OPTIONS go on to their 405."""

    @web.middleware
    async def preflight(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = request.match_info.http_exception
        if (
            request.method != hdrs.METH_OPTIONS
            or not isinstance(refused, web.HTTPMethodNotAllowed)
            or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers
            or request.headers.get(hdrs.ORIGIN) not in origins
        ):
            return await handler(request)
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(refused.allowed_methods)),
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ALLOWED_HEADERS,
                hdrs.ACCESS_CONTROL_MAX_AGE: _MAX_AGE_SECONDS,
            },
        )

    return preflight


def make_share(
    origins: Collection[str],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Make the signal handler that lets pages of `origins` read the answers, problems and all."""

    async def share(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        varies = headers.get(hdrs.VARY)
        headers[hdrs.VARY] = hdrs.ORIGIN if varies is None else f"{varies}, {hdrs.ORIGIN}"
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and origin in origins:
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED_HEADERS

    return share

"""The route table: every path the server answers, and the scope it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword_server.appkeys import ACCESS, Access
from watchword_server.problems import EXPECTATION_FAILED, ProblemError
from watchword_server.routes.check import check_by_path, check_key
from watchword_server.routes.health import healthz, readyz
from watchword_server.routes.qr import show_qr
from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table."""

    method: str
    path: str
    handler: Handler
    scope: Scope | None
    """None: open to all."""


ROUTES = (
    Route("GET", "/", show_qr, Scope.QR),
    Route("GET", "/qr", show_qr, Scope.QR),
    # Without HEAD, which aiohttp's add_get would add: it would consume the code.
    Route("GET", "/check/{code}", check_by_path, Scope.CHECK),
    Route("POST", "/v1/keys/{name}/check", check_key, Scope.CHECK),
    Route("GET", "/healthz", healthz, None),
    Route("HEAD", "/healthz", healthz, None),
    Route("GET", "/readyz", readyz, None),
    Route("HEAD", "/readyz", readyz, None),
)


def add_routes(app: web.Application) -> None:
    """Add the table to `app`, and note what each route needs."""
    open_routes, scopes = set(), {}
    for row in ROUTES:
        route = app.router.add_route(row.method, row.path, row.handler, expect_handler=_expect)
        if row.scope is None:
            open_routes.add(route)
        else:
            scopes[route] = row.scope
    app[ACCESS] = Access(frozenset(open_routes), scopes)


async def _expect(request: web.Request) -> web.StreamResponse | None:
    # RFC 9110 section 10.1.1. aiohttp asks before any middleware runs.
    if request.headers["Expect"].lower() != "100-continue":
        return ProblemError(EXPECTATION_FAILED, "only 100-continue can be expected").response()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None

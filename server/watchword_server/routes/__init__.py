"""The table of routes: what there is, and what each of it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchword_server.api import Auth, Endpoint, request_handler
from watchword_server.appkeys import ACCESS, OPENAPI, Access
from watchword_server.openapi import document
from watchword_server.problems import EXPECTATION_FAILED, ProblemError
from watchword_server.routes.check import CHECK_BY_PATH, CHECK_KEY
from watchword_server.routes.health import HEALTHZ, HEALTHZ_HEAD, READYZ, READYZ_HEAD
from watchword_server.routes.metrics import SHOW_METRICS
from watchword_server.routes.openapi import SHOW_OPENAPI
from watchword_server.routes.qr import SHOW_QR, SHOW_QR_AT_ROOT
from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

# The busiest first among those with a name or a code in their path: aiohttp tries them in order.
# No GET brings a HEAD along, as aiohttp's add_get would: HEAD /check/{code} would consume the code.
ROUTES = (
    Endpoint("POST", "/v1/keys/{name}/check", Scope.CHECK, CHECK_KEY),
    Endpoint("GET", "/check/{code}", Scope.CHECK, CHECK_BY_PATH),
    Endpoint("GET", "/", Scope.QR, SHOW_QR_AT_ROOT),
    Endpoint("GET", "/qr", Scope.QR, SHOW_QR),
    Endpoint("GET", "/openapi.json", None, SHOW_OPENAPI),
    Endpoint("GET", "/healthz", None, HEALTHZ),
    Endpoint("HEAD", "/healthz", None, HEALTHZ_HEAD),
    Endpoint("GET", "/readyz", None, READYZ),
    Endpoint("HEAD", "/readyz", None, READYZ_HEAD),
    Endpoint("GET", "/metrics", Scope.METRICS, SHOW_METRICS),
)


def openapi_json() -> bytes:
    """The OpenAPI document of the table, as JSON."""
    return msgspec.json.encode(document(ROUTES))


def add_routes(app: web.Application) -> None:
    """Add the table to `app`, and note what each route needs."""
    open_routes, scopes = set(), {}
    for row in ROUTES:
        route = app.router.add_route(row.method, row.path, request_handler(row), expect_handler=_expect)
        if row.scope is None or isinstance(row.scope, Auth):
            open_routes.add(route)
        else:
            scopes[route] = row.scope
    app[OPENAPI] = openapi_json()
    app[ACCESS] = Access(frozenset(open_routes), scopes)


async def _expect(request: web.Request) -> web.StreamResponse | None:
    # RFC 9110 section 10.1.1. aiohttp asks before any middleware runs.
    if request.headers["Expect"].lower() != "100-continue":
        return ProblemError(EXPECTATION_FAILED, "only 100-continue can be expected").response()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None

"""The table of routes: what there is, and what each of it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from watchword_server.api import Auth, Endpoint, request_handler
from watchword_server.appkeys import ACCESS, OPENAPI, PAGES, Access
from watchword_server.openapi import document
from watchword_server.problems import EXPECTATION_FAILED, ProblemError
from watchword_server.routes.audit import LIST_AUDIT, VERIFY_AUDIT
from watchword_server.routes.check import CHECK_BY_PATH, CHECK_KEY
from watchword_server.routes.enrolment import CONFIRM, INVITE, SHOW_PENDING_QR
from watchword_server.routes.enrolment_page import CONFIRM_ON_PAGE, SHOW_PAGE
from watchword_server.routes.health import HEALTHZ, HEALTHZ_HEAD, READYZ, READYZ_HEAD
from watchword_server.routes.keys import (
    CHANGE_KEY,
    CREATE_KEY,
    DELETE_KEY,
    LIST_KEYS,
    ROTATE_KEY,
    SHOW_KEY,
)
from watchword_server.routes.locks import RESYNC, SHOW_LOCK, TAKE_LOCK_OFF
from watchword_server.routes.metrics import SHOW_METRICS
from watchword_server.routes.openapi import SHOW_OPENAPI
from watchword_server.routes.qr import SHOW_QR, SHOW_QR_AT_ROOT
from watchword_server.routes.recovery import MAKE_RECOVERY_CODES, REDEEM
from watchword_server.routes.tokens import (
    CREATE_TOKEN,
    LIST_TOKENS,
    REVOKE_TOKEN,
    ROTATE_TOKEN,
    SHOW_TOKEN,
)
from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

# The busiest first among those with a name or a code in their path: aiohttp tries them in order.
# No GET brings a HEAD along, as aiohttp's add_get would: HEAD /check/{code} would consume the code.
ROUTES = (
    Endpoint("POST", "/v1/keys/{name}/check", Scope.CHECK, CHECK_KEY),
    Endpoint("GET", "/check/{code}", Scope.CHECK, CHECK_BY_PATH),
    Endpoint("GET", "/v1/keys", Scope.KEYS_READ, LIST_KEYS),
    Endpoint("POST", "/v1/keys", Scope.KEYS_WRITE, CREATE_KEY),
    Endpoint("GET", "/v1/keys/{name}", Scope.KEYS_READ, SHOW_KEY),
    Endpoint("PATCH", "/v1/keys/{name}", Scope.KEYS_WRITE, CHANGE_KEY),
    Endpoint("DELETE", "/v1/keys/{name}", Scope.KEYS_WRITE, DELETE_KEY),
    Endpoint("POST", "/v1/keys/{name}/rotate", Scope.KEYS_WRITE, ROTATE_KEY),
    Endpoint("GET", "/v1/keys/{name}/qr", Scope.QR, SHOW_PENDING_QR),
    Endpoint("POST", "/v1/keys/{name}/confirm", Scope.QR, CONFIRM),
    Endpoint("POST", "/v1/keys/{name}/enrolment-links", Scope.KEYS_WRITE, INVITE),
    Endpoint("POST", "/v1/keys/{name}/resync", Scope.KEYS_WRITE, RESYNC),
    Endpoint("GET", "/v1/keys/{name}/lock", Scope.KEYS_READ, SHOW_LOCK),
    Endpoint("DELETE", "/v1/keys/{name}/lock", Scope.LOCKS_WRITE, TAKE_LOCK_OFF),
    Endpoint("POST", "/v1/keys/{name}/recovery-codes", Scope.KEYS_WRITE, MAKE_RECOVERY_CODES),
    Endpoint("POST", "/v1/keys/{name}/recovery-codes/redeem", Scope.CHECK, REDEEM),
    Endpoint("GET", "/enrol/{ticket}", Auth.TICKET, SHOW_PAGE),
    Endpoint("POST", "/enrol/{ticket}", Auth.TICKET, CONFIRM_ON_PAGE),
    Endpoint("GET", "/v1/audit", Scope.AUDIT_READ, LIST_AUDIT),
    Endpoint("GET", "/v1/audit/verify", Scope.AUDIT_READ, VERIFY_AUDIT),
    Endpoint("GET", "/v1/tokens", Scope.TOKENS_ADMIN, LIST_TOKENS),
    Endpoint("POST", "/v1/tokens", Scope.TOKENS_ADMIN, CREATE_TOKEN),
    Endpoint("GET", "/v1/tokens/{name}", Scope.TOKENS_ADMIN, SHOW_TOKEN),
    Endpoint("DELETE", "/v1/tokens/{name}", Scope.TOKENS_ADMIN, REVOKE_TOKEN),
    Endpoint("POST", "/v1/tokens/{name}/rotate", Scope.TOKENS_ADMIN, ROTATE_TOKEN),
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
    open_routes, scopes, pages = set(), {}, set()
    for row in ROUTES:
        route = app.router.add_route(row.method, row.path, request_handler(row), expect_handler=_expect)
        if row.scope is None or isinstance(row.scope, Auth):
            open_routes.add(route)
        else:
            scopes[route] = row.scope
        if row.operation.for_people:
            pages.add(route)
    app[OPENAPI] = openapi_json()
    app[ACCESS] = Access(frozenset(open_routes), scopes)
    app[PAGES] = frozenset(pages)


async def _expect(request: web.Request) -> web.StreamResponse | None:
    # RFC 9110 section 10.1.1. aiohttp asks before any middleware runs.
    if request.headers["Expect"].lower() != "100-continue":
        return ProblemError(EXPECTATION_FAILED, "only 100-continue can be expected").response()
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return None

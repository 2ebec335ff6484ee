"""The whole table, row by row: nothing undeclared, nothing open by accident, no judge without budget."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from requests_to import body_of, name_of, path_of, sent_with
from servers import RunningServer, running_server
from watchword_server.api import Auth
from watchword_server.app import create_app
from watchword_server.appkeys import ACCESS
from watchword_server.routes import ROUTES
from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx

    from watchword_server.api import Endpoint

OPEN = {
    "GET /openapi.json",
    "GET /healthz",
    "HEAD /healthz",
    "GET /readyz",
    "HEAD /readyz",
}
"""Open to all. Whoever adds a line here has thought about what a stranger may learn from it."""

SCOPED = [row for row in ROUTES if isinstance(row.scope, Scope)]
JUDGES = [row for row in ROUTES if row.operation.judges]
LOOKS_LIKE_A_JUDGE = re.compile(r"/(check|confirm|redeem|resync)(/|$)|^POST /enrol/")


async def check_code(server: RunningServer, client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/v1/keys/default/check", json={"code": server.wrong_code()})


async def check_code_by_path(server: RunningServer, client: httpx.AsyncClient) -> httpx.Response:
    return await client.get(f"/check/{server.wrong_code()}")


async def resync(server: RunningServer, client: httpx.AsyncClient) -> httpx.Response:
    codes = {"first": server.wrong_code(), "second": server.wrong_code()}
    return await client.post("/v1/keys/default/resync", json=codes)


async def redeem(_: RunningServer, client: httpx.AsyncClient) -> httpx.Response:
    path = "/v1/keys/default/recovery-codes/redeem"
    return await client.post(path, json={"code": "aaaa-" * 5 + "aaaa"})


async def _pending(server: RunningServer, client: httpx.AsyncClient) -> None:
    # With the default key's secret, so that a wrong code is known; the second time it is there already.
    secret = server.key.secret.base32()
    await client.post("/v1/keys", json={"name": "fresh", "secret": secret})


async def confirm(server: RunningServer, client: httpx.AsyncClient) -> httpx.Response:
    await _pending(server, client)
    return await client.post("/v1/keys/fresh/confirm", json={"code": server.wrong_code()})


async def confirm_on_page(server: RunningServer, client: httpx.AsyncClient) -> httpx.Response:
    # A new link each time, which must be no new budget.
    await _pending(server, client)
    link = (await client.post("/v1/keys/fresh/enrolment-links")).json()["url"]
    return await client.post(link, data={"code": server.wrong_code()})


ATTEMPTS: dict[str, Callable[[RunningServer, httpx.AsyncClient], Awaitable[httpx.Response]]] = {
    "checkCode": check_code,
    "checkCodeByPath": check_code_by_path,
    "confirmKey": confirm,
    "confirmOnEnrolmentPage": confirm_on_page,
    "redeemRecoveryCode": redeem,
    "resyncKey": resync,
}
"""One wrong attempt through each operation that can tell that a code is right."""


def test_the_router_has_the_table_and_nothing_else(server: RunningServer) -> None:
    routes = list(create_app(ledger=server.ledger, clock=server.clock).router.routes())
    canonical = [
        (route.method, route.resource.canonical) for route in routes if route.resource is not None
    ]
    assert sorted(canonical) == sorted((row.method, row.path) for row in ROUTES)
    assert len(canonical) == len(routes)


def test_what_is_open_is_meant_to_be() -> None:
    assert {name_of(row) for row in ROUTES if row.scope is None} == OPEN
    assert all(row.path.startswith("/enrol/") for row in ROUTES if row.scope is Auth.TICKET)


def test_the_application_asks_for_the_scope_of_the_table(server: RunningServer) -> None:
    app = create_app(ledger=server.ledger, clock=server.clock)
    asked = {
        (route.method, route.resource.canonical): app[ACCESS].scopes.get(route)
        for route in app.router.routes()
        if route.resource is not None
    }
    for row in ROUTES:
        expected = row.scope if isinstance(row.scope, Scope) else None
        assert asked[row.method, row.path] is expected, name_of(row)


@pytest.mark.parametrize("row", SCOPED, ids=name_of)
async def test_no_route_answers_without_its_scope(server: RunningServer, row: Endpoint) -> None:
    arguments = sent_with(row, body_of(row))
    async with server.client("") as nobody:
        assert (await nobody.request(row.method, path_of(row), **arguments)).status_code == 401
    other = server.qr_token if row.scope is Scope.CHECK else server.check_token
    async with server.client(other) as stranger:
        refused = await stranger.request(row.method, path_of(row), **arguments)
    assert refused.status_code == 403
    assert f'scope="{row.scope}"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", sorted({row.path for row in ROUTES}))
async def test_head_is_only_for_health(client: httpx.AsyncClient, path: str) -> None:
    row = next(row for row in ROUTES if row.path == path)
    has_head = f"HEAD {path}" in OPEN
    assert (await client.head(path_of(row))).status_code == (200 if has_head else 405)


def test_every_route_that_looks_like_a_judge_says_so() -> None:
    for row in ROUTES:
        if LOOKS_LIKE_A_JUDGE.search(name_of(row)):
            assert row.operation.judges, name_of(row)
            assert row.scope is not None


def test_every_judge_is_driven_below() -> None:
    assert {row.operation.id for row in JUDGES} == set(ATTEMPTS)


@pytest.mark.parametrize("row", JUDGES, ids=name_of)
async def test_every_judge_spends_the_budget(tmp_path: Path, row: Endpoint) -> None:
    attempt = ATTEMPTS[row.operation.id]
    async with running_server(tmp_path) as server, server.client() as client:
        for _ in range(5):
            assert (await attempt(server, client)).status_code != 429
        refused = await attempt(server, client)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")


async def test_all_judges_of_a_key_spend_one_budget(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    attempts = [check_code, check_code_by_path, redeem, resync]
    for number in range(5):
        assert (await attempts[number % 4](server, client)).status_code in {200, 422}
    for attempt in attempts:
        assert (await attempt(server, client)).status_code == 429

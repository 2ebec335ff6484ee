from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from aiohttp import web

from servers import revoke_token, store_token
from watchword_server import tokens
from watchword_server.app import create_app
from watchword_server.appkeys import ACCESS
from watchword_server.serve import make_runner
from watchword_server.tokens import Scope, Token, digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from servers import RunningServer
    from watchword_server.store.protocol import Store

PROTECTED = [("GET", "/"), ("GET", "/qr"), ("GET", "/check/123456"), ("POST", "/v1/keys/default/check")]


def problem_of(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("urn:watchword:problem:")


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_nothing_is_answered_without_a_token(
    server: RunningServer, method: str, path: str
) -> None:
    async with server.client("") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, problem_of(answer)) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="watchword"'


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_a_wrong_token_is_told_so(server: RunningServer, method: str, path: str) -> None:
    async with server.client("ww_wrong") as client:
        answer = await client.request(method, path)
    assert (answer.status_code, problem_of(answer)) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="watchword", error="invalid_token"'


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Bearer",
        b"Basic dXNlcjpwYXNz",
        b"Token {token}",
        b"{token}",
        b"Bearer{token}",
        b"Bearer {token}x",
        b"Bearer x{token}",
        b"Bearer {token} {token}",
        b"Bearer {token},",
        b"Bearer \xff\xfe",
        b"B\xe9arer {token}",
        b"Bearer \xc3\xa9",
    ],
)
async def test_a_malformed_header_is_401_never_500(server: RunningServer, value: bytes) -> None:
    async with server.client("") as client:
        sent = value.replace(b"{token}", server.token.encode())
        answer = await client.get("/qr", headers=[(b"Authorization", sent)])
    assert (answer.status_code, problem_of(answer)) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="watchword"')


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_the_scheme_is_known_in_any_case(server: RunningServer, scheme: str) -> None:
    async with server.client("") as client:
        answer = await client.get("/qr", headers={"Authorization": f"{scheme}  {server.token}"})
    assert answer.status_code == 200


async def test_two_headers_are_none(server: RunningServer) -> None:
    async with server.client("") as client:
        headers = [("Authorization", f"Bearer {server.token}")] * 2
        assert (await client.get("/qr", headers=headers)).status_code == 401


@pytest.mark.parametrize("name", ["access_token", "token", "bearer"])
async def test_a_token_in_the_query_is_not_looked_at(server: RunningServer, name: str) -> None:
    async with server.client("") as client:
        assert (await client.get("/qr", params={name: server.token})).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/", "qr"),
        ("GET", "/qr", "qr"),
        ("GET", "/check/123456", "check"),
        ("POST", "/v1/keys/default/check", "check"),
    ],
)
async def test_a_token_without_the_scope_is_told_which(
    server: RunningServer, method: str, path: str, scope: str
) -> None:
    other = server.check_token if scope == "qr" else server.qr_token
    async with server.client(other) as client:
        answer = await client.request(method, path, json={"code": server.code()})
    assert (answer.status_code, problem_of(answer)) == (403, "insufficient-scope")
    assert answer.json()["scope"] == scope
    assert scope in answer.json()["detail"]


async def test_a_refused_request_uses_no_code(server: RunningServer) -> None:
    for token in ("", "ww_wrong", server.qr_token):
        async with server.client(token) as client:
            await client.get(f"/check/{server.code()}")
    async with server.client() as client:
        assert (await client.get(f"/check/{server.code()}")).json() == {"status": True}


async def test_a_route_nobody_listed_is_refused_to_every_token(server: RunningServer) -> None:
    async def forgotten(_request: web.Request) -> web.Response:
        return web.Response(text="in the open")

    mighty = Token(name="mighty", digest=digest_of("mighty"), scopes=frozenset(Scope))
    app = create_app(ledger=server.ledger, clock=server.clock, configured_tokens=[mighty])
    app.router.add_get("/forgotten", forgotten)
    runner = make_runner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{site.port}/forgotten"
        async with server.client("") as client:
            assert (await client.get(url)).status_code == 401
        async with server.client("mighty") as client:
            assert (await client.get(url)).status_code == 403
    finally:
        await runner.cleanup()


async def test_every_route_is_either_open_or_needs_a_scope(server: RunningServer) -> None:
    app = create_app(ledger=server.ledger, clock=server.clock)
    access = app[ACCESS]
    routes = set(app.router.routes())
    assert routes == access.open | set(access.scopes)
    paths = {route.resource.canonical for route in access.open if route.resource is not None}
    assert paths == {"/enrol/{ticket}", "/healthz", "/openapi.json", "/readyz"}


async def test_a_configured_token_counts_without_being_stored(server: RunningServer) -> None:
    token = Token(name="env", digest=digest_of("from the settings"), scopes=frozenset({Scope.QR}))
    book = tokens.TokenBook(server.store, [token], clock=server.clock)
    assert await book.find("from the settings") == token
    assert "env" not in {stored.name for stored in await server.store.tokens()}


async def stored_token(server: RunningServer, name: str) -> str:
    text = tokens.new_token()
    await store_token(
        server.store, Token(name=name, digest=digest_of(text), scopes=frozenset({Scope.QR}))
    )
    return text


async def test_new_and_revoked_tokens_are_noticed(
    server: RunningServer, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.get("/qr")
    text = await stored_token(server, "late")
    monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0)
    async with server.client(text) as late:
        assert (await late.get("/qr")).status_code == 200
        await revoke_token(server.store, "late", server.clock.now)
        assert (await late.get("/qr")).status_code == 401


async def test_tokens_are_read_at_most_once_in_a_while(server: RunningServer) -> None:
    text = await stored_token(server, "early")
    book = tokens.TokenBook(server.store, clock=server.clock)
    assert await book.find(text) is not None
    await revoke_token(server.store, "early", server.clock.now)
    # Within the second: the reading before still holds.
    assert await book.find(text) is not None


async def test_one_that_another_process_made_counts_at_once(server: RunningServer) -> None:
    book = tokens.TokenBook(server.store, clock=server.clock)
    assert await book.find(await stored_token(server, "first")) is not None
    text = await stored_token(server, "second")
    found = await asyncio.gather(*(book.find(text) for _ in range(3)))
    assert {token.name for token in found if token} == {"second"}


class Reads:
    """The tokens of a store, and how often they were read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.count = 0

    async def tokens(self) -> Sequence[Token]:
        self.count += 1
        return await self.store.tokens()


async def test_guesses_that_nobody_could_have_made_cost_no_look_into_the_store(
    server: RunningServer,
) -> None:
    reads = Reads(server.store)
    book = tokens.TokenBook(cast("Store", reads), clock=server.clock)
    assert await book.find("ww_guess") is None
    assert reads.count == 1
    assert await book.find("ww_guess") is None
    assert reads.count == 1
    assert await book.find(tokens.new_token()) is None
    assert reads.count == 2


def test_a_new_token_is_long_random_and_known_by_its_prefix() -> None:
    made = {tokens.new_token() for _ in range(100)}
    assert len(made) == 100
    assert all(each.startswith("ww_") and len(each) == 54 for each in made)
    assert all(map(tokens.looks_genuine, made))


def test_one_letter_more_less_or_other_is_no_token_of_ours() -> None:
    token = tokens.new_token()
    other = "a" if token[9] != "a" else "b"
    for changed in (
        token[:-1],
        f"{token}0",
        token[:9] + other + token[10:],
        token[3:],
        token.upper(),
        "",
    ):
        assert not tokens.looks_genuine(changed)


class TestTimes:
    async def test_an_expired_token_is_refused_from_that_second(
        self, server: RunningServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "REFRESH_SECONDS", 0)
        text = tokens.new_token()
        token = Token(
            name="guest",
            digest=digest_of(text),
            scopes=frozenset({Scope.QR}),
            expires_at=server.clock.now + 60,
        )
        await store_token(server.store, token)
        async with server.client(text) as client:
            server.clock.advance(59.5)
            assert (await client.get("/qr")).status_code == 200
            server.clock.advance(0.5)
            assert (await client.get("/qr")).status_code == 401

    async def test_the_last_use_is_noted_to_the_minute(self, server: RunningServer) -> None:
        text = await stored_token(server, "seldom")
        book = tokens.TokenBook(server.store, clock=server.clock)
        await stored_token(server, "never")
        server.clock.advance(61)
        assert await book.find(text) is not None
        await book.note_uses()
        noted = {token.name: token.last_used_at for token in await server.store.tokens()}
        minute = server.clock.now - server.clock.now % 60
        assert noted == {"seldom": minute, "never": None}

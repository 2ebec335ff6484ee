"""Tokens over HTTP: made, limited, replaced, revoked, and known only by their hashes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from each_store import everything_in
from key_routes import make_token, refused
from server_processes import run_server_command, server_process
from servers import NO_TLS, Clock, RunningServer, audit_events, running_server
from watchword_server import janitor
from watchword_server.audit import Caller
from watchword_server.routes import ROUTES
from watchword_server.routes.tokens import CreatedToken, TokenView
from watchword_server.routes.views import moment
from watchword_server.tokenadmin import NewToken, create_token
from watchword_server.tokens import Scope, TokenBook, looks_genuine

if TYPE_CHECKING:
    from pathlib import Path

LATER = 30 * 86_400


async def works(server: RunningServer, token: str, path: str = "/v1/keys/default") -> bool:
    """Whether a token with `keys:read` counts."""
    async with server.client(token) as client:
        answer = await client.get(path)
    assert answer.status_code in {200, 401}
    return answer.status_code == 200


async def names(client: httpx.AsyncClient) -> list[str]:
    return [token["name"] for token in (await client.get("/v1/tokens")).json()["tokens"]]


class TestMaking:
    async def test_gives_its_text_and_what_is_known_of_it(self, client: httpx.AsyncClient) -> None:
        sent = {
            "name": "door",
            "scopes": ["qr", "check"],
            "keys": ["default", "alice"],
            "rate_limit": 60,
            "expires_in": 3600,
        }
        answer = await client.post("/v1/tokens", json=sent)
        made = answer.json()
        assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/tokens/door")
        assert made["about"] == {
            "name": "door",
            "scopes": ["check", "qr"],
            "keys": ["alice", "default"],
            "rate_limit": 60,
            "created_at": "2027-01-15T08:00:00Z",
            "expires_at": "2027-01-15T09:00:00Z",
            "replaced": False,
            "last_used_at": None,
        }
        assert (await client.get(answer.headers["Location"])).json() == made["about"]
        assert (await client.get("/v1/tokens")).json() == {"tokens": [made["about"]]}

    async def test_it_can_be_known_for_one_of_ours(self, client: httpx.AsyncClient) -> None:
        token = await make_token(client, "check")
        assert token.startswith("ww_")
        # 43 letters of 6 bits are 256.
        assert len(token) == 3 + 43 + 8
        assert looks_genuine(token)
        assert not looks_genuine(token[:-1] + ("0" if token[-1] != "0" else "1"))
        assert not looks_genuine(token[:10] + ("x" if token[10] != "x" else "y") + token[11:])

    async def test_it_counts_at_once(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        # The book was read a moment ago.
        assert await works(server, server.token)
        assert await works(server, await make_token(client, "keys:read"))

    async def test_a_name_is_taken_once(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        token = await make_token(client, "keys:read")
        answer = await client.post("/v1/tokens", json={"name": "other", "scopes": ["check"]})
        assert refused(answer) == (409, "token-exists")
        assert await works(server, token)

    @pytest.mark.parametrize("end", ["revoked", "expired"])
    async def test_the_name_of_one_that_counts_no_more_is_free(
        self, server: RunningServer, client: httpx.AsyncClient, end: str
    ) -> None:
        old = await make_token(client, "keys:read", expires_in=60)
        if end == "revoked":
            await client.delete("/v1/tokens/other")
        else:
            server.clock.advance(60)
        assert not await works(server, old)
        new = await make_token(client, "keys:read")
        assert [await works(server, each) for each in (old, new)] == [False, True]
        assert await names(client) == ["other"]

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("name", "Door"),
            ("name", ""),
            ("name", "x" * 65),
            ("scopes", []),
            ("scopes", ["everything"]),
            ("scopes", ["check"] * 10),
            ("scopes", "check"),
            ("keys", []),
            ("name", "door\n"),
            ("keys", ["Alice"]),
            ("keys", ["alice\n"]),
            ("keys", ["x"] * 101),
            ("rate_limit", 0),
            ("rate_limit", 1_000_001),
            ("expires_in", 0),
            ("expires_in", 10 * 365 * 86_400 + 1),
            ("token", "ww_mine"),
        ],
    )
    async def test_what_is_no_token_is_refused_by_the_members_name(
        self, client: httpx.AsyncClient, member: str, value: object
    ) -> None:
        sent = {"name": "door", "scopes": ["check"], member: value}
        answer = await client.post("/v1/tokens", json=sent)
        assert refused(answer) == (400, "malformed-body")
        assert member in answer.json()["detail"]
        assert "ww_mine" not in answer.text

    @pytest.mark.parametrize("scope", ["tokens:admin", "audit:read", "metrics"])
    async def test_what_is_about_all_keys_goes_with_no_limit_to_some(
        self, client: httpx.AsyncClient, scope: str
    ) -> None:
        sent = {"name": "door", "scopes": ["check", scope], "keys": ["alice"]}
        answer = await client.post("/v1/tokens", json=sent)
        assert refused(answer) == (422, "contradictory-token")
        assert f"{scope} is about all keys" in answer.json()["detail"]
        assert await names(client) == []

    async def test_a_name_is_described_in_words(self, client: httpx.AsyncClient) -> None:
        for member, value in (("name", "Door"), ("keys", ["Door"])):
            sent = {"name": "door", "scopes": ["check"], member: value}
            detail = (await client.post("/v1/tokens", json=sent)).json()["detail"]
            assert "1 to 64 of a-z 0-9 . _ -, beginning and ending with a letter or digit" in detail
            assert "[" not in detail


class TestScopes:
    @pytest.mark.parametrize("scope", Scope)
    async def test_one_opens_its_routes_and_no_other(
        self, server: RunningServer, client: httpx.AsyncClient, scope: Scope
    ) -> None:
        token = await make_token(client, scope.value)
        async with server.client(token) as limited:
            for row in ROUTES:
                if isinstance(row.scope, Scope):
                    examples = {each.name: each.example for each in row.operation.path}
                    path = row.path.format(**examples) + "?unknown"
                    answer = await limited.request(row.method, path)
                    # What comes after the scope finds fault with the query.
                    assert answer.status_code == (400 if row.scope is scope else 403), row.path

    async def test_only_an_admin_sees_or_makes_tokens(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        others = [scope.value for scope in Scope if scope is not Scope.TOKENS_ADMIN]
        token = await make_token(client, *others)
        async with server.client(token) as limited:
            sent = {"name": "mine", "scopes": ["tokens:admin"]}
            assert refused(await limited.post("/v1/tokens", json=sent)) == (403, "insufficient-scope")
            assert refused(await limited.get("/v1/tokens")) == (403, "insufficient-scope")
        assert await names(client) == ["other"]


async def test_the_first_admin_is_made_at_the_command_line(tmp_path: Path) -> None:
    with server_process(tmp_path) as running:
        assert running.token is not None
        async with httpx.AsyncClient(base_url=running.url, trust_env=False, verify=NO_TLS) as client:
            # What the server shows at its first start may check and enrol, and make no tokens.
            first = {"Authorization": f"Bearer {running.token}"}
            assert (await client.get("/qr", headers=first)).status_code == 200
            for method in ("GET", "POST"):
                answer = await client.request(method, "/v1/tokens", headers=first)
                assert refused(answer) == (403, "insufficient-scope")
            command = ("tokens", "create", "root", "--scope", "tokens:admin", "--json")
            done = await asyncio.to_thread(run_server_command, tmp_path, *command)
            root = {"Authorization": f"Bearer {json.loads(done.stdout)['token']}"}
            # Another process made it: it counts at once.
            listed = (await client.get("/v1/tokens", headers=root)).json()["tokens"]
    assert {token["name"]: token["scopes"] for token in listed} == {
        "first": ["check", "check:detail", "qr"],
        "root": ["tokens:admin"],
    }


class TestLimits:
    async def test_expiry_is_to_the_second(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        token = await make_token(client, "keys:read", expires_in=100)
        server.clock.advance(99.5)
        assert await works(server, token)
        server.clock.advance(0.5)
        async with server.client(token) as late:
            answer = await late.get("/v1/keys")
        assert refused(answer) == (401, "unauthorized")
        assert "has ended" in answer.json()["detail"]
        assert await names(client) == []
        assert refused(await client.get("/v1/tokens/other")) == (404, "no-such-token")

    async def test_a_rate_is_told_and_held(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        token = await make_token(client, "keys:read", rate_limit=4)
        async with server.client(token) as limited:
            answers = [await limited.get("/v1/keys") for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert [answer.headers["RateLimit"] for answer in answers[:2]] == [
                '"token";r=1;t=15',
                '"token";r=0;t=30',
            ]
            assert refused(answers[2]) == (429, "too-many-requests")
            server.clock.advance(int(answers[2].headers["Retry-After"]))
            assert (await limited.get("/v1/keys")).status_code == 200
        assert (await client.get("/v1/keys")).status_code == 200


class TestReplacing:
    async def rotate(self, client: httpx.AsyncClient, **sent: Any) -> str:
        answer = await client.post("/v1/tokens/other/rotate", json=sent)
        assert (answer.status_code, answer.headers["Location"]) == (201, "/v1/tokens/other")
        return str(answer.json()["token"])

    async def test_both_count_until_the_grace_is_over(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_token(client, "keys:read", "check", keys=["default"], rate_limit=1000)
        before = (await client.get("/v1/tokens/other")).json()
        server.clock.advance(1000)
        new = await self.rotate(client, grace=60)
        assert [await works(server, each) for each in (old, new)] == [True, True]
        now = (await client.get("/v1/tokens/other")).json()
        assert now == before | {"created_at": "2027-01-15T08:16:40Z"}
        listed = (await client.get("/v1/tokens")).json()["tokens"]
        assert [(token["replaced"], token["expires_at"]) for token in listed] == [
            (True, "2027-01-15T08:17:40Z"),
            (False, None),
        ]
        server.clock.advance(60)
        assert [await works(server, each) for each in (old, new)] == [False, True]

    async def test_without_a_word_the_grace_is_an_hour(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_token(client, "keys:read")
        await self.rotate(client)
        server.clock.advance(3599)
        assert await works(server, old)
        server.clock.advance(1)
        assert not await works(server, old)

    async def test_without_grace_the_old_one_ends_at_once(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_token(client, "keys:read")
        assert await works(server, old)
        new = await self.rotate(client, grace=0)
        assert [await works(server, each) for each in (old, new)] == [False, True]

    async def test_grace_makes_none_live_longer(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old = await make_token(client, "keys:read", expires_in=100)
        new = await self.rotate(client, grace=LATER)
        server.clock.advance(100)
        assert [await works(server, each) for each in (old, new)] == [False, False]

    @pytest.mark.parametrize("grace", [-1, LATER + 1, "60"])
    async def test_grace_has_its_range(self, client: httpx.AsyncClient, grace: object) -> None:
        await make_token(client, "check")
        answer = await client.post("/v1/tokens/other/rotate", json={"grace": grace})
        assert refused(answer) == (400, "malformed-body")


class TestRevoking:
    async def test_ends_it_and_those_it_replaced_at_once(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        tokens = [await make_token(client, "keys:read")]
        for _ in range(2):
            answer = await client.post("/v1/tokens/other/rotate", json={})
            tokens.append(answer.json()["token"])
        assert [await works(server, each) for each in tokens] == [True] * 3
        answer = await client.delete("/v1/tokens/other")
        assert (answer.status_code, answer.content) == (204, b"")
        assert [await works(server, each) for each in tokens] == [False] * 3

    async def test_what_is_not_there_is_404(self, client: httpx.AsyncClient) -> None:
        await make_token(client, "check", name="gone")
        await client.delete("/v1/tokens/gone")
        for name in ("nobody", "gone", "Door"):
            for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/rotate")):
                path = f"/v1/tokens/{name}{rest}"
                answer = await client.request(method, path, json={} if rest else None)
                assert refused(answer) == (404, "no-such-token")

    async def test_counts_in_another_process_within_a_second(self, tmp_path: Path) -> None:
        clock = Clock()
        async with (
            running_server(tmp_path, clock=clock) as one,
            running_server(tmp_path, clock=clock) as two,
            one.client() as client,
        ):
            made = await create_token(
                one.ledger, NewToken(name="o", scopes=frozenset({Scope.KEYS_READ})), Caller("test")
            )
            # What the other application reads next, it has read no later than a second ago.
            assert await eventually(two, made.text, counts=True)
            await client.delete("/v1/tokens/o")
            assert await eventually(two, made.text, counts=False)


async def eventually(server: RunningServer, token: str, *, counts: bool) -> bool:
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
        headers = {"Authorization": f"Bearer {token}"}
        async with asyncio.timeout(1.5):
            while True:
                answer = await client.get(f"{server.url}/v1/keys", headers=headers)
                if (answer.status_code == 200) is counts:
                    return True
                await asyncio.sleep(0.02)


async def test_when_one_was_used_last_is_noted_to_the_minute(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    token = await make_token(client, "keys:read")
    await make_token(client, "keys:read", name="idle")
    book = TokenBook(server.store, clock=server.clock)
    server.clock.advance(100)
    assert await book.find(token) is not None
    await janitor.tidy(server.ledger, book, server.clock)
    listed = (await client.get("/v1/tokens")).json()["tokens"]
    used = {each["name"]: each["last_used_at"] for each in listed}
    assert used == {"other": "2027-01-15T08:01:00Z", "idle": None}


async def test_what_was_used_is_noted_when_the_server_ends(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, server.client() as client:
        assert await works(server, await make_token(client, "keys:read"))
    async with running_server(tmp_path) as server, server.client() as client:
        shown = (await client.get("/v1/tokens/other")).json()
    assert shown["last_used_at"] == "2027-01-15T08:00:00Z"


async def test_the_file_and_the_log_hold_only_hashes(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    texts = [await make_token(client, "keys:read")]
    answer = await client.post("/v1/tokens/other/rotate", json={})
    texts.append(answer.json()["token"])
    answers = [await client.get(path) for path in ("/v1/tokens", "/v1/tokens/other", "/v1/audit")]
    answers.append(await client.delete("/v1/tokens/other"))
    events = await audit_events(server.ledger)
    assert [event.event for event in events[-3:]] == ["token.create", "token.rotate", "token.revoke"]
    assert {event.actor for event in events[-3:]} == {"token:all"}
    content = await everything_in(server.database)
    for text in texts:
        assert text[3:].encode() not in content
        assert not [each for each in answers if text in each.text]
        assert text not in repr(events)


def test_no_representation_shows_one() -> None:
    about = TokenView(
        name="x",
        scopes=[],
        keys=None,
        rate_limit=None,
        created_at=moment(0),
        expires_at=None,
        replaced=False,
        last_used_at=None,
    )
    assert "ww_secret" not in repr(CreatedToken(token="ww_secret", about=about))

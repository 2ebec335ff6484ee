"""Who is refused for a while, and for how long; that nobody else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import Clock, RunningServer, running_server
from watchword_server.bootstrap import activate_key
from watchword_server.edge import Edge
from watchword_server.limits import Buckets, Policy
from watchword_server.middleware.limits import sender_of
from watchword_server.tokens import Scope, Token, digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

POLICY = Policy("refusals", 4)


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """Two refusals at once, four a minute; whose they are, the test says."""
    edge = Edge(refusals_per_minute=4, trusted_proxies=("127.0.0.1",))
    async with running_server(tmp_path, edge=edge) as server:
        yield server


def sent_by(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def exhaust(client: httpx.AsyncClient, address: str = "192.0.2.1") -> None:
    for _ in range(2):
        answer = await client.get("/nowhere", headers=sent_by(address))
        assert answer.status_code == 404


class TestRefusals:
    async def test_past_the_limit_all_is_refused_and_it_says_until_when(
        self, limited: RunningServer
    ) -> None:
        async with limited.client() as client:
            await exhaust(client)
            answer = await client.get("/qr", headers=sent_by("192.0.2.1"))
            assert answer.status_code == 429
            assert answer.json()["type"] == "urn:watchword:problem:too-many-requests"
            assert answer.headers["Retry-After"] == "15"
            assert answer.headers["RateLimit-Policy"] == '"refusals";q=2;w=30'
            assert answer.headers["RateLimit"] == '"refusals";r=0;t=30'
            limited.clock.advance(14)
            assert (await client.get("/qr", headers=sent_by("192.0.2.1"))).status_code == 429
            limited.clock.advance(1)
            assert (await client.get("/qr", headers=sent_by("192.0.2.1"))).status_code == 200

    async def test_a_code_sent_meanwhile_is_not_used(self, limited: RunningServer) -> None:
        async with limited.client() as client:
            await exhaust(client)
            path, code = "/v1/keys/default/check", {"code": limited.code()}
            assert (await client.post(path, json=code, headers=sent_by("192.0.2.1"))).status_code == 429
            answer = await client.post(path, json=code, headers=sent_by("192.0.2.2"))
            assert answer.json()["valid"] is True

    async def test_no_token_is_looked_up_meanwhile(self, limited: RunningServer) -> None:
        async with limited.client("ww_wrong") as client:
            for status in (401, 401, 429, 429):
                answer = await client.get("/qr", headers=sent_by("192.0.2.1"))
                assert answer.status_code == status

    async def test_health_is_still_answered(self, limited: RunningServer) -> None:
        async with limited.client("") as client:
            await exhaust(client)
            for path in ("/healthz", "/readyz"):
                assert (await client.get(path, headers=sent_by("192.0.2.1"))).status_code == 200

    async def test_an_ipv6_host_cannot_roam_its_network(self, limited: RunningServer) -> None:
        async with limited.client() as client:
            await exhaust(client, "2001:db8::1")
            for address, status in (("2001:db8::ffff:2", 429), ("2001:db8:0:1::1", 200)):
                assert (await client.get("/qr", headers=sent_by(address))).status_code == status

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/qr?format=tiff", 400),
            ("GET", "/nowhere", 404),
            ("DELETE", "/qr", 405),
            ("POST", "/v1/keys/default/check", 415),
        ],
    )
    async def test_what_counts_and_says_so(
        self, limited: RunningServer, method: str, path: str, status: int
    ) -> None:
        async with limited.client() as client:
            answer = await client.request(method, path, headers=sent_by("192.0.2.1"))
        assert answer.status_code == status
        assert answer.headers["RateLimit"] == '"refusals";r=1;t=15'

    async def test_right_wrong_and_replayed_codes_are_all_the_same_to_it(
        self, limited: RunningServer
    ) -> None:
        code = limited.code()
        shown = []
        async with limited.client(limited.check_token) as client:
            assert (await client.get(f"/check/{code}")).json() == {"status": True}
            for sent in (code, limited.wrong_code()):
                headers = dict((await client.get(f"/check/{sent}")).headers)
                assert "ratelimit" not in headers
                del headers["x-request-id"], headers["date"]
                shown.append(headers)
        assert shown[0] == shown[1]

    async def test_a_locked_key_is_not_counted_again(self, limited: RunningServer) -> None:
        async with limited.client() as client:
            for _ in range(5):
                await client.get(f"/check/{limited.wrong_code()}", headers=sent_by("192.0.2.1"))
            for _ in range(5):
                answer = await client.get("/check/000000", headers=sent_by("192.0.2.1"))
                assert answer.json() == {"status": False}
                assert "RateLimit" not in answer.headers

    async def test_nonsense_about_one_key_keeps_the_others_open(self, limited: RunningServer) -> None:
        await activate_key(limited.ledger, "bob", limited.key)
        async with limited.client(limited.check_token) as client:
            for status in (400, 400, 429):
                answer = await client.post("/v1/keys/default/check", json={"code": "12"})
                assert answer.status_code == status
            good = {"code": limited.code()}
            refused = await client.post("/v1/keys/default/check", json=good)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "15")
            assert (await client.post("/v1/keys/bob/check", json=good)).json() == {"valid": True}
        async with limited.client() as another_token:
            answer = await another_token.post("/v1/keys/default/check", json=good)
            assert answer.json()["valid"] is True

    async def test_zero_is_no_limit(self, client: httpx.AsyncClient) -> None:
        for _ in range(200):
            answer = await client.get("/nowhere")
            assert answer.status_code == 404
            assert "RateLimit" not in answer.headers


class TestTokens:
    async def test_a_token_has_its_own_rate(self, tmp_path: Path) -> None:
        slow = Token(
            name="slow", digest=digest_of("ww_slow"), scopes=frozenset({Scope.CHECK}), rate_limit=4
        )
        async with running_server(tmp_path, tokens=[slow]) as server:
            async with server.client("ww_slow") as client:
                for left in (1, 0):
                    answer = await client.get("/check/000")
                    assert answer.status_code == 200
                    assert answer.headers["RateLimit-Policy"] == '"token";q=2;w=30'
                    assert answer.headers["RateLimit"].startswith(f'"token";r={left};')
                refused = await client.get("/check/000")
                assert (refused.status_code, refused.headers["Retry-After"]) == (429, "15")
                server.clock.advance(15)
                assert (await client.get("/check/000")).status_code == 200
            async with server.client() as client:
                assert (await client.get("/check/000")).status_code == 200


class TestBuckets:
    def test_a_burst_and_then_the_rate(self) -> None:
        clock = Clock()
        buckets = Buckets(clock)
        policy = Policy("x", 120)
        assert sum(buckets.take("a", policy).allowed for _ in range(100)) == 60
        for _ in range(10):
            clock.advance(0.5)
            assert buckets.take("a", policy).allowed
            assert not buckets.take("a", policy).allowed
        clock.advance(30)
        assert buckets.look("a", policy).remaining == 60
        assert len(buckets) == 0

    @pytest.mark.parametrize(("per_minute", "at_once"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
    def test_half_may_come_at_once_rounded_up(self, per_minute: int, at_once: int) -> None:
        buckets, policy = Buckets(Clock()), Policy("x", per_minute)
        assert sum(buckets.take("a", policy).allowed for _ in range(10)) == at_once

    def test_looking_takes_nothing(self) -> None:
        buckets = Buckets(Clock())
        buckets.take("a", POLICY)
        assert [buckets.look("a", POLICY).remaining for _ in range(5)] == [1] * 5

    def test_senders_do_not_share(self) -> None:
        buckets = Buckets(Clock())
        for _ in range(3):
            buckets.take("a", POLICY)
        assert buckets.take("b", POLICY).allowed

    def test_a_clock_set_back_keeps_nobody_out_for_long(self) -> None:
        clock = Clock()
        buckets = Buckets(clock)
        for _ in range(3):
            buckets.take("a", POLICY)
        clock.advance(-1_000_000)
        assert buckets.look("a", POLICY).retry_in <= 15
        clock.advance(15)
        assert buckets.take("a", POLICY).allowed

    def test_the_one_seen_longest_ago_is_forgotten_first(self) -> None:
        buckets = Buckets(Clock(), capacity=2)
        for sender in ("a", "b", "a", "c"):
            buckets.take(sender, POLICY)
        assert ("a" in buckets, "b" in buckets, "c" in buckets) == (True, False, True)
        assert len(buckets) == 2

    @given(
        st.integers(1, 1000),
        st.lists(st.floats(0, 100, allow_nan=False), min_size=1, max_size=100),
    )
    def test_never_more_than_a_burst_and_the_rate(self, per_minute: int, waits: list[float]) -> None:
        clock = Clock()
        buckets, policy = Buckets(clock), Policy("x", per_minute)
        taken = 0
        for wait in waits:
            clock.advance(wait)
            standing = buckets.take("a", policy)
            taken += standing.allowed
            assert 0 <= standing.remaining <= policy.burst
            assert (standing.retry_in == 0) is standing.allowed
        assert taken <= policy.burst + sum(waits[1:]) / policy.interval + 1e-3


@pytest.mark.parametrize(
    ("client", "sender"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_who_is_one_sender(client: str, sender: str) -> None:
    assert sender_of(client) == sender

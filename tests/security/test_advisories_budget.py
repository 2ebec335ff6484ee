"""What went wrong in other validators with locks and limits, each tried here over HTTP."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from each_store import run_sql
from key_routes import (
    check,
    confirm,
    invite,
    make,
    make_active,
    make_token,
    recovery_codes,
    redeem,
    refused,
    resync,
    rotate,
)
from servers import RunningServer, audit_events, find_key, running_server
from watchword_server.edge import Edge
from watchword_server.recovery import RECOVERY_BITS
from watchword_server.routes import ROUTES

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from key_routes import Made

LOCKED = (429, "locked")


class TestW02:
    async def test_w02_used_and_wrong_look_the_same_without_the_detail_scope(
        self, server: RunningServer
    ) -> None:
        async with server.client(server.check_token) as client:
            await check(client, server.code(), "default")
            replayed = await check(client, server.code(), "default")
            wrong = await check(client, server.wrong_code(), "default")
        assert (replayed.status_code, replayed.content) == (wrong.status_code, wrong.content)
        differing = {"x-request-id", "date"}
        names = (set(replayed.headers) | set(wrong.headers)) - differing
        assert {name: replayed.headers[name] for name in names} == {
            name: wrong.headers[name] for name in names
        }

    async def test_w02_a_flood_of_nonsense_is_limited_too(self, tmp_path: Path) -> None:
        edge = Edge(refusals_per_minute=20)
        async with running_server(tmp_path, edge=edge) as server, server.client("") as client:
            statuses = Counter(
                [(await check(client, "nonsense", "default")).status_code for _ in range(40)]
            )
        assert statuses[429] > 0
        assert statuses[401] <= 21


@pytest.mark.parametrize(
    "spelling",
    ["Alice", "ALICE", "alice%20", "%20alice", "alice%00", "alice%0A", "alice.", "%61lice", "al%69ce"],
)
async def test_w03_one_key_has_one_spelling_and_one_budget(
    server: RunningServer, client: httpx.AsyncClient, spelling: str
) -> None:
    made = await make_active(client, server.clock)
    for _ in range(4):
        await check(client, made.wrong(server.clock))
    answer = await check(client, made.wrong(server.clock), spelling)
    if answer.status_code == 200:
        # An escaped letter is that letter: the fifth wrong code has locked.
        assert refused(await check(client, made.code(server.clock))) == LOCKED
    else:
        assert refused(answer) == (404, "no-such-key")
        assert (await find_key(server.store, "alice")).state.failures == 4


@pytest.mark.parametrize(
    "name", ["Alice", "ALICE", "alice ", " alice", "al\u0131ce", "alice\u0000", "\uff41lice"]
)
async def test_w04_no_key_can_be_made_whose_name_is_another_spelling(
    client: httpx.AsyncClient, name: str
) -> None:
    await make(client, "alice")
    assert (await client.post("/v1/keys", json={"name": name})).status_code in {400, 409, 422}
    listed = (await client.get("/v1/keys")).json()["keys"]
    assert [key["name"] for key in listed] == ["alice", "default"]


class Ways:
    """Every way to send a wrong code to one active key that has a pending successor."""

    def __init__(self, server: RunningServer, client: httpx.AsyncClient, successor: Made) -> None:
        self.server, self.client, self.successor = server, client, successor

    async def wrong(self, way: str) -> httpx.Response:
        wrong = self.server.wrong_code()
        match way:
            case "by path":
                return await self.client.get(f"/check/{wrong}")
            case "by key":
                return await check(self.client, wrong, "default")
            case "recovery":
                return await redeem(self.client, "a" * 24, "default")
            case "resync":
                return await resync(self.client, wrong, wrong, "default")
            case "confirm":
                return await confirm(self.client, self.successor.wrong(self.server.clock), "default")
            case _:
                ticket = await invite(self.client, "default")
                return await self.client.post(
                    ticket, data={"code": self.successor.wrong(self.server.clock)}
                )


WAYS = ("by path", "by key", "recovery", "resync", "confirm", "page")


@pytest.mark.parametrize("last", WAYS)
async def test_w16_w17_every_way_in_spends_the_same_budget_and_respects_the_same_lock(
    server: RunningServer, client: httpx.AsyncClient, last: str
) -> None:
    ways = Ways(server, client, await rotate(client, "default"))
    for _ in range(4):
        await ways.wrong(last)
    assert (await find_key(server.store)).state.failures == 4
    other = WAYS[WAYS.index(last) - 1]
    await ways.wrong(other)
    for way in WAYS:
        answer = await ways.wrong(way)
        # The page tells people in words, with the same status.
        assert answer.status_code == 429, way
    assert (await find_key(server.store)).state.failures == 5


async def test_w18_a_key_locked_meanwhile_is_locked_at_confirmation_too(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    successor = await rotate(client, "default")
    for _ in range(5):
        await check(client, server.wrong_code(), "default")
    assert refused(await confirm(client, successor.code(server.clock), "default")) == LOCKED
    server.clock.advance(30)
    assert (await confirm(client, successor.code(server.clock), "default")).status_code == 200


async def test_w18_a_key_locked_meanwhile_is_locked_at_redemption_too(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    codes = await recovery_codes(client, "default")
    for _ in range(5):
        await check(client, server.wrong_code(), "default")
    assert refused(await redeem(client, codes[0], "default")) == LOCKED
    server.clock.advance(30)
    assert (await redeem(client, codes[0], "default")).json()["valid"] is True


def test_w19_no_other_route_judges_a_code() -> None:
    judging = {(row.method, row.path) for row in ROUTES if row.operation.judges}
    assert judging == {
        ("GET", "/check/{code}"),
        ("POST", "/v1/keys/{name}/check"),
        ("POST", "/v1/keys/{name}/confirm"),
        ("POST", "/v1/keys/{name}/resync"),
        ("POST", "/v1/keys/{name}/recovery-codes/redeem"),
        ("POST", "/enrol/{ticket}"),
    }
    assert len(judging) == len(WAYS)


async def test_w20_a_failure_is_kept_though_the_request_failed(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, server.client() as client:
        for _ in range(5):
            await check(client, server.wrong_code(), "default")
        assert refused(await check(client, server.code(), "default")) == LOCKED
    async with running_server(tmp_path, clock=server.clock) as server, server.client() as client:
        assert (await find_key(server.store)).state.failures == 5
        assert refused(await check(client, server.code(), "default")) == LOCKED


async def test_w21_only_success_or_an_operator_gives_a_new_budget(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    for number in range(4):
        token = await make_token(client, "check", name=f"token-{number}")
        async with server.client(token) as fresh:
            await check(fresh, server.wrong_code(), "default")
        server.clock.advance(600)
    assert (await check(client, server.wrong_code(), "default")).json()["locked_for"] == 30
    server.clock.advance(30)
    assert (await check(client, server.code(), "default")).json()["attempts_left"] == 5
    for _ in range(5):
        await check(client, server.wrong_code(), "default")
    assert (await client.delete("/v1/keys/default/lock")).status_code == 204
    assert (await check(client, server.code(1), "default")).json()["valid"] is True


async def test_w22_nothing_is_kept_at_the_client(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    for _ in range(6):
        answer = await check(client, server.wrong_code(), "default")
        assert "Set-Cookie" not in answer.headers
    answer = await client.get(f"/check/{server.code()}", headers={"Cookie": "failures=0; session=new"})
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (429, False)


async def test_w24_a_hundred_addresses_share_a_keys_budget(tmp_path: Path) -> None:
    edge = Edge(trusted_proxies=("127.0.0.0/8",), refusals_per_minute=10)
    async with running_server(tmp_path, edge=edge) as server, server.client() as client:
        statuses: Counter[int] = Counter()
        for number in range(100):
            answer = await client.post(
                "/v1/keys/default/check",
                json={"code": server.wrong_code()},
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
            )
            statuses[answer.status_code] += 1
        assert statuses == {200: 5, 429: 95}
        assert (await find_key(server.store)).state.failures == 5


@pytest.mark.parametrize("trusted", [False, True])
async def test_w25_an_address_is_believed_only_from_a_trusted_proxy(
    tmp_path: Path, *, trusted: bool
) -> None:
    edge = Edge(trusted_proxies=("127.0.0.0/8",) if trusted else ())
    headers = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1", "X-Real-IP": "192.0.2.2"}
    async with running_server(tmp_path, edge=edge) as server, server.client() as client:
        await client.post("/v1/keys/default/check", json={"code": server.code()}, headers=headers)
        (event,) = [each for each in await audit_events(server.ledger) if each.event == "check"]
    assert event.address == ("192.0.2.1" if trusted else "127.0.0.1")


@pytest.mark.parametrize(
    "header", ["X-Skip-OTP", "X-Authenticated", "X-Original-URL", "X-Forwarded-User"]
)
async def test_w25_no_header_skips_the_code(server: RunningServer, header: str) -> None:
    async with server.client(server.check_token) as client:
        answer = await client.post(
            "/v1/keys/default/check", json={"code": server.wrong_code()}, headers={header: "true"}
        )
    assert answer.json() == {"valid": False}


async def test_w26_wrong_codes_at_the_same_moment_stay_within_the_budget(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(*(check(client, server.wrong_code(), "default") for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 45}


@pytest.mark.parametrize("body", [{}, {"code": None}, {"code": ""}, {"code": []}, {"name": "default"}])
async def test_w31_what_is_missing_is_refused_before_anything_is_done(
    server: RunningServer, client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    before, head = (await find_key(server.store)).state, await server.store.audit_heads()
    for path in ("check", "confirm", "recovery-codes/redeem"):
        answer = await client.post(f"/v1/keys/default/{path}", json=body)
        assert answer.status_code == 400
    assert (await find_key(server.store)).state == before
    assert await server.store.audit_heads() == head


class TestW36:
    async def test_w36_recovery_codes_are_long_kept_as_hashes_and_new_ones_end_the_old(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        old, codes = [await recovery_codes(client, "default") for _ in range(2)]
        assert RECOVERY_BITS >= 80
        assert len(set(codes) | set(old)) == 20
        kept = await run_sql(server.database, "SELECT digest FROM recovery_codes")
        assert len(kept) == 10
        assert {len(digest) for (digest,) in kept} == {32}
        assert (await redeem(client, old[0], "default")).json()["valid"] is False
        assert (await redeem(client, codes[0].upper(), "default")).json()["valid"] is True
        assert (await redeem(client, codes[0], "default")).json()["valid"] is False

    async def test_w36_one_of_many_at_the_same_moment_wins(self, client: httpx.AsyncClient) -> None:
        for code in await recovery_codes(client, "default"):
            answers = await asyncio.gather(*(redeem(client, code, "default") for _ in range(16)))
            assert [answer.json()["valid"] for answer in answers].count(True) == 1

    async def test_w36_one_key_s_codes_open_no_other(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        codes = await recovery_codes(client, "default")
        await recovery_codes(client, "alice")
        assert (await redeem(client, codes[0], "alice")).json()["valid"] is False

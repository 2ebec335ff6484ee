"""A key's way into use over HTTP: pending, shown, confirmed by its first code, or over."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from each_store import everything_in, run_sql
from key_routes import (
    check,
    confirm,
    invite,
    make,
    make_active,
    recovery_codes,
    redeem,
    refused,
    resync,
)
from programs import require_program
from qr_reader import scan
from servers import audit_events, running_server
from watchword_otp import Kind, parse_uri
from watchword_server.edge import Edge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from key_routes import Made
    from servers import RunningServer


class TestPending:
    async def test_no_check_of_it_is_ever_true(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        for _ in range(8):
            assert refused(await check(client, made.code(server.clock))) == (409, "key-pending")
        # Nor do other ways in, and none of it costs an attempt.
        assert refused(await redeem(client, "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa")) == (409, "key-pending")
        codes = made.code(server.clock), made.code(server.clock, 1)
        assert refused(await resync(client, *codes)) == (409, "key-pending")
        lock = (await client.get("/v1/keys/alice/lock")).json()
        assert (lock["failures"], lock["locked"]) == (0, False)
        assert (await confirm(client, codes[0])).status_code == 200

    async def test_the_prototypes_route_says_so_too(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await client.delete("/v1/keys/default")
        made = await make(client, "default")
        answer = await client.get(f"/check/{made.code(server.clock)}")
        assert refused(answer) == (409, "key-pending")

    async def test_it_has_no_recovery_codes_and_no_successor(self, client: httpx.AsyncClient) -> None:
        await make(client)
        for path in ("recovery-codes", "rotate"):
            answer = await client.post(f"/v1/keys/alice/{path}")
            assert refused(answer) == (404, "no-such-key")


class TestConfirming:
    async def test_puts_the_key_into_use_and_consumes_the_code(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        server.clock.advance(90)
        first = made.code(server.clock)
        answer = await confirm(client, first)
        key = answer.json()["key"]
        assert answer.status_code == 200
        assert (key["status"], key["expires_at"]) == ("active", None)
        assert key["confirmed_at"] == key["last_accepted_at"] == "2027-01-15T08:01:30Z"
        shown = await client.get("/v1/keys/alice")
        assert (shown.json(), shown.headers["ETag"]) == (key, answer.headers["ETag"])
        assert (await check(client, first)).json()["reason"] == "replayed"
        assert (await check(client, made.code(server.clock, -1))).json()["reason"] == "replayed"
        assert (await check(client, made.code(server.clock, 1))).json()["valid"] is True

    async def test_gives_ten_recovery_codes_that_work(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        codes = (await confirm(client, made.code(server.clock))).json()["recovery_codes"]
        assert len(set(codes)) == 10
        assert (await redeem(client, codes[3])).json() == {"valid": True, "remaining": 9}

    async def test_happens_once(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        made = await make(client)
        await confirm(client, made.code(server.clock))
        again = await confirm(client, made.code(server.clock, 1))
        assert refused(again) == (410, "not-pending")
        # It judged nothing: the code is unused.
        assert (await check(client, made.code(server.clock, 1))).json()["valid"] is True

    async def test_a_wrong_code_is_told_what_is_wrong_with_it(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client, algorithm="SHA256")
        slow = await confirm(client, made.code(server.clock, -4))
        assert refused(slow) == (422, "wrong-code")
        assert "4 steps slow" in slow.json()["detail"]
        sha1 = parse_uri(made.answer.json()["uri"].replace("SHA256", "SHA1"))
        answer = await confirm(client, type(made)("alice", sha1, made.answer).code(server.clock))
        assert "SHA256 is expected and the app used SHA1" in answer.json()["detail"]
        wrong = await confirm(client, made.wrong(server.clock))
        assert "take the one that the app shows next" in wrong.json()["detail"]
        assert (await client.get("/v1/keys/alice/lock")).json()["failures"] == 3

    @pytest.mark.parametrize("code", ["", "12345", "1234567", " 123456", "12345é", "123 456"])
    async def test_a_malformed_code_costs_nothing(self, client: httpx.AsyncClient, code: str) -> None:
        await make(client)
        for _ in range(6):
            assert refused(await confirm(client, code)) == (400, "malformed-code")
        assert (await client.get("/v1/keys/alice/lock")).json()["failures"] == 0

    async def test_there_must_be_a_key(self, client: httpx.AsyncClient) -> None:
        assert refused(await confirm(client, "000000", "nobody")) == (404, "no-such-key")

    async def test_a_lock_holds_here_too_and_ends(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        for _ in range(5):
            assert refused(await confirm(client, made.wrong(server.clock))) == (422, "wrong-code")
        answer = await confirm(client, made.code(server.clock))
        assert refused(answer) == (429, "locked")
        assert answer.headers["Retry-After"] == "30"
        server.clock.advance(30)
        assert (await confirm(client, made.code(server.clock))).status_code == 200
        assert (await client.get("/v1/keys/alice/lock")).json()["failures"] == 0

    async def test_a_hundred_wrong_codes_disable_a_key_before_its_first(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        await run_sql(server.database, "UPDATE keys SET failures = 99 WHERE name = 'alice'")
        assert (await confirm(client, made.wrong(server.clock))).status_code == 422
        server.clock.advance(7200)
        assert refused(await confirm(client, made.code(server.clock))) == (423, "disabled")
        assert (await client.delete("/v1/keys/alice/lock")).status_code == 204
        assert (await confirm(client, made.code(server.clock))).status_code == 200


class TestTheEnd:
    async def test_after_a_day_it_is_too_late(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        server.clock.advance(86_399)
        assert (await client.get("/v1/keys/alice/qr")).status_code == 200
        server.clock.advance(1)
        assert refused(await confirm(client, made.code(server.clock))) == (410, "not-pending")
        assert refused(await client.get("/v1/keys/alice/qr")) == (410, "not-pending")
        answer = await client.post("/v1/keys/alice/enrolment-links")
        assert refused(answer) == (410, "not-pending")

    async def test_a_link_does_not_outlive_its_key(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make(client)
        server.clock.advance(86_400 - 60)
        answer = await client.post("/v1/keys/alice/enrolment-links")
        assert answer.json()["expires_at"] == "2027-01-16T08:00:00Z"


class TestShowing:
    async def test_the_qr_code_is_the_key(self, client: httpx.AsyncClient, tmp_path: Path) -> None:
        made = await make(client, issuer="Bücher & Co", account="alice@example.com")
        uri = made.answer.json()["uri"]
        path = "/v1/keys/alice/qr"
        picture = (await client.get(path, headers={"Accept": "image/png"})).content
        assert (await asyncio.to_thread(scan, picture, tmp_path)).decode() == uri
        assert (await client.get(f"{path}?format=uri")).text == f"{uri}\n"
        assert (await client.get(path)).headers["Content-Type"] == "image/svg+xml"
        text = await client.get(path, headers={"Accept": "text/plain"})
        assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "▄" in text.text

    async def test_what_is_asked_for_must_be_there(self, client: httpx.AsyncClient) -> None:
        await make(client)
        path = "/v1/keys/alice/qr"
        assert refused(await client.get(f"{path}?format=gif")) == (400, "unknown-format")
        answer = await client.get(path, headers={"Accept": "image/gif"})
        assert refused(answer) == (406, "not-acceptable")
        answer = await client.get("/qr", headers={"Accept": "image/gif"})
        assert refused(answer) == (406, "not-acceptable")
        assert refused(await client.get("/v1/keys/nobody/qr")) == (404, "no-such-key")

    async def test_it_ends_with_the_first_code(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        assert refused(await client.get("/v1/keys/alice/qr")) == (410, "not-pending")


class TestLinks:
    async def test_one_is_shown_once_and_kept_as_a_hash(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make(client)
        answer = await client.post("/v1/keys/alice/enrolment-links")
        made = answer.json()
        assert (answer.status_code, made["expires_at"]) == (201, "2027-01-15T08:10:00Z")
        assert made["url"].startswith(f"{server.url}/enrol/")
        ticket = made["url"].rpartition("/")[2]
        assert len(ticket) == 32
        assert ticket.encode() not in await everything_in(server.database)
        events = await audit_events(server.ledger)
        assert events[-1].event == "link.create"
        assert ticket not in repr(events)

    async def test_only_a_pending_key_has_one(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        for name, expected in (("alice", (410, "not-pending")), ("nobody", (404, "no-such-key"))):
            answer = await client.post(f"/v1/keys/{name}/enrolment-links")
            assert refused(answer) == expected

    @pytest.mark.parametrize(
        "host", ["watchword.example", "WATCHWORD:8443", "192.0.2.7:80", "[2001:db8::7]:8443", "a-b.c"]
    )
    async def test_it_leads_where_the_request_came_to(
        self, client: httpx.AsyncClient, host: str
    ) -> None:
        await make(client)
        answer = await client.post("/v1/keys/alice/enrolment-links", headers={"Host": host})
        assert answer.json()["url"].startswith(f"http://{host}/enrol/")

    @pytest.mark.parametrize(
        "host", ["[", "", "x:99999999", "x:y", ":80", "x/../y", "x?y#z", "a@b", "a,b", "%00", "a b", "é"]
    )
    async def test_a_host_that_is_none_makes_no_link_and_ends_none(
        self, client: httpx.AsyncClient, host: str
    ) -> None:
        await make(client)
        page = await invite(client)
        headers = {b"Host": host.encode("latin-1")}
        answer = await client.post("/v1/keys/alice/enrolment-links", headers=headers)
        assert refused(answer) == (400, "malformed-header")
        assert (await client.get(page)).status_code == 200

    async def test_it_leads_to_the_servers_public_address(self, tmp_path: Path) -> None:
        edge = Edge(public_url="https://codes.example/w")
        async with running_server(tmp_path, edge=edge) as server, server.client() as client:
            await make(client)
            path = "/v1/keys/alice/enrolment-links"
            answer = await client.post(path, headers={"Host": "evil.example"})
        assert answer.json()["url"].startswith("https://codes.example/w/enrol/")

    async def test_each_has_another_ticket(self, client: httpx.AsyncClient) -> None:
        await make(client)
        assert len({await invite(client) for _ in range(20)}) == 20


def oathtool(made: Made, clock: Callable[[], float]) -> str:
    """The key's code now, or its first one, by someone else's program."""
    key = made.key
    moment = ["--hotp", f"--counter={key.counter}"]
    if key.kind is Kind.TOTP:
        moment = [f"--totp={key.algorithm}", f"--now=@{int(clock())}", f"--time-step-size={key.period}s"]
    command = [require_program("oathtool"), "--base32", f"--digits={key.digits}", *moment, "-"]
    done = subprocess.run(
        command, input=made.answer.json()["secret"], capture_output=True, text=True, check=True
    )
    return str(done.stdout).strip()


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"kind": "hotp"},
        {"kind": "hotp", "counter": 41},
        {"digits": 8, "period": 60},
        {"algorithm": "SHA256", "digits": 7},
        {"algorithm": "SHA512", "period": 17},
    ],
)
async def test_every_kind_goes_the_whole_way_with_another_programs_codes(
    server: RunningServer, client: httpx.AsyncClient, members: dict[str, Any]
) -> None:
    made = await make(client, **members)
    first = await asyncio.to_thread(oathtool, made, server.clock)
    assert (await confirm(client, first)).status_code == 200
    assert (await check(client, first)).json()["reason"] == "replayed"
    assert (await check(client, made.code(server.clock, 1))).json()["valid"] is True


async def test_steam_keys_too(server: RunningServer, client: httpx.AsyncClient) -> None:
    made = await make_active(client, server.clock, kind="steam")
    assert parse_uri(made.answer.json()["uri"]).kind is Kind.STEAM
    code = made.code(server.clock)
    assert refused(await check(client, code.lower())) == (400, "malformed-code")
    assert [(await check(client, code)).json()["valid"] for _ in range(2)] == [True, False]


async def test_hotp_looks_ahead_and_never_back(server: RunningServer, client: httpx.AsyncClient) -> None:
    made = await make_active(client, server.clock, kind="hotp", counter=5, window=2)
    assert (await check(client, made.code(server.clock, 4))).json()["reason"] == "wrong"
    accepted = (await check(client, made.code(server.clock, 3))).json()
    assert (accepted["valid"], accepted["offset"]) == (True, 2)
    assert (await check(client, made.code(server.clock, 2))).json()["reason"] == "replayed"
    assert (await check(client, made.code(server.clock, 4))).json()["offset"] == 0
    codes = await recovery_codes(client)
    assert (await redeem(client, codes[0])).json()["valid"] is True

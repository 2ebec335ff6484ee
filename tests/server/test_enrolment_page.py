"""The enrolment page over HTTP: what it holds, what it may do, and how often its link works.

How it looks and behaves in a browser is in tests/browser.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from each_store import run_sql
from html_page import Page
from key_routes import check, confirm, invite, make, refused, rotate, send
from servers import Clock, audit_events, running_server
from watchword_otp import parse_uri

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from servers import RunningServer

SIZES = (2, 4, 16, 64)
ROUNDS = 12
"""Of each size."""


class TestShowing:
    async def test_has_all_that_a_person_needs(self, client: httpx.AsyncClient) -> None:
        made = await make(client, issuer="Bücher", account="alice@example.com")
        answer = await client.get(await invite(client))
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        page = Page(answer.text)
        assert page.texts["title"] == ["Set up codes for Bücher"]
        assert (page.texts["h1"], page.texts["bdi"]) == (["Set up codes for"], ["Bücher"])
        assert page.texts["dd"] == ["alice@example.com", "Bücher"]
        secret = made.key.secret.base32()
        assert page.texts["code"] == [" ".join(secret[at : at + 4] for at in range(0, 32, 4))]
        uri = page.one("a")["href"]
        assert uri is not None
        assert parse_uri(uri) == made.key
        field = page.one("input")
        # Room for the spaces of "123 456", which would otherwise cost its last digit.
        assert (field["name"], field["inputmode"], field["maxlength"]) == ("code", "numeric", "12")
        assert page.one("label")["for"] == field["id"]
        assert page.texts["label"] == ["6-digit code"]
        assert not field.keys() & {"aria-invalid", "aria-describedby", "autofocus"}
        assert page.one("form") == {"method": "post", "autocomplete": "off"}
        assert page.texts["time"] == ["08:10 UTC"]
        assert page.one("time")["datetime"] == "2027-01-15T08:10:00Z"
        assert 'data-seconds="600"' in answer.text

    async def test_says_how_long_it_opens_from_now(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make(client)
        page = await invite(client)
        server.clock.advance(18.5)
        html = (await client.get(page)).text
        assert 'data-seconds="581"' in html
        assert Page(html).texts["time"] == ["08:10 UTC"]

    @pytest.mark.parametrize(
        ("members", "settings"),
        [
            ({}, None),
            ({"algorithm": "SHA256"}, "time based, SHA256, 6 digits, every 30 seconds"),
            ({"digits": 8, "period": 60}, "time based, SHA1, 8 digits, every 60 seconds"),
            ({"kind": "hotp", "counter": 7}, "counter based, next counter 7, SHA1, 6 digits"),
            ({"kind": "steam"}, "Steam Guard"),
        ],
    )
    async def test_says_what_to_choose_when_the_key_is_typed(
        self, client: httpx.AsyncClient, members: dict[str, Any], settings: str | None
    ) -> None:
        await make(client, **members)
        texts = Page((await client.get(await invite(client))).text).texts["p"]
        chosen = [text for text in texts if text.startswith("Choose there")]
        assert chosen == ([] if settings is None else [f"Choose there: {settings}."])

    async def test_asks_nobody_for_a_token_and_takes_none(self, server: RunningServer) -> None:
        async with server.client() as operator:
            made = await make(operator)
            page = await invite(operator)
        async with server.client("") as person:
            assert (await person.get(page)).status_code == 200
            assert (await send(person, page, made.code(server.clock))).status_code == 200
        event = (await audit_events(server.ledger))[-1]
        assert (event.event, event.actor, event.verdict) == ("confirm", "ticket", "accepted")

    async def test_looking_uses_nothing_up(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        shown = {(await client.get(page)).text for _ in range(5)}
        assert len(shown) == 1
        assert (await client.get("/v1/keys/alice")).json()["status"] == "pending"
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_a_steam_key_asks_for_letters(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client, kind="steam")
        page = await invite(client)
        field = Page((await client.get(page)).text).one("input")
        assert (field["inputmode"], field["maxlength"]) == ("text", "10")
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_a_hotp_key_shows_its_counter(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client, kind="hotp", counter=7)
        page = await invite(client)
        assert parse_uri(str(Page((await client.get(page)).text).one("a")["href"])).counter == 7
        assert (await send(client, page, made.code(server.clock))).status_code == 200


class TestConfirming:
    async def test_the_first_code_ends_it_and_gives_recovery_codes(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        done = await send(client, page, made.code(server.clock))
        codes = Page(done.text).texts["code"]
        assert (done.status_code, len(set(codes))) == (200, 10)
        assert made.key.secret.base32()[:4] + " " not in done.text
        assert (await check(client, made.code(server.clock))).json()["reason"] == "replayed"
        assert (await check(client, made.code(server.clock, 1))).json()["valid"] is True
        path = "/v1/keys/alice/recovery-codes/redeem"
        assert (await client.post(path, json={"code": codes[9]})).json()["valid"] is True
        ((used_at,),) = await run_sql(server.database, "SELECT used_at FROM tickets")
        assert used_at == server.clock.now
        for closed in (await client.get(page), await send(client, page, made.code(server.clock, 2))):
            assert closed.status_code == 410
            assert "Ask whoever sent it for another one" in closed.text
            assert made.key.secret.base32()[:4] + " " not in closed.text

    async def test_a_wrong_code_shows_the_page_again_and_says_what_to_do(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        for code, said in (
            (made.wrong(server.clock), "This code is not right. Wait for the next one"),
            (made.code(server.clock, 3), "is about 90 seconds ahead. Set it to automatic time"),
            ("12 45", "Type the 6 digits that the app shows now."),
            ("", "Type the 6 digits that the app shows now."),
        ):
            again = await send(client, page, code)
            assert (again.status_code, again.headers["Content-Type"][:9]) == (422, "text/html")
            shown = Page(again.text)
            assert said in shown.said()
            assert shown.one("input")["name"] == "code"
            assert shown.texts["title"] == ["Not taken: Set up codes for Watchword"]
            assert code not in again.text or not code
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_locks_and_ends_of_locks_are_said(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        said = [Page((await send(client, page, made.wrong(server.clock))).text).said() for _ in range(5)]
        assert ["After one more wrong code you have to wait." in each for each in said] == [
            False, False, False, True, False
        ]  # fmt: skip
        assert ["Wait 30 seconds, then try again." in each for each in said] == [False] * 4 + [True]
        locked = await send(client, page, made.code(server.clock))
        assert (locked.status_code, locked.headers["Retry-After"]) == (429, "30")
        assert "Too many wrong codes in a row." in Page(locked.text).said()
        assert "Wait 30 seconds, then try again." in Page(locked.text).said()
        assert 'id="wait" data-seconds="30"' in locked.text
        server.clock.advance(30)
        await run_sql(server.database, "UPDATE keys SET failures = 100 WHERE name = 'alice'")
        disabled = await send(client, page, made.code(server.clock))
        assert disabled.status_code == 423
        assert "unlock the key" in Page(disabled.text).said()
        await client.delete("/v1/keys/alice/lock")
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    @pytest.mark.parametrize("body", [b"", b"code", b"code=1&code=2", b"code=1&x=2", b"code=%ff"])
    async def test_what_no_form_of_ours_sends_is_refused(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        await make(client)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post(await invite(client), content=body, headers=headers)
        assert refused(answer) == (400, "malformed-body")


class TestLinks:
    async def test_one_opens_for_ten_minutes(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        server.clock.advance(599)
        assert (await client.get(page)).status_code == 200
        server.clock.advance(1)
        assert (await client.get(page)).status_code == 410
        assert (await send(client, page, made.code(server.clock))).status_code == 410
        # The key still waits.
        page = await invite(client)
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_a_second_one_closes_the_first(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        first, second = await invite(client), await invite(client)
        assert (await client.get(first)).status_code == 410
        assert (await send(client, first, made.code(server.clock))).status_code == 410
        assert (await send(client, second, made.code(server.clock))).status_code == 200

    async def test_a_key_that_was_confirmed_elsewhere_closes_it(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        await confirm(client, made.code(server.clock))
        assert (await client.get(page)).status_code == 410
        # Also for a successor that came after it: it was not invited.
        await rotate(client)
        assert (await client.get(page)).status_code == 410

    @pytest.mark.parametrize("ticket", ["x", "A" * 31, "A" * 32, "A" * 33, "%00" * 32, "é" * 32])
    async def test_what_is_no_ticket_opens_nothing(self, client: httpx.AsyncClient, ticket: str) -> None:
        for answer in (
            await client.get(f"/enrol/{ticket}"),
            await send(client, f"/enrol/{ticket}", "000000"),
        ):
            assert (answer.status_code, answer.headers["Content-Type"][:9]) == (410, "text/html")

    async def test_another_keys_link_does_not_confirm_this_one(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        alice, bob = await make(client, "alice"), await make(client, "bob")
        page = await invite(client, "bob")
        assert (await send(client, page, alice.code(server.clock))).status_code == 422
        assert (await client.get("/v1/keys/alice")).json()["status"] == "pending"
        assert (await send(client, page, bob.code(server.clock))).status_code == 200
        assert (await client.get("/v1/keys/alice")).json()["status"] == "pending"


async def test_of_many_at_the_same_moment_one_confirms(tmp_path: Path) -> None:
    """Through two applications on one file."""
    clock = Clock()
    async with (
        running_server(tmp_path, clock=clock) as one,
        running_server(tmp_path, clock=clock) as two,
        one.client() as first,
        two.client() as second,
    ):
        for number, size in enumerate(SIZES * ROUNDS):
            made = await make(first, f"key{number}")
            page = await invite(first, made.name)
            sent = [send((first, second)[n % 2], page, made.code(clock)) for n in range(size)]
            statuses = Counter(answer.status_code for answer in await asyncio.gather(*sent))
            assert statuses == {200: 1, 410: size - 1}
        events = await audit_events(one.ledger)
    accepted = [event for event in events if (event.event, event.verdict) == ("confirm", "accepted")]
    assert len(accepted) == len(SIZES) * ROUNDS

"""The enrolment page: what it shows, what it runs (nothing), and how often its link works."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from key_routes import check, confirm, invite, make, refused, rotate
from servers import Clock, audit_events, run_sql, running_server
from watchword_otp import format_uri, parse_uri

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from servers import RunningServer

VOID = {"meta", "input", "path", "br"}
SIZES = (2, 4, 16, 64)
ROUNDS = 12
"""Of each size."""


class Page(HTMLParser):
    """What a browser without JavaScript would see of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.texts.setdefault(self._open[-1], []).append(data.strip())

    def one(self, tag: str) -> dict[str, str | None]:
        (found,) = [attributes for each, attributes in self.elements if each == tag]
        return found


async def send(client: httpx.AsyncClient, page: str, code: str) -> httpx.Response:
    return await client.post(page, data={"code": code})


class TestShowing:
    async def test_has_all_that_a_person_needs(self, client: httpx.AsyncClient) -> None:
        made = await make(client, issuer="Bücher", account="alice@example.com")
        answer = await client.get(await invite(client))
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        page = Page(answer.text)
        assert page.texts["h1"] == ["Set up codes for Bücher"]
        assert page.texts["dd"] == ["alice@example.com", "Bücher"]
        secret = made.key.secret.base32()
        assert page.texts["code"] == [" ".join(secret[at : at + 4] for at in range(0, 32, 4))]
        uri = page.one("a")["href"]
        assert uri is not None
        assert parse_uri(uri) == made.key
        field = page.one("input")
        assert (field["name"], field["inputmode"], field["maxlength"]) == ("code", "numeric", "6")
        assert page.one("label")["for"] == field["id"]
        assert page.one("form") == {"method": "post", "autocomplete": "off"}
        assert "08:10 UTC" in answer.text

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
        assert (field["inputmode"], field["maxlength"]) == ("text", "5")
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_a_hotp_key_shows_its_counter(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client, kind="hotp", counter=7)
        page = await invite(client)
        assert parse_uri(str(Page((await client.get(page)).text).one("a")["href"])).counter == 7
        assert (await send(client, page, made.code(server.clock))).status_code == 200


class TestDefences:
    @pytest.mark.parametrize(
        "label",
        [
            "<script>alert(1)</script>",
            "</title><script>alert(1)</script>",
            "\"><img src=x onerror='alert(1)'>",
            "javascript:alert(1)//",
            "{{ 7 * 7 }}{% raw %}",
            "&lt;b&gt;&#x3c;script&#x3e;",
            "' onfocus=alert(1) autofocus '",
            "\u05d0\u05d1\u05d2 abc",
            "é" * 100,
        ],
    )
    async def test_labels_are_text_and_nothing_else(self, client: httpx.AsyncClient, label: str) -> None:
        made = await make(client, issuer=label, account=label)
        answer = await client.get(await invite(client))
        page = Page(answer.text)
        assert page.texts["dd"] == [label, label]
        assert page.texts["h1"] == page.texts["title"] == [f"Set up codes for {label}"]
        plain = Page((await client.get(await _plain_page(client))).text)
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
        assert [set(each) for _, each in page.elements] == [set(each) for _, each in plain.elements]
        assert page.one("a")["href"] == format_uri(made.key)

    async def test_runs_no_script_and_asks_no_other_host(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        for answer in (
            await client.get(page),
            await send(client, page, made.wrong(server.clock)),
            await send(client, page, made.code(server.clock)),
            await client.get(page),
        ):
            html = answer.text
            elements = Page(html).elements
            assert "script" not in {tag for tag, _ in elements}
            names = {name for _, attributes in elements for name in attributes}
            assert not [name for name in names if name.startswith("on") or name in {"style", "src"}]
            assert set(re.findall(r"https?://[^\"' <]+", html)) <= {"http://www.w3.org/2000/svg"}
            assert not re.search(r"url\(|@import", html)

    async def test_says_so_in_its_headers(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        for answer in (
            await client.get(page),
            await send(client, page, "x"),
            await send(client, page, made.wrong(server.clock)),
            await send(client, page, made.code(server.clock)),
            await client.get(page),
        ):
            (style,) = re.findall(r"<style>(.*)</style>", answer.text, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
            policy = set(answer.headers["Content-Security-Policy"].split("; "))
            assert policy == {
                "default-src 'none'",
                "img-src 'self' data:",
                f"style-src 'sha256-{digest}'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            }
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in answer.headers


async def _plain_page(client: httpx.AsyncClient) -> str:
    await make(client, "plain", issuer="x", account="y")
    return await invite(client, "plain")


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
        for code, status, said in (
            (made.wrong(server.clock), 422, "take the one that the app shows next"),
            (made.code(server.clock, 3), 422, "3 steps fast"),
            ("12 45", 422, "type exactly the digits the app shows"),
            ("", 422, "type exactly the digits the app shows"),
        ):
            again = await send(client, page, code)
            assert (again.status_code, again.headers["Content-Type"][:9]) == (status, "text/html")
            shown = Page(again.text)
            assert said in shown.texts["p"][0]
            assert shown.one("input")["name"] == "code"
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_locks_and_ends_of_locks_are_said(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        made = await make(client)
        page = await invite(client)
        for _ in range(5):
            await send(client, page, made.wrong(server.clock))
        locked = await send(client, page, made.code(server.clock))
        assert (locked.status_code, locked.headers["Retry-After"]) == (429, "30")
        assert "Try again in 30 s" in locked.text
        server.clock.advance(30)
        await run_sql(server.database, "UPDATE keys SET failures = 100 WHERE name = 'alice'")
        disabled = await send(client, page, made.code(server.clock))
        assert disabled.status_code == 423
        assert "unlock the key" in disabled.text
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

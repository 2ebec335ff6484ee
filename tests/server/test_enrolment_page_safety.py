"""The enrolment page against hostile labels, strangers and its own failures."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from html_page import Page
from key_routes import invite, make, refused, send
from page_states import database_gone
from servers import running_server
from watchword_otp import format_uri
from watchword_server import problems
from watchword_server.edge import Edge
from watchword_server.pages import problem_page
from watchword_server.problems import ProblemError, ProblemType

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from servers import RunningServer

SCRIPT = (resources.files("watchword_server") / "templates" / "page.js").read_text("utf-8")
REACHING = (
    "fetch", "XMLHttp", "WebSocket", "EventSource", "sendBeacon", "import", "Worker", "location",
    "Storage", "cookie", r"open\(",
)  # fmt: skip
MAKING = (
    "innerHTML", "outerHTML", "insertAdjacent", "document.write", "createElement", "eval", "Function(",
    "srcdoc", "href",
)  # fmt: skip
PROBLEMS = [each for each in vars(problems).values() if isinstance(each, ProblemType)]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}


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
        assert page.texts["bdi"] == [label]
        assert page.texts["title"] == [f"Set up codes for {label}"]
        plain = Page((await client.get(await _plain_page(client))).text)
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
        assert [set(each) for _, each in page.elements] == [set(each) for _, each in plain.elements]
        assert page.one("a")["href"] == format_uri(made.key)

    @pytest.mark.parametrize("label", ["<script>alert(1)</script>", "\"'><b>", "%0d%0a\\", "é" * 100])
    async def test_labels_are_text_beside_the_recovery_codes_too(
        self, server: RunningServer, client: httpx.AsyncClient, label: str
    ) -> None:
        made = await make(client, issuer=label, account=label)
        done = Page((await send(client, await invite(client), made.code(server.clock))).text)
        assert done.texts["dd"] == [label, label, "15 January 2027"]
        assert done.texts["bdi"] == [label]
        saved = done.one("a")
        assert re.fullmatch(r"recovery-codes(-[a-z0-9-]+)?\.txt", str(saved["download"]))
        kind, _, content = str(saved["href"]).partition(",")
        assert kind == "data:text/plain;charset=utf-8"
        assert re.fullmatch(r"[A-Za-z0-9._~%-]+", content)
        assert f"Issuer:  {label}\r\nAccount: {label}\r\n" in unquote(content)

    async def test_runs_one_script_of_ours_and_asks_no_other_host(
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
            page_seen = Page(html)
            scripts = [attributes for tag, attributes in page_seen.elements if tag == "script"]
            assert scripts == [{}] * (answer.status_code != 410)
            assert page_seen.texts.get("script", [SCRIPT.strip()]) == [SCRIPT.strip()]
            names = {name for _, attributes in page_seen.elements for name in attributes}
            assert not [name for name in names if name.startswith("on") or name in {"style", "src"}]
            assert set(re.findall(r"https?://[^\"' <]+", html)) <= {"http://www.w3.org/2000/svg"}
            assert not re.search(r"url\(|@import", html)

    @pytest.mark.parametrize("word", REACHING)
    def test_the_script_has_no_word_to_reach_out(self, word: str) -> None:
        assert not re.search(rf"\b{word}", SCRIPT, re.IGNORECASE)

    @pytest.mark.parametrize("word", MAKING)
    def test_the_script_has_no_word_to_make_markup_or_code(self, word: str) -> None:
        assert word not in SCRIPT

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
            policy = set(answer.headers["Content-Security-Policy"].split("; "))
            assert policy == {
                "default-src 'none'",
                "img-src data:",
                f"style-src {_hash(style)}",
                f"script-src {_hash(SCRIPT)}",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            }
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "clipboard-read=()" in answer.headers["Permissions-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in answer.headers


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def _plain_page(client: httpx.AsyncClient) -> str:
    await make(client, "plain", issuer="x", account="y")
    return await invite(client, "plain")


class TestProblems:
    """A person with a browser gets a page that says what to do; a program gets problem+json."""

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.sqlite
    async def test_no_database(
        self, server: RunningServer, client: httpx.AsyncClient, method: str
    ) -> None:
        made = await make(client)
        page = await invite(client)
        sent = {"code": made.code(server.clock)} if method == "POST" else None
        with database_gone(server):
            shown = await client.request(method, page, data=sent, headers=BROWSER)
            told = await client.request(method, page, data=sent)
        assert refused(told) == (503, "store-unavailable")
        assert (shown.status_code, shown.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
        seen = Page(shown.text)
        assert seen.texts["h1"] == ["Codes cannot be checked just now"]
        assert any("the server's database is gone" in text for text in seen.texts["p"])
        assert seen.one("a")["href"] == ""
        # Nothing was used up.
        assert (await send(client, page, made.code(server.clock))).status_code == 200

    async def test_the_unforeseen(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await make(client)
        page = await invite(client)
        monkeypatch.setattr("watchword_server.pages.make_qr", None)
        shown = await client.get(page, headers=BROWSER)
        assert shown.status_code == 500
        assert f"number {shown.headers['X-Request-Id']} in" in shown.text
        assert refused(await client.get(page)) == (500, "internal-error")

    async def test_too_many_attempts(self, tmp_path: Path) -> None:
        async with (
            running_server(tmp_path, edge=Edge(refusals_per_minute=2)) as server,
            server.client("") as person,
        ):
            assert (await person.get("/enrol/x")).status_code == 410
            shown = await person.get("/enrol/x", headers=BROWSER)
            told = await person.get("/enrol/x")
        assert refused(told) == (429, "too-many-requests")
        assert (shown.status_code, shown.headers["Retry-After"]) == (429, told.headers["Retry-After"])
        assert Page(shown.text).texts["h1"] == ["Too many attempts"]
        assert "try again in" in shown.text

    @pytest.mark.parametrize("kind", PROBLEMS, ids=lambda kind: kind.slug)
    def test_each_has_a_page(self, kind: ProblemType) -> None:
        problem = ProblemError(
            kind, "what <it> was", headers={"Retry-After": "7"}, cause="disk-full", request_id="6cda97"
        )
        page = problem_page(problem)
        assert (page.status, page.headers["Retry-After"]) == (kind.status, "7")
        seen = Page(str(page.text))
        assert seen.texts["h1"] == seen.texts["title"]
        assert seen.texts["a"] == ["Open the page again"]
        assert all(text[0].isupper() and text.endswith(".") for text in seen.texts["p"])

    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (b"code", "application/x-www-form-urlencoded", 400),
            (b"code=" + b"1" * 9000, "application/x-www-form-urlencoded", 413),
            (b"{}", "application/json", 415),
        ],
    )
    async def test_what_no_form_of_ours_sends(
        self, client: httpx.AsyncClient, body: bytes, kind: str, status: int
    ) -> None:
        await make(client)
        headers = {"Content-Type": kind, **BROWSER}
        shown = await client.post(await invite(client), content=body, headers=headers)
        assert (shown.status_code, shown.headers["Content-Type"][:9]) == (status, "text/html")
        assert Page(shown.text).texts["h1"] == ["That did not work"]

    @pytest.mark.parametrize("accept", ["application/json", "nonsense", "*/*", "text/html;q=0, */*"])
    async def test_a_program_is_told_in_json(self, client: httpx.AsyncClient, accept: str) -> None:
        await make(client)
        headers = {"Content-Type": "text/plain", "Accept": accept}
        answer = await client.post(await invite(client), content=b"x", headers=headers)
        assert refused(answer) == (415, "unsupported-media-type")

    async def test_elsewhere_a_browser_is_told_in_json_too(self, client: httpx.AsyncClient) -> None:
        assert refused(await client.get("/v1/keys/nobody", headers=BROWSER)) == (404, "no-such-key")

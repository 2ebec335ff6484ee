"""What may be sent, and what is said when something else is: the same on every route."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import msgspec
import pytest
from aiohttp import web

from each_store import run_sql, tables_of
from requests_to import body_of, name_of, path_of, sent_with
from watchword_server import bodies
from watchword_server.api import (
    KEY_NAME,
    Answer,
    BodyType,
    Endpoint,
    Operation,
    RequestHeader,
    request_handler,
)
from watchword_server.bodies import json_response
from watchword_server.metrics import Metrics
from watchword_server.middleware.errors import make_errors
from watchword_server.middleware.limits import TokenLimits
from watchword_server.names import CANONICAL
from watchword_server.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from servers import RunningServer

STRICT = [row for row in ROUTES if not row.operation.any_query]
WITH_BODY = [row for row in ROUTES if row.operation.body is not None]
OUT_OF_PLACE = "out-of-place"


def slug(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return str(answer.json()["type"]).removeprefix("urn:watchword:problem:")


def content_type(row: Endpoint) -> dict[str, str]:
    return {"Content-Type": row.operation.body_type.value}


class TestEveryRoute:
    @pytest.mark.parametrize("row", STRICT, ids=name_of)
    async def test_an_unknown_member_of_the_query_is_named(
        self, client: httpx.AsyncClient, row: Endpoint
    ) -> None:
        sent = sent_with(row, body_of(row))
        answer = await client.request(row.method, f"{path_of(row)}?now=1", **sent)
        assert answer.status_code == 400
        if row.method != "HEAD":
            assert slug(answer) == "malformed-query"
            assert "no member called now" in answer.json()["detail"]

    @pytest.mark.parametrize("row", STRICT, ids=name_of)
    async def test_a_code_or_token_in_the_query_is_not_repeated(
        self, client: httpx.AsyncClient, row: Endpoint
    ) -> None:
        for query in ("492039", "492039=492039", f"ww_{'x' * 43}=1", "q=492039"):
            answer = await client.request(row.method, f"{path_of(row)}?{query}")
            assert answer.status_code == 400
            assert "492039" not in answer.text
            assert "ww_" not in answer.text

    @pytest.mark.parametrize("row", [row for row in ROUTES if "{name}" in row.path], ids=name_of)
    @pytest.mark.parametrize(
        "name", ["Default", "default%20", "def%61ult", "a.", "-a", "x" * 65, "d%C3%A9f", "a%00"]
    )
    async def test_a_name_has_one_spelling(
        self, client: httpx.AsyncClient, row: Endpoint, name: str
    ) -> None:
        path = row.path.replace("{name}", name)
        answer = await client.request(row.method, path, **sent_with(row, body_of(row)))
        assert answer.status_code == 404

    @pytest.mark.parametrize("row", [row for row in ROUTES if row.scope], ids=name_of)
    async def test_a_database_that_has_failed_answers_503(
        self, server: RunningServer, client: httpx.AsyncClient, row: Endpoint
    ) -> None:
        await _lose_all_tables(server.database)
        answer = await client.request(row.method, path_of(row), **sent_with(row, body_of(row)))
        assert (answer.status_code, slug(answer)) == (503, "store-unavailable")


async def _lose_all_tables(database: Path) -> None:
    """Take every table away, as damage would."""
    for table in await tables_of(database):
        await run_sql(database, f"ALTER TABLE {table} RENAME TO lost_{table}")


class TestEveryBody:
    @pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
    async def test_an_unknown_member_is_named_and_its_value_is_not(
        self, client: httpx.AsyncClient, row: Endpoint
    ) -> None:
        sent = sent_with(row, {**body_of(row), "extra": OUT_OF_PLACE})
        answer = await client.request(row.method, path_of(row), **sent)
        assert (answer.status_code, slug(answer)) == (400, "malformed-body")
        assert "no member called extra" in answer.json()["detail"]
        assert OUT_OF_PLACE not in answer.text

    @pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
    async def test_every_text_has_an_end(self, client: httpx.AsyncClient, row: Endpoint) -> None:
        for name, value in body_of(row).items():
            if isinstance(value, str):
                sent = sent_with(row, {**body_of(row), name: OUT_OF_PLACE * 300})
                answer = await client.request(row.method, path_of(row), **sent)
                assert (answer.status_code, slug(answer)) == (400, "malformed-body")
                assert f"the member {name} must be" in answer.json()["detail"]
                assert OUT_OF_PLACE not in answer.text

    @pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
    async def test_no_body_is_no_body(self, client: httpx.AsyncClient, row: Endpoint) -> None:
        answer = await client.request(row.method, path_of(row), headers=content_type(row))
        assert (answer.status_code, slug(answer)) == (400, "malformed-body")

    @pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
    async def test_another_type_or_an_encoding_is_refused(
        self, client: httpx.AsyncClient, row: Endpoint
    ) -> None:
        for headers in (
            {},
            {"Content-Type": "text/plain"},
            {**content_type(row), "Content-Encoding": "gzip"},
            {"Content-Type": f"{row.operation.body_type.value}; charset=utf-16"},
        ):
            answer = await client.request(row.method, path_of(row), content=b"{}", headers=headers)
            assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")

    @pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
    async def test_too_long_a_body_is_told_the_limit(
        self, client: httpx.AsyncClient, row: Endpoint
    ) -> None:
        answer = await client.request(
            row.method, path_of(row), content=b"1" * 9000, headers=content_type(row)
        )
        assert (answer.status_code, slug(answer)) == (413, "body-too-long")
        assert "8192 bytes" in answer.json()["detail"]

    @pytest.mark.parametrize("row", WITH_BODY, ids=name_of)
    async def test_a_body_that_never_arrives_is_not_waited_for(
        self, server: RunningServer, monkeypatch: pytest.MonkeyPatch, row: Endpoint
    ) -> None:
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"{row.method} {path_of(row)} HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n"
            f"Authorization: Bearer {server.token}\r\n"
            f"Content-Type: {row.operation.body_type.value}\r\n\r\n{{".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 408")


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    after: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(max_length=10)]


class Deep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: Annotated[list[Annotated[str, msgspec.Meta(max_length=3)]], msgspec.Meta(max_length=2)]
    digits: Annotated[int, msgspec.Meta(ge=6, le=10)] = 6
    is_open: bool | None = None


NOTHING = {200: Answer(description="Fine.")}


@contextlib.asynccontextmanager
async def answering(**declared: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A server of one declared endpoint, which takes POST at the root or at its path parameter."""
    operation = Operation(id="it", tag="It", summary="It", answers=NOTHING, **declared)
    path = "/" + "".join(f"{{{each.name}}}" for each in operation.path)
    app = web.Application(
        middlewares=[make_errors(Metrics(), TokenLimits(time.monotonic))],
        client_max_size=bodies.MAX_BODY,
    )
    app.router.add_post(path, request_handler(Endpoint("POST", path, None, operation)))
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{site.port}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client
    finally:
        await runner.cleanup()


async def echo(_request: web.Request, *decoded: msgspec.Struct) -> web.Response:
    return json_response(msgspec.json.encode(decoded))


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "read"),
        [
            ("", {"limit": 50, "after": None}),
            ("limit=1", {"limit": 1, "after": None}),
            ("limit=200&after=5", {"limit": 200, "after": "5"}),
            ("after=", {"limit": 50, "after": ""}),
        ],
    )
    async def test_what_is_right_is_read(self, query: str, read: dict[str, Any]) -> None:
        async with answering(handler=echo, query=Page) as client:
            assert (await client.post(f"/?{query}")).json() == [read]

    @pytest.mark.parametrize(
        "limit",
        ["0", "201", "-1", "+1", "01", "1.0", "1e1", "0x1", "1_0", "%201", "1%20", "", "%D9%A1",
         "%EF%BC%91", "true", "9" * 30],
    )  # fmt: skip
    async def test_whole_numbers_are_ascii_digits_within_their_range(self, limit: str) -> None:
        async with answering(handler=echo, query=Page) as client:
            answer = await client.post(f"/?limit={limit}")
        assert (answer.status_code, slug(answer)) == (400, "malformed-query")
        assert "limit must be a whole number of 1 to 200" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("limit=1&limit=1", "once"),
            ("limit=1&limit=2", "once"),
            ("Limit=1", "no member called Limit here; known are: limit, after"),
            ("after=" + "x" * 65, "after must be text of at most 64 characters"),
            ("%00=1", "no member of that name"),
        ],
    )
    async def test_what_is_wrong_is_named(self, query: str, said: str) -> None:
        async with answering(handler=echo, query=Page) as client:
            answer = await client.post(f"/?{query}")
        assert (answer.status_code, slug(answer)) == (400, "malformed-query")
        assert said in answer.json()["detail"]

    async def test_query_and_body_come_in_this_order(self) -> None:
        async with answering(handler=echo, query=Page, body=Form) as client:
            answer = await client.post("/?limit=7", json={"code": "1"})
        assert answer.json() == [{"limit": 7, "after": None}, {"code": "1"}]


class TestForms:
    @pytest.mark.parametrize(
        ("form", "code"),
        [("code=492039", "492039"), ("code=", ""), ("code=%34+9%2b", "4 9+"), ("code=%C3%A9", "é")],
    )
    async def test_one_field_is_read(self, form: str, code: str) -> None:
        async with self._server() as client:
            assert (await self._post(client, form)).json() == [{"code": code}]

    @pytest.mark.parametrize(
        ("form", "said"),
        [
            ("", "the member code is missing"),
            ("code", "not a form"),
            ("code=1&", "not a form"),
            ("code=1&code=1", "once"),
            ("code=1&now=2", "no member called now"),
            ("Code=1", "no member called Code"),
            ("code=1&a=1&b=2", "not a form"),
            ("code=%FF", "not a form in UTF-8"),
            ("code=é", "not a form in UTF-8"),
            ("code=12345678901", "text of at most 10 characters"),
        ],
    )
    async def test_anything_else_is_refused(self, form: str, said: str) -> None:
        async with self._server() as client:
            answer = await self._post(client, form)
        assert (answer.status_code, slug(answer)) == (400, "malformed-body")
        assert said in answer.json()["detail"]

    async def test_a_form_with_files_is_none(self) -> None:
        async with self._server() as client:
            answer = await client.post("/", files={"code": b"492039"})
        assert answer.status_code == 415

    @staticmethod
    def _server() -> contextlib.AbstractAsyncContextManager[httpx.AsyncClient]:
        return answering(handler=echo, body=Form, body_type=BodyType.FORM)

    @staticmethod
    async def _post(client: httpx.AsyncClient, form: str) -> httpx.Response:
        headers = {"Content-Type": BodyType.FORM.value}
        return await client.post("/", content=form.encode(), headers=headers)


class TestWords:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"names": "x"}, "names must be a list of at most 2 members, each text of at most 3 char"),
            ({"names": ["toolong"]}, "names must be a list"),
            ({"names": ["a"] * 3}, "names must be a list of at most 2"),
            ({"names": [], "digits": 5}, "digits must be a whole number of 6 to 10"),
            ({"names": [], "digits": 6.5}, "digits must be a whole number of 6 to 10"),
            ({"names": [], "digits": True}, "digits must be a whole number of 6 to 10"),
            ({"names": [], "is_open": 1}, "is_open must be true or false or null"),
            ({}, "the member names is missing; it must be a list"),
            ([], "the body must be an object"),
            (None, "the body must be an object"),
        ],
    )
    async def test_say_which_member_and_what_it_must_be(self, body: Any, said: str) -> None:
        async with answering(handler=echo, body=Deep) as client:
            headers = {"Content-Type": bodies.JSON}
            answer = await client.post("/", content=msgspec.json.encode(body), headers=headers)
        assert (answer.status_code, slug(answer)) == (400, "malformed-body")
        assert said in answer.json()["detail"]

    async def test_nesting_without_end_is_no_error_of_ours(self) -> None:
        async with answering(handler=echo, body=Deep) as client:
            for content in (b"[" * 8000, b'{"names":' + b"[" * 4000 + b"]" * 4000 + b"}"):
                answer = await client.post("/", content=content, headers={"Content-Type": bodies.JSON})
                assert (answer.status_code, slug(answer)) == (400, "malformed-body")


class TestHeaders:
    HEADER = RequestHeader(name="If-Match", description="The version.", pattern=CANONICAL, form="a name")

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ([], 200),
            ([("If-Match", "abc")], 200),
            ([("if-match", "abc")], 200),
            ([("If-Match", "ABC")], 400),
            ([("If-Match", "")], 400),
            ([("If-Match", "a"), ("If-Match", "a")], 400),
        ],
    )
    async def test_are_given_once_and_in_their_form(
        self, sent: list[tuple[str, str]], status: int
    ) -> None:
        async with answering(handler=echo, request_headers=[self.HEADER]) as client:
            answer = await client.post("/", headers=sent)
        assert answer.status_code == status
        if status == 400:
            assert slug(answer) == "malformed-header"
            assert "If-Match must be there once at most, and be a name" in answer.json()["detail"]


class TestPaths:
    @pytest.mark.parametrize(
        ("name", "status"),
        [("a", 200), ("default", 200), ("a.b_c-d", 200), ("x" * 64, 200), ("x" * 65, 404), ("A", 404),
         ("-a", 404), ("a.", 404), ("a%20", 404), ("a%0A", 404), ("a%00", 404), ("%C3%A9", 404),
         ("%61", 404), ("def%61ult", 404), ("a%2eb", 404), ("a%2Db", 404)],
    )  # fmt: skip
    async def test_only_the_one_spelling_of_a_name_reaches_the_handler(
        self, name: str, status: int
    ) -> None:
        async with answering(handler=echo, path=[KEY_NAME]) as client:
            answer = await client.post(f"/{name}")
        assert answer.status_code == status
        if status == 404:
            assert slug(answer) == "no-such-key"


def test_a_path_and_its_parameters_go_together() -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response()

    operation = Operation(id="it", tag="It", summary="It", handler=handler, answers=NOTHING)
    with pytest.raises(ValueError, match=r"/keys/\{name\} is not the path of it"):
        request_handler(Endpoint("GET", "/keys/{name}", None, operation))

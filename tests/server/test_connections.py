"""Connections that no browser would make: nonsense, silence, too many, and bodies that break off."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from raw_http import answers, exchange
from servers import RunningServer, running_server
from watchword_server import bodies, connections, serve
from watchword_server.app import create_app
from watchword_server.connections import Connection, Runner, Server
from watchword_server.edge import Edge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(server: RunningServer, *headers: str, path: str = "/v1/keys/default/check") -> bytes:
    """The head of a check, with further headers."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {server.token}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, "", ""]).encode()


class TestNonsense:
    @pytest.mark.parametrize(
        ("sent", "status", "slug"),
        [
            (b"SECRET\r\n\r\n", 400, "malformed-request"),
            (b"\x16\x03\x01\x02SECRET\r\n\r\n", 400, "malformed-request"),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed-request"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : SECRET\r\n\r\n", 400, "malformed-request"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "malformed-request"),
            (b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % (b"SECRET" * 500), 414, "uri-too-long"),
            (b"GET / HTTP/1.1\r\nX: %b\r\n\r\n" % (b"SECRET" * 900), 431, "headers-too-large"),
            (b"GET / HTTP/1.1\r\n%b\r\n" % (b"A: SECRET\r\n" * 70), 400, "malformed-request"),
            (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505, "version-not-supported"),
        ],
        ids=lambda value: None if isinstance(value, bytes) else str(value),
    )
    async def test_it_is_answered_as_everything_is(
        self,
        server: RunningServer,
        caplog: pytest.LogCaptureFixture,
        sent: bytes,
        status: int,
        slug: str,
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            received = await exchange(server.url, sent)
        assert received.startswith(b"HTTP/1.")
        (answer,) = await answers(server.url, sent)
        assert (answer.status, answer.slug) == (status, slug)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Connection"] == "close"
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
        assert answer.headers["Watchword-Version"]
        assert "Server" not in answer.headers
        assert b"SECRET" not in received
        assert "SECRET" not in caplog.text
        assert not [each for each in caplog.records if each.levelno > logging.INFO]

    async def test_the_log_has_one_quiet_line_with_the_answers_id(
        self, server: RunningServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "watchword_server.http"):
            (answer,) = await answers(server.url, b"SECRET\r\n\r\n")
        (record,) = [each for each in caplog.records if each.name == "watchword_server.http"]
        assert record.levelno == logging.INFO
        assert record.getMessage().startswith("malformed request from 127.0.0.1: ")
        assert record.__dict__["request_id"] == answer.headers["X-Request-Id"]

    async def test_it_counts_as_a_refusal(self, tmp_path: Path) -> None:
        async with running_server(tmp_path, edge=Edge(refusals_per_minute=4)) as server:
            (answer,) = await answers(server.url, b"SECRET\r\n\r\n")
            assert answer.headers["RateLimit"] == '"refusals";r=1;t=15'
            await answers(server.url, b"SECRET\r\n\r\n")
            async with server.client() as client:
                assert (await client.get("/qr")).status_code == 429


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [b"xyz\r\n", b"5\r\nabcdefgh\r\n", b"-1\r\n\r\n", b"5;\x00\r\n", b"ffffffffffffffffff\r\n"],
    )
    async def test_broken_chunks_are_400_at_once(
        self, server: RunningServer, caplog: pytest.LogCaptureFixture, body: bytes
    ) -> None:
        started = asyncio.get_running_loop().time()
        (answer,) = await answers(server.url, post(server, "Transfer-Encoding: chunked"), body + LAST)
        assert (answer.status, answer.slug) == (400, "malformed-body")
        assert answer.headers["Connection"] == "close"
        assert asyncio.get_running_loop().time() - started < 2
        assert not [each for each in caplog.records if each.levelno >= logging.WARNING]

    async def test_broken_chunks_of_a_request_that_waits_its_turn(self, server: RunningServer) -> None:
        first, second = await answers(
            server.url, HEALTH + post(server, "Transfer-Encoding: chunked"), b"xyz\r\n"
        )
        assert (first.status, second.status, second.slug) == (200, 400, "malformed-body")

    async def test_broken_chunks_that_come_with_their_head(self, server: RunningServer) -> None:
        (answer,) = await answers(server.url, post(server, "Transfer-Encoding: chunked") + b"xyz\r\n")
        assert (answer.status, answer.slug) == (400, "malformed-request")

    async def test_a_body_that_never_comes_is_408(
        self, server: RunningServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
        monkeypatch.setattr(connections, "_LINGERING_SECONDS", 0.05)
        (answer,) = await answers(server.url, post(server, "Content-Length: 17"), b'{"co')
        assert (answer.status, answer.slug) == (408, "body-timeout")

    async def test_too_long_a_body_is_413_and_says_the_limit(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/v1/keys/default/check", json={"code": "1" * 9000})
        assert answer.status_code == 413
        assert "8192 bytes" in answer.json()["detail"]

    async def test_a_good_chunked_body_is_read(self, server: RunningServer) -> None:
        body = f'{{"code":"{server.code()}"}}'.encode()
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        (answer,) = await answers(
            server.url, post(server, "Transfer-Encoding: chunked", "Connection: close"), chunks
        )
        assert (answer.status, answer.json()["valid"]) == (200, True)


class TestOddButFine:
    async def test_pipelined_requests_are_answered_in_order(self, server: RunningServer) -> None:
        missing = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
        found = await answers(server.url, HEALTH * 3 + missing + HEALTH + LAST)
        assert [answer.status for answer in found] == [200, 200, 200, 404, 200, 200]

    @pytest.mark.parametrize(
        ("request_line", "status"),
        [
            ("GET http://elsewhere.example/healthz HTTP/1.1", 200),
            ("GET //healthz HTTP/1.1", 404),
            ("GET /healthz HTTP/1.0", 200),
            ("OPTIONS * HTTP/1.1", 404),
            ("CONNECT x:443 HTTP/1.1", 404),
            ("TRACE /healthz HTTP/1.1", 405),
            ("GET /v1%2Fkeys/default/check HTTP/1.1", 404),
            ("HEAD /check/123456 HTTP/1.1", 405),
            ("HEAD /qr HTTP/1.1", 405),
            ("HEAD /v1/keys/default/check HTTP/1.1", 405),
        ],
    )
    async def test_odd_targets(self, server: RunningServer, request_line: str, status: int) -> None:
        sent = f"{request_line}\r\nHost: x\r\nConnection: close\r\n\r\n"
        received = await exchange(server.url, sent.encode())
        assert int(received.split(b" ")[1]) == status

    @pytest.mark.parametrize(
        "name", ["a%2Fb", "default%2F", "%2e%2e%2Fdefault", "d%C3%A9", "%ff", "a%00"]
    )
    async def test_a_slash_in_a_name_is_no_way_out(self, server: RunningServer, name: str) -> None:
        head = post(server, "Content-Length: 15", "Connection: close", path=f"/v1/keys/{name}/check")
        (answer,) = await answers(server.url, head + b'{"code":"1234"}')
        assert answer.status == 404

    @pytest.mark.parametrize(
        "headers",
        [
            b"Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n",
            b"Authorization: Bearer \xff\xfe\xe9\r\n",
            b"Authorization: \xe9 {token}\r\n",
            b"Authorization: Bearer {token}, Bearer {token}\r\n",
            b"Authorization:\r\n",
        ],
    )
    async def test_an_odd_authorization_is_401(self, server: RunningServer, headers: bytes) -> None:
        sent = headers.replace(b"{token}", server.token.encode())
        (answer,) = await answers(
            server.url, b"GET /qr HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + sent + b"\r\n"
        )
        assert (answer.status, answer.slug) == (401, "unauthorized")

    @pytest.mark.parametrize(
        "name", [b"Accept", b"X-Request-Id", b"Content-Type", b"Idempotency-Key", b"X"]
    )
    async def test_bytes_beyond_ascii_are_no_error_of_ours(
        self, server: RunningServer, name: bytes
    ) -> None:
        head = post(server, "Content-Length: 15", "Connection: close")[:-2]
        (answer,) = await answers(
            server.url, head + name + b": \xff\xe9\x80\r\n\r\n" + b'{"code":"1234"}'
        )
        assert answer.status < 500

    async def test_an_upgrade_is_not_taken(self, server: RunningServer) -> None:
        sent = LAST.replace(b"Connection: close", b"Connection: upgrade, close\r\nUpgrade: websocket")
        (answer,) = await answers(server.url, sent)
        assert answer.status == 200


@contextlib.asynccontextmanager
async def listening(runner: Runner) -> AsyncIterator[str]:
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{site.port}"
    finally:
        await runner.cleanup()


class TestSlowClients:
    @pytest.mark.parametrize(
        "sent",
        [b"", b"GET /hea", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: "],
    )
    async def test_who_does_not_finish_the_headers_is_cut_off(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
    ) -> None:
        monkeypatch.setattr(connections, "KEEPALIVE_SECONDS", 0.1)
        async with running_server(tmp_path) as server:
            assert await exchange(server.url, sent) == b""

    async def test_dripping_bytes_buys_no_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "KEEPALIVE_SECONDS", 0.2)
        async with running_server(tmp_path) as server:
            host, port = server.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET /healthz HTTP/1.1\r\n")
            ended = asyncio.create_task(reader.read())
            for _ in range(200):
                writer.write(b"A: b\r\n")
                done, _ = await asyncio.wait([ended], timeout=0.02)
                if done:
                    break
            assert ended.done()
            with contextlib.suppress(ConnectionError):
                assert await ended == b""
            writer.close()


class TestTooMany:
    async def test_one_too_many_is_told_and_closed(self, server: RunningServer) -> None:
        app = create_app(ledger=server.ledger, clock=server.clock)
        async with listening(serve.make_runner(app, max_connections=2)) as url:
            host, port = url.removeprefix("http://").split(":")
            opened = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
            for reader, writer in opened:
                writer.write(HEALTH)
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            (answer,) = await answers(url)
            assert (answer.status, answer.slug) == (503, "too-many-connections")
            assert answer.headers["Retry-After"] == "5"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Request-Id"]
            for _, writer in opened:
                writer.close()
            # Room again, once the server has seen that they left.
            for _ in range(100):
                (answer,) = await answers(url, LAST)
                if answer.status == 200:
                    break
            assert answer.status == 200


class TestWhatIsReplaced:
    """What `connections` relies on in aiohttp beyond its public interface."""

    def test_the_hooks_are_there(self) -> None:
        assert issubclass(Connection, RequestHandler)
        for name in ("data_received", "handle_error", "log_exception"):
            assert name in vars(RequestHandler)
        assert {"_messages", "_current_request"} <= set(RequestHandler.__slots__)
        assert "_make_server" in vars(web.AppRunner)
        assert {field.name for field in _ErrInfo.__attrs_attrs__} == {"status", "exc", "message"}
        assert LineTooLong(b"x", 7).args[1] == 7

    async def test_every_connection_is_ours(self, server: RunningServer) -> None:
        runner = serve.make_runner(create_app(ledger=server.ledger, clock=server.clock))
        async with listening(runner):
            assert isinstance(runner.server, Server)
            made: Any = runner.server()
            assert isinstance(made, Connection)

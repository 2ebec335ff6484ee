from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from each_store import run_sql
from servers import RunningServer, running_server
from watchword_server.store.protocol import StoreError
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

REQUESTS = {
    "health": ("GET", "/healthz", 200),
    "ready": ("GET", "/readyz", 200),
    "svg": ("GET", "/", 200),
    "false": ("GET", "/check/000", 200),
    "no such path": ("GET", "/nowhere", 404),
    "no such key": ("POST", "/v1/keys/No-Body/check", 404),
    "no such method": ("DELETE", "/healthz", 405),
    "no type": ("POST", "/v1/keys/default/check", 415),
    "not acceptable": ("GET", "/?format=tiff", 400),
}


async def raw(server: RunningServer, sent: bytes) -> bytes:
    """Send bytes as they are, and read until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return received


class TestHeaders:
    @pytest.mark.parametrize("name", REQUESTS)
    async def test_every_answer_carries_them(self, client: httpx.AsyncClient, name: str) -> None:
        method, path, status = REQUESTS[name]
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Watchword-Version"]
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
        assert "Server" not in answer.headers

    async def test_so_do_401_and_expectation_failed(self, server: RunningServer) -> None:
        async with server.client("") as client:
            refused = await client.get("/qr")
            unmet = await client.get("/qr", headers={"Expect": "a miracle"})
        assert (refused.status_code, unmet.status_code) == (401, 417)
        for answer in (refused, unmet):
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Server" not in answer.headers
            assert answer.headers["Content-Type"] == "application/problem+json"

    async def test_a_sane_request_id_comes_back(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/healthz", headers={"X-Request-Id": "door-7.a_B"})
        assert answer.headers["X-Request-Id"] == "door-7.a_B"

    @pytest.mark.parametrize("sent", ["", "two words", "x" * 65, "<script>", "é", 'a"b'])
    async def test_another_request_id_is_replaced(self, client: httpx.AsyncClient, sent: str) -> None:
        answer = await client.get("/healthz", headers=[(b"X-Request-Id", sent.encode())])
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])

    async def test_date_is_the_time_codes_are_judged_by(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        assert (await client.get("/healthz")).headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
        server.clock.advance(90)
        assert (await client.get("/healthz")).headers["Date"] == "Fri, 15 Jan 2027 08:01:30 GMT"

    async def test_nothing_is_ever_not_modified(self, client: httpx.AsyncClient) -> None:
        headers = {"If-None-Match": "*", "If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"}
        assert (await client.get("/", headers=headers)).status_code == 200


class TestHealth:
    @pytest.mark.parametrize(
        ("path", "body"),
        [("/healthz", {"status": "ok", "service": "watchword"}), ("/readyz", {"status": "ready"})],
    )
    async def test_open_to_all(self, server: RunningServer, path: str, body: dict[str, str]) -> None:
        async with server.client("") as client:
            answer = await client.get(path)
            head = await client.head(path)
        assert (answer.status_code, answer.json()) == (200, body)
        assert (head.status_code, head.content) == (200, b"")

    async def test_a_database_that_cannot_be_read_is_not_ready_but_alive(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await _break(server)
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["type"] == "urn:watchword:problem:not-ready"
        assert (await client.get("/healthz")).status_code == 200


async def _break(server: RunningServer) -> None:
    """Make every look for a key fail from now on."""
    await run_sql(server.database, "ALTER TABLE keys RENAME TO lost")


class TestFailures:
    async def test_a_failing_database_accepts_nothing_and_says_so(
        self, server: RunningServer, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        await client.get("/healthz")
        await _break(server)
        code = server.code()
        for answer in (
            await client.post("/v1/keys/default/check", json={"code": code}),
            await client.get(f"/check/{code}"),
            await client.get("/qr"),
        ):
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:watchword:problem:store-unavailable"
            assert answer.json()["cause"] == "database-failed"
        assert code not in caplog.text

    async def test_tokens_that_cannot_be_read_let_nobody_in(self, tmp_path: Path) -> None:
        async with running_server(tmp_path) as server, server.client() as client:
            await run_sql(server.database, "ALTER TABLE tokens RENAME TO lost")
            answer = await client.get("/qr")
            assert answer.status_code == 503
            assert (await client.get("/healthz")).status_code == 200

    async def test_the_unforeseen_is_a_500_that_tells_nothing_but_its_id(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        secret = "492039"
        async with running_server(tmp_path) as server, server.client() as client:
            await client.get("/readyz")

            async def explode(*_: object) -> None:
                raise RuntimeError(secret)

            server.store.look = explode  # type: ignore[method-assign, assignment]
            answer = await client.get("/qr")
        assert answer.status_code == 500
        problem = answer.json()
        assert problem["type"] == "urn:watchword:problem:internal-error"
        assert problem["request_id"] == answer.headers["X-Request-Id"]
        assert secret not in answer.text
        (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
        assert problem["request_id"] in record.getMessage()
        assert "RuntimeError" in record.getMessage()
        assert secret not in caplog.text


class TestMethods:
    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/healthz", "GET, HEAD"),
            ("HEAD", "/check/123456", "GET"),
            ("POST", "/check/123456", "GET"),
            ("GET", "/v1/keys/default/check", "POST"),
            ("OPTIONS", "/v1/keys/default/check", "POST"),
        ],
    )
    async def test_the_wrong_method_is_told_the_right_ones(
        self, server: RunningServer, method: str, path: str, allowed: str
    ) -> None:
        async with server.client("") as client:
            answer = await client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == allowed
        assert answer.headers["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("path", ["/check/", "/check", "/check/1/2", "/v1", "/v1/keys//check"])
    async def test_a_path_of_nobody(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:watchword:problem:not-found"


class TestHostileBytes:
    @pytest.mark.parametrize(
        "sent",
        [
            b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer SECRETTOKEN\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer SECRET\x01TOKEN\r\n\r\n",
            b"GET /check/SECRET\x7f HTTP/1.1\r\nHost: x\r\n\r\n",
            b"SECRETTOKEN\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"SECRET" * 1000 + b"\r\n\r\n",
            b"GET /" + b"SECRET" * 1000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: SECRET\r\n" * 100 + b"\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ],
        ids=lambda sent: sent[:40],
    )
    async def test_what_cannot_be_parsed_is_refused_and_not_logged(
        self, server: RunningServer, caplog: pytest.LogCaptureFixture, sent: bytes
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            answer = await raw(server, sent)
        # Before there is a request that the application could see.
        assert answer.split(b" ")[1] in {b"400", b"414", b"431"}
        assert b"SECRET" not in answer
        assert "SECRET" not in caplog.text
        async with server.client() as client:
            assert (await client.get("/healthz")).status_code == 200

    async def test_who_leaves_in_the_middle_of_a_body_is_no_error_of_ours(
        self, server: RunningServer, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /v1/keys/default/check HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n"
            f"Authorization: Bearer {server.token}\r\n"
            "Content-Type: application/json\r\n\r\n{".encode()
        )
        # The next requests' answers tell that this one has been begun, and then that it has ended.
        await client.get("/readyz")
        writer.transport.abort()
        await client.get("/readyz")
        await client.get("/readyz")
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]

    async def test_100_continue_is_answered(self, server: RunningServer) -> None:
        body = f'{{"code":"{server.code()}"}}'.encode()
        answer = await raw(
            server,
            b"POST /v1/keys/default/check HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            b"Connection: close\r\nContent-Type: application/json\r\n"
            + f"Authorization: Bearer {server.token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body,
        )
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert b'"valid":true' in answer


async def test_a_closed_store_is_unavailable(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "watchword.db")
    await store.close()
    with pytest.raises(StoreError):
        await store.probe()


async def test_clients_that_vanish_in_the_middle_are_no_error(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    body = b'{"code":"12345"}'
    request = (
        b"POST /v1/keys/default/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    ) % (server.token.encode(), len(body), body)
    for sent in (request * 8, request[:-4], request + request[:-4]):
        for _ in range(10):
            with socket.create_connection((host, int(port))) as gone:
                gone.sendall(sent)
                # Reset it: what was not read yet is lost with the connection.
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await asyncio.sleep(0)
    async with server.client() as client:
        assert (await client.get("/readyz")).status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

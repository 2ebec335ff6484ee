"""Whatever bytes come: no error of ours, nothing repeated, nothing in the log, and still alive."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from typing import TYPE_CHECKING

import pytest

from raw_http import exchange
from watchword_server import bodies

if TYPE_CHECKING:
    from servers import RunningServer

MARK = b"s3cr3tmark"
_ROUNDS = 300
_SEEDS = [1, 2]
_TEMPLATES = [
    (
        b"POST /v1/keys/default/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %(token)b\r\n"
        b'Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{"code":"123456"}'
    ),
    (
        b"POST /v1/keys/default/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %(mark)b\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'11\r\n{"code":"123456"}\r\n0\r\n\r\n'
    ),
    b"GET /check/%(mark)b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %(token)b\r\n\r\n",
    b"GET /qr?format=%(mark)b HTTP/1.1\r\nHost: x\r\nAccept: %(mark)b\r\nX-Request-Id: a b\r\n\r\n",
    b"HEAD /healthz HTTP/1.0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
]
_TOKENS = [
    b"\r\n", b"\r", b"\n", b"\0", b" ", b":", b"\t", b"%", b"%00", b"%2F", b"\xff", b"\xc3\xa9",
    b"HTTP/2.0",
    b"HTTP/1.2", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n", b"Host: y\r\n", b"Expect: 100-continue\r\n",
    b"Expect: x\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n", b"Content-Encoding: gzip\r\n", b"ffffffffffffffff",
    b"Cookie: " + MARK + b"\r\n", b"Forwarded: for=\x01\r\n", b"\r\n\r\n", MARK * 300,
]  # fmt: skip


def mutated(chance: random.Random, template: bytes) -> bytes:
    """The template with a few bytes or tokens inserted, removed, repeated or changed."""
    data = bytearray(template)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data[at:at] = chance.choice(_TOKENS)
            case 1:
                del data[at : at + chance.randint(1, 20)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 60)]
            case 3:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 4:
                del data[at:]
            case _:
                data += chance.choice(_TOKENS)
    return bytes(data)


@pytest.mark.parametrize("seed", _SEEDS)
async def test_no_bytes_are_an_error_of_ours(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    # What is cut short is not waited for.
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.02)
    chance = random.Random(seed)
    filled = [template % {b"token": server.token.encode(), b"mark": MARK} for template in _TEMPLATES]
    seen: set[int] = set()

    async def throw(data: bytes) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(data)
        received = b""
        try:
            async with asyncio.timeout(0.15):
                while chunk := await reader.read(65536):
                    received += chunk
        except (TimeoutError, ConnectionError):
            pass
        writer.close()
        assert MARK not in received
        seen.update(map(int, re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", received)))

    with caplog.at_level(logging.DEBUG):
        for _ in range(_ROUNDS // 20):
            await asyncio.gather(*(throw(mutated(chance, chance.choice(filled))) for _ in range(20)))
    assert {status for status in seen if status >= 500} <= {505}
    assert len(seen & {200, 400, 401, 404}) >= 3
    said = "\n".join(record.getMessage() + str(record.exc_info) for record in caplog.records)
    for private in (MARK.decode(), server.token, "Traceback"):
        assert private not in said
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    async with server.client() as client:
        answer = await client.post("/v1/keys/default/check", json={"code": server.code(1)})
        assert answer.json()["valid"] is True
    assert b"200 OK" in await exchange(
        server.url, b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )

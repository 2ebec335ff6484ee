"""Bytes over a socket as they are, for what an HTTP client would not send."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def slug(self) -> str:
        """Which problem it is."""
        return str(self.json()["type"]).rpartition(":")[2]

    def json(self) -> Any:
        return json.loads(self.body)


async def exchange(url: str, *parts: bytes) -> bytes:
    """Send the parts, each once the server has read the one before, and read until it closes."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for number, part in enumerate(parts):
            if number:
                await _round_trip(host, int(port))
            writer.write(part)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def _round_trip(host: str, port: int) -> None:
    """Wait until what was sent before, on whatever connection, has been read."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()


async def answers(url: str, *parts: bytes) -> list[RawAnswer]:
    """The answers to what was sent."""
    return list(parsed(await exchange(url, *parts)))


def parsed(received: bytes) -> Iterator[RawAnswer]:
    """Take answers with a Content-Length apart."""
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers.get("Content-Length", "0"))
        yield RawAnswer(int(first.split(" ")[1]), headers, rest[:length])
        received = rest[length:]

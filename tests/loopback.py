"""Hand-made servers on the loopback interface: what answers that is no Watchword server, and relays.

async with answering(http("<html>")) as there:
    ...                                  # there.url answers so; there.requests is what it was asked
async with relay(server.url) as front:
    ...                                  # front.connections counts; front.hang_up() cuts them
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter


@dataclass(slots=True)
class Front:
    """A listener, and what came to it."""

    url: str = ""
    connections: int = 0
    """How many there have been."""
    requests: list[bytes] = field(default_factory=list, repr=False)
    """What was asked, where it was read: heads and bodies."""
    _open: dict[asyncio.Task[None], Writer] = field(default_factory=dict, repr=False)

    async def hang_up(self) -> None:
        """Cut every connection, and wait until that is done."""
        for writer in self._open.values():
            writer.transport.abort()
        while self._open:
            await asyncio.wait(self._open)


def free_port() -> int:
    """A port of loopback's that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback's."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.asynccontextmanager
async def listening(
    handle: Callable[[Front, Reader, Writer], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Front]:
    """Listen on a free port; `handle` has each connection, which is closed when it is done."""
    front = Front()

    async def connected(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        front.connections += 1
        front._open[task] = writer
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handle(front, reader, writer)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        finally:
            del front._open[task]

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    front.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield front
    finally:
        listener.close()
        await front.hang_up()


async def read_request(reader: Reader) -> bytes:
    """Read one request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)


def http(body: str | bytes, status: str = "200 OK", headers: str = "Watchword-Version: 1\r\n") -> bytes:
    """An answer as a Watchword server would write it, or another with other headers."""
    raw = body.encode() if isinstance(body, str) else body
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


@contextlib.asynccontextmanager
async def answering(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Front]:
    """Answer the first request of every connection with the same bytes, and hang up."""

    async def handle(front: Front, reader: Reader, writer: Writer) -> None:
        front.requests.append(await read_request(reader))
        writer.write(answer)
        await writer.drain()

    async with listening(handle, tls) as front:
        yield front


@contextlib.asynccontextmanager
async def relay(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Front]:
    """Stand before the server at `url`: count connections, end TLS, hang up when told."""

    async def handle(_: Front, reader: Reader, writer: Writer) -> None:
        await pass_on(url, reader, writer)

    async with listening(handle, tls) as front:
        yield front


async def pass_on(url: str, reader: Reader, writer: Writer) -> None:
    """Connect a connection to the server at `url` until either side hangs up."""
    onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)

    async def pump(source: Reader, sink: Writer) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await source.read(65536):
                sink.write(part)
                await sink.drain()
        sink.close()

    await asyncio.gather(pump(reader, onward_writer), pump(onward_reader, writer))
    await onward_writer.wait_closed()


@contextlib.asynccontextmanager
async def losing_answers(url: str, to: str) -> AsyncIterator[Front]:
    """Stand before the server at `url` and lose its answers to requests for paths that end in `to`.

    `front.requests` holds what the server was asked in spite of that.
    """

    async def handle(front: Front, reader: Reader, writer: Writer) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        try:
            while True:
                request = await read_request(reader)
                onward_writer.write(request)
                # An answer has a head and a body of a length that it tells, like a request.
                answer = await read_request(onward_reader)
                if request.split(b" ", 2)[1].decode().endswith(to):
                    front.requests.append(request)
                    writer.transport.abort()
                    return
                writer.write(answer)
                await writer.drain()
        finally:
            onward_writer.close()

    async with listening(handle) as front:
        yield front

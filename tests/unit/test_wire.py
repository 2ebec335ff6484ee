"""The line that tests put between programs: whole, slow, cut and mended, broken."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from loopback import free_port
from wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator


def echo(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A line to somebody who says everything back, to one at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=echo, args=[listener])
        thread.start()
        with Wire(listener.getsockname()[1]) as wire:
            yield wire
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def client(wire: Wire) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", wire.port), 5) as client:
        yield client


def hears(client: socket.socket, text: bytes) -> bool:
    heard = b""
    while len(heard) < len(text):
        part = client.recv(65536)
        if not part:
            return False
        heard += part
    return heard == text


def test_whole_it_carries_and_counts(wire: Wire, client: socket.socket) -> None:
    text = b"hello" * 50_000
    threading.Thread(target=client.sendall, args=[text]).start()
    assert hears(client, text)
    assert wire.received == len(text)


def test_an_end_that_hangs_up_is_told_to_the_other(client: socket.socket) -> None:
    client.sendall(b"hello")
    client.shutdown(socket.SHUT_WR)
    assert hears(client, b"hello")
    assert client.recv(1) == b""


def test_slow_everything_takes_its_time_both_ways(wire: Wire, client: socket.socket) -> None:
    wire.delay = 0.05
    began = time.monotonic()
    client.sendall(b"hello")
    assert hears(client, b"hello")
    assert time.monotonic() - began >= 0.1


def test_cut_nobody_is_told_and_mended_all_arrives(wire: Wire, client: socket.socket) -> None:
    wire.cut()
    client.sendall(b"hello")
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    # A new one is as silent, and no more refused than by a machine that is far away.
    with socket.create_connection(("127.0.0.1", wire.port), 0.1) as other:
        with pytest.raises(TimeoutError):
            other.recv(1)
        client.settimeout(5)
        wire.mend()
        assert hears(client, b"hello")


def test_cut_while_something_is_on_its_way(wire: Wire, client: socket.socket) -> None:
    wire.delay = 0.05
    client.sendall(b"hello")
    wire.cut()
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.recv(1)
    wire.mend()
    client.settimeout(5)
    assert hears(client, b"hello")


def test_broken_it_hangs_up_on_everybody_until_it_is_mended(wire: Wire, client: socket.socket) -> None:
    client.sendall(b"hello")
    assert hears(client, b"hello")
    wire.hang_up()
    assert client.recv(1) == b""
    with socket.create_connection(("127.0.0.1", wire.port), 5) as refused:
        assert refused.recv(1) == b""
    wire.mend()
    with socket.create_connection(("127.0.0.1", wire.port), 5) as again:
        again.sendall(b"hello")
        assert hears(again, b"hello")


def test_a_server_that_is_not_there_is_a_connection_that_ends() -> None:
    with (
        Wire(free_port()) as wire,
        socket.create_connection(("127.0.0.1", wire.port), 5) as client,
    ):
        assert client.recv(1) == b""

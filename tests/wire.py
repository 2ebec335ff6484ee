"""A line between a client and a server: counted, slow, cut as a pulled plug cuts it, or broken.

with Wire(server.port) as wire:
    connect(wire.port)
    wire.cut()                           # neither end is told
    wire.mend()                          # what was on its way arrives now
"""

from __future__ import annotations

import contextlib
import enum
import selectors
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from types import TracebackType

_PATIENCE = 10.0
"""Seconds for an end to take what is sent to it."""


class _State(enum.Enum):
    WHOLE = enum.auto()
    CUT = enum.auto()
    BROKEN = enum.auto()
    GONE = enum.auto()


class _Way(NamedTuple):
    """One direction of a connection."""

    target: socket.socket
    is_to_client: bool


class _Piece(NamedTuple):
    """What is on its way; without bytes it is the end."""

    due: float
    way: _Way
    data: bytes


class Wire:
    """Hands what comes to its port on to another port of this machine.

    Its methods may be called from any thread, and what they say is so when they return.
    """

    def __init__(self, to: int) -> None:
        self.received = 0
        """Bytes that went to clients."""
        self.delay = 0.0
        """Seconds that what is sent from now on takes, either way."""
        self._to = to
        self._state = _State.WHOLE
        self._has_changed = threading.Condition()
        self._orders, self._order = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ready = selectors.DefaultSelector()
        self._open: set[socket.socket] = set()
        self._on_its_way: deque[_Piece] = deque()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def cut(self) -> None:
        """Hand nothing on and close nothing: neither end is told, as with a link that is gone."""
        self._become(_State.CUT)

    def hang_up(self) -> None:
        """Close every connection, and each new one at once, as a proxy does whose server is gone."""
        self._become(_State.BROKEN)

    def mend(self) -> None:
        """Carry again. What a cut has kept arrives, as it does when a link comes back in time."""
        self._become(_State.WHOLE)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._become(_State.GONE)
        self._thread.join()

    def _become(self, state: _State) -> None:
        with self._has_changed:
            self._order.send(bytes([state.value]))
            assert self._has_changed.wait_for(lambda: self._state is state, _PATIENCE)

    def _obey(self) -> None:
        """Wait for a word from outside, and do it."""
        state = _State(self._orders.recv(1)[0])
        if state in {_State.BROKEN, _State.GONE}:
            self._close_all()
        with self._has_changed:
            self._state = state
            self._has_changed.notify_all()

    def _carry(self) -> None:
        with self._listener, self._orders, self._order, self._ready:
            self._ready.register(self._listener, selectors.EVENT_READ)
            self._ready.register(self._orders, selectors.EVENT_READ)
            while self._state is not _State.GONE:
                if self._state is _State.CUT:
                    self._obey()
                    continue
                for key, _ in self._ready.select(self._seconds_left()):
                    if key.fileobj is self._orders:
                        self._obey()
                        break
                    if key.data is None:
                        self._join()
                    else:
                        self._take(key)
                else:
                    self._deliver()

    def _join(self) -> None:
        client, _ = self._listener.accept()
        if self._state is _State.BROKEN:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._to), _PATIENCE)
        except OSError:
            client.close()
            return
        client.settimeout(_PATIENCE)
        self._open |= {client, server}
        self._ready.register(client, selectors.EVENT_READ, _Way(server, is_to_client=False))
        self._ready.register(server, selectors.EVENT_READ, _Way(client, is_to_client=True))

    def _take(self, key: selectors.SelectorKey) -> None:
        source = key.fileobj
        assert isinstance(source, socket.socket)
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._ready.unregister(source)
        # Nothing overtakes, also where the delay was longer before.
        before = self._on_its_way[-1].due if self._on_its_way else 0.0
        self._on_its_way.append(_Piece(max(before, time.monotonic() + self.delay), key.data, data))

    def _seconds_left(self) -> float | None:
        """Until the next piece is due."""
        return max(0.0, self._on_its_way[0].due - time.monotonic()) if self._on_its_way else None

    def _deliver(self) -> None:
        while self._on_its_way and self._on_its_way[0].due <= time.monotonic():
            _, (target, is_to_client), data = self._on_its_way.popleft()
            with contextlib.suppress(OSError):
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    continue
                target.sendall(data)
                self.received += len(data) * is_to_client

    def _close_all(self) -> None:
        self._on_its_way.clear()
        for one in self._open:
            with contextlib.suppress(KeyError):
                self._ready.unregister(one)
            one.close()
        self._open.clear()

"""A line between an SSH client and its server: counted, and cut as a pulled plug cuts it."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Wire:
    """Hands what comes to its port on to another port of this machine.

    Cut, it hands nothing on and closes nothing: neither end is told, as with a link that is gone.
    """

    def __init__(self, to: int) -> None:
        self.received = 0
        """Bytes that went to clients."""
        self._to = to
        self._is_cut = threading.Event()
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def cut(self) -> None:
        """Cut the line for ever."""
        self._is_cut.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _carry(self) -> None:
        with contextlib.ExitStack() as stack, selectors.DefaultSelector() as ready:
            stack.enter_context(self._listener)
            ready.register(self._listener, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in ready.select(0.02):
                    if self._is_cut.is_set():
                        self._ended.wait()
                        return
                    if key.data is None:
                        self._join(stack, ready)
                    else:
                        self._hand_on(ready, key)

    def _join(self, stack: contextlib.ExitStack, ready: selectors.BaseSelector) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._to))
        stack.enter_context(client)
        stack.enter_context(server)
        ready.register(client, selectors.EVENT_READ, (server, 0))
        ready.register(server, selectors.EVENT_READ, (client, 1))

    def _hand_on(self, ready: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        source = key.fileobj
        target, counts = key.data
        assert isinstance(source, socket.socket)
        try:
            data = source.recv(65536)
            self.received += len(data) * counts
            if data:
                target.sendall(data)
                return
        except OSError:
            pass
        ready.unregister(source)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

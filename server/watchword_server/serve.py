"""Start, listen, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from aiohttp import web

from watchword_server import sockets
from watchword_server.app import create_app
from watchword_server.bootstrap import bootstrap, prepare
from watchword_server.datadir import prepare_data_dir
from watchword_server.greeting import Greeting
from watchword_server.ledger import Ledger
from watchword_server.logs import AccessLogger, HttpLogger, access_logger
from watchword_server.seal import FILE_NAME, Keyring
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from watchword_server.dotenv import Configured
    from watchword_server.settings import Settings

KEEPALIVE_SECONDS = 15
"""How long an idle connection, or one that never finishes its headers, is kept."""

SHUTDOWN_SECONDS = 10
"""How long requests in flight may take once the server was told to stop."""

_LINGERING_SECONDS = 2
_MAX_LINE = 2048
_MAX_FIELD = 4096
_MAX_HEADERS = 64

_logger = logging.getLogger(__name__)


def make_runner(app: web.Application) -> web.AppRunner:
    """A runner with this server's limits: the same in production and in tests."""
    return web.AppRunner(
        app,
        access_log_class=AccessLogger,
        access_log=access_logger,
        logger=HttpLogger(),
        # A compressed body is refused, not unpacked.
        auto_decompress=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
        lingering_time=_LINGERING_SECONDS,
        max_line_size=_MAX_LINE,
        max_field_size=_MAX_FIELD,
        max_headers=_MAX_HEADERS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


def serve(
    settings: Settings,
    configured: Configured,
    *,
    clock: Callable[[], float],
    announce: Callable[[Greeting], None],
    stop_on_eof: bool = False,
) -> None:
    """Serve until SIGTERM, SIGINT or, if asked, the end of standard input.

    Requests in flight get their answers first; then the database is closed.

    Args:
        settings: Where to listen and how to check.
        configured: The key and the token of the prototype's settings.
        clock: Unix seconds.
        announce: Called once, when the server listens.
        stop_on_eof: Whether the end of standard input stops the server.

    Raises:
        UserError: The port or the data folder cannot be used.
        StoreError: The database cannot be used.
    """
    # The port first: a first token must not be made for a server that will not start.
    bound = sockets.bind(settings.host, settings.port)
    try:
        database = prepare_data_dir(settings.data_path)

        async def run() -> None:
            stop = _stop_signal(stop_on_eof=stop_on_eof)
            async with _started(settings, configured, clock, bound, database) as greeting:
                _collect_garbage_less_often()
                announce(greeting)
                await stop.wait()
                _logger.info("stopping")

        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run())
    finally:
        sockets.close(bound)


@contextlib.asynccontextmanager
async def _started(
    settings: Settings,
    configured: Configured,
    clock: Callable[[], float],
    bound: Sequence[socket.socket],
    database: Path,
) -> AsyncIterator[Greeting]:
    async with contextlib.AsyncExitStack() as stack:
        store = await SqliteStore.open(database)
        stack.push_async_callback(store.close)
        keyring = Keyring(settings.data_path / FILE_NAME, os.environ)
        await prepare(store, keyring)
        ledger = Ledger(store, keyring, clock=clock)
        done = await bootstrap(ledger, configured)
        runner = make_runner(
            create_app(
                ledger=ledger,
                clock=clock,
                window=settings.window,
                issuer=settings.issuer,
                configured_tokens=() if configured.token is None else (configured.token,),
            )
        )
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        for each in bound:
            await web.SockSite(runner, each).start()
        if not all(map(sockets.is_loopback, bound)):
            _logger.warning(
                "other machines can reach %s without TLS: tokens and codes can be read on the way;"
                " put a TLS proxy before it",
                settings.host,
            )
        yield Greeting(
            url=sockets.url_of(bound[0]),
            database=database,
            activation=done.activation,
            token=done.first_token,
            has_token=done.has_token,
        )


def _collect_garbage_less_often() -> None:
    """Look for cycles after 50,000 new objects, not after 700, and never among those of the start.

    A request leaves hardly a cycle behind; looking for them took a twelfth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def _stop_signal(*, stop_on_eof: bool) -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stop_on_eof:
        # A thread, since standard input may be a file, which event loops cannot wait for.
        threading.Thread(target=_await_eof, args=(loop, stop), daemon=True).start()
    return stop


def _await_eof(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(sys.__stdin__.fileno() if sys.__stdin__ else -1, 4096):
            pass
    # The loop is closed when something else stopped the server first.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop that is installed: uvloop's, or None for asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an extra that need not be there
    except ImportError:
        return None
    return uvloop.new_event_loop

"""Start, listen, reload, stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from watchword_server import sockets
from watchword_server.app import create_app
from watchword_server.appkeys import READINESS
from watchword_server.connections import MAX_CONNECTIONS, Listener, Runner
from watchword_server.datadir import hold, prepare_data_dir
from watchword_server.edge import Edge
from watchword_server.greeting import Greeting
from watchword_server.ledger import Ledger
from watchword_server.listening import bound
from watchword_server.middleware.errors import where_of
from watchword_server.opening import make_ready, make_ready_in_time
from watchword_server.preflight import refuse_unsound
from watchword_server.presence import present
from watchword_server.reloading import reload_on_hangup
from watchword_server.seal import Keyring
from watchword_server.stopping import stop_signal
from watchword_server.store.protocol import StoreError
from watchword_server.stores import open_store, where_it_is
from watchword_server.systemd import Notifier
from watchword_server.tls import Tls, tls_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from aiohttp import web

    from watchword_server.bootstrap import Bootstrapped
    from watchword_server.dotenv import Configured
    from watchword_server.seat import Seat
    from watchword_server.settings import Settings

_DAY = 86_400.0

_logger = logging.getLogger(__name__)


def make_runner(app: web.Application, *, max_connections: int = MAX_CONNECTIONS) -> Runner:
    """A runner with this server's limits: the same in production and in tests."""
    return Runner(app, max_connections=max_connections)


def serve(
    settings: Settings,
    configured: Configured,
    *,
    clock: Callable[[], float],
    announce: Callable[[Greeting], None],
    stop_on_eof: bool = False,
) -> None:
    """Serve until SIGTERM, SIGINT or, if asked, the end of standard input; SIGHUP reads TLS files again.

    Requests in flight get their answers first; then the database is closed.

    Args:
        settings: Where to listen and how to check.
        configured: The key and the token of the prototype's settings.
        clock: Unix seconds.
        announce: Called when the server listens, and again if it was not ready then and is later.
        stop_on_eof: Whether the end of standard input stops the server.

    Raises:
        UserError: The interpreter, the sockets, the TLS files or the data folder cannot be used.
        StoreError: The database cannot be used.
    """
    refuse_unsound(os.environ)
    files = tls_files(settings)
    tls = None if files is None else Tls(files)
    notifier = Notifier(os.environ)
    # The sockets first: a first token must not be made for a server that will not start.
    with bound(settings) as found:
        prepare_data_dir(settings.data_path)

        async def run() -> None:
            asyncio.get_running_loop().set_exception_handler(log_stray)
            stop = stop_signal(stop_on_eof=stop_on_eof)
            async with contextlib.AsyncExitStack() as stack:
                greeting, runner = await stack.enter_async_context(
                    started(settings, configured, clock, found.sockets, tls, announce)
                )
                stack.enter_context(present(settings.data_path, greeting.url, settings.public_url))
                reload_on_hangup(tls, notifier)
                collect_garbage_less_often()
                warn_root()
                announce(greeting)
                notifier.ready()
                async with notifier.watchdog():
                    await stop.wait()
                runner.app[READINESS].stop()
                notifier.stopping()
                _logger.info("stopping")

        with asyncio.Runner(loop_factory=loop_factory()) as loop_runner:
            loop_runner.run(run())


@contextlib.asynccontextmanager
async def started(  # noqa: PLR0913, PLR0917 - each is made before the loop runs
    settings: Settings,
    configured: Configured,
    clock: Callable[[], float],
    bound: Sequence[socket.socket],
    tls: Tls | None,
    announce: Callable[[Greeting], None],
    seat: Seat | None = None,
) -> AsyncIterator[tuple[Greeting, Runner]]:
    """Open the database and listen, until the block ends.

    Args:
        settings: How to check.
        configured: The key and the token of the prototype's settings.
        clock: Unix seconds.
        bound: Where to listen.
        tls: What to listen with; None for plain HTTP.
        announce: Called if the server was not ready at first and is later.
        seat: Which of several workers this process is; None if it is the only one.

    Raises:
        UserError: The data folder cannot be used.
        StoreError: The database cannot be used.
    """
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(hold(settings.data_path))
        store = await open_store(settings, clock=clock)
        stack.push_async_callback(store.close)
        ledger = Ledger(store, Keyring(settings.sealing_keys_path, os.environ), clock=clock)
        done = await make_ready(ledger, configured)
        runner = make_runner(
            create_app(
                ledger=ledger,
                clock=clock,
                window=settings.window,
                issuer=settings.issuer,
                configured_tokens=() if configured.token is None else (configured.token,),
                audit_retention=settings.audit_retention_days * _DAY or None,
                edge=Edge(
                    trusted_proxies=settings.trusted_proxies,
                    cors_origins=settings.cors_origins,
                    refusals_per_minute=settings.refusals_per_minute,
                    hsts=tls is not None,
                    public_url=settings.public_url,
                    data_path=settings.data_path,
                ),
                seat=seat,
            ),
            max_connections=settings.max_connections,
        )
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        for each in bound:
            # A Unix socket does not leave the machine.
            is_plain = tls is None or each.family == socket.AF_UNIX
            await Listener(runner, each, None if is_plain or tls is None else tls.context).start()
        url = sockets.url_of(bound[0], secure=tls is not None)
        greeting = Greeting(url=url, database=where_it_is(settings), done=done)
        if isinstance(done, StoreError):
            _logger.error("not ready: %s", done)
            waiting = asyncio.create_task(make_ready_in_time(ledger, configured), name="opening")
            stack.callback(waiting.cancel)

            def announce_again(task: asyncio.Task[Bootstrapped]) -> None:
                if not task.cancelled():
                    announce(Greeting(url=url, database=where_it_is(settings), done=task.result()))

            waiting.add_done_callback(announce_again)
        yield greeting, runner


def log_stray(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what nobody caught, as a failed TLS handshake: where it came from, not what it says."""
    error = context.get("exception")
    said = "" if error is None else f": {where_of(error)}"
    if isinstance(error, OSError):
        # What the other side of a connection did.
        _logger.info("a connection failed: %s", type(error).__name__)
    else:
        _logger.error("%s%s", context["message"], said)


def warn_root() -> None:
    """Log it if the server is root."""
    if os.geteuid() == 0:
        _logger.warning("runs as root, which it need not; run it as a user of its own")


def collect_garbage_less_often() -> None:
    """Look for cycles after 50,000 new objects, not after 700, and never among those of the start.

    A request leaves hardly a cycle behind; looking for them took a twelfth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop that is installed: uvloop's, or None for asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an extra that need not be there
    except ImportError:
        return None
    return uvloop.new_event_loop

"""`serve --workers N`: one address, several processes behind it."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
import time
from typing import TYPE_CHECKING

import msgspec

from watchword_server import sockets
from watchword_server.datadir import hold, prepare_data_dir
from watchword_server.errors import UserError
from watchword_server.greeting import Greeting
from watchword_server.listening import bound
from watchword_server.preflight import refuse_unsound
from watchword_server.presence import present
from watchword_server.reloading import reload_on_hangup
from watchword_server.serve import log_stray, warn_root
from watchword_server.stopping import stop_signal
from watchword_server.systemd import Notifier
from watchword_server.tls import Tls, tls_files
from watchword_server.workers.hand import Hand, worker_command
from watchword_server.workers.messages import Address, Made, NotReady, Start
from watchword_server.workers.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_server.dotenv import Configured
    from watchword_server.listening import Bound
    from watchword_server.settings import Settings

_logger = logging.getLogger(__name__)


def serve_with_workers(
    settings: Settings,
    configured: Configured,
    *,
    announce: Callable[[Greeting], None],
    stop_on_eof: bool = False,
) -> None:
    """Serve with several processes until SIGTERM, SIGINT or, if asked, the end of standard input.

    Args:
        settings: Where to listen, how to check, and how many processes.
        configured: The key and the token of the prototype's settings.
        announce: Called when all workers listen, and again if the database was not ready then and is
            later.
        stop_on_eof: Whether the end of standard input stops the server.

    Raises:
        UserError: The settings, the sockets, the TLS files or the data folder cannot be used.
        StoreError: The database cannot be used.
        GaveUpError: Workers end as soon as they start, again and again.
    """
    if settings.store is None:
        message = (
            f"--workers {settings.workers} needs --store postgresql://...: a SQLite file has one writer,"
            " and one process, which shares each sync of the disk among all checks that wait, is faster"
            " than several that take turns (docs/scaling.md); leave --workers out"
        )
        raise UserError(message)
    supervise(settings, configured, announce=announce, stop_on_eof=stop_on_eof)


def supervise(
    settings: Settings,
    configured: Configured,
    *,
    announce: Callable[[Greeting], None],
    stop_on_eof: bool = False,
) -> None:
    """Do so on whatever database the settings name; see `serve_with_workers`."""
    refuse_unsound(os.environ)
    files = tls_files(settings)
    tls = None if files is None else Tls(files)
    notifier = Notifier(os.environ)
    with bound(settings) as found:
        prepare_data_dir(settings.data_path)
        url = sockets.url_of(found.sockets[0], secure=tls is not None)
        start_of = _starts(settings, configured, found)

        def greet(database: str, state: Made | NotReady) -> None:
            done = state.done if isinstance(state, Made) else state.error()
            announce(Greeting(url=url, database=database, done=done))

        async def run() -> None:
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(log_stray)
            stop = stop_signal(stop_on_eof=stop_on_eof)
            was_told = False

            def opened(made: Made) -> None:
                # The first to find it says so, and whoever made a token while it was at it.
                nonlocal was_told
                if supervisor.first is not None and (not was_told or made.done.first_token):
                    was_told = True
                    greet(supervisor.first.database, made)

            async def launch(number: int) -> Hand:
                return await Hand.start(
                    start_of(number),
                    command=worker_command,
                    environment=os.environ,
                    clock=time.monotonic,
                )

            supervisor = Supervisor(settings.workers, launch=launch, clock=time.monotonic, opened=opened)
            async with supervisor:
                await supervisor.until(supervisor.prepared, stop)
                if found.is_ours:
                    # The first worker listens in its place, and keeps others away.
                    sockets.close(found.sockets)
                await supervisor.until(supervisor.complete, stop)
                if not stop.is_set() and supervisor.first is not None:
                    with present(settings.data_path, url, settings.public_url):
                        reload_on_hangup(tls, notifier, supervisor.reload)
                        warn_root()
                        greet(supervisor.first.database, supervisor.first.found)
                        notifier.ready()
                        async with notifier.watchdog(supervisor.all_answer):
                            await supervisor.until(stop)
                notifier.stopping()
                _logger.info("stopping")

        with hold(settings.data_path):
            asyncio.run(run())


def _starts(settings: Settings, configured: Configured, found: Bound) -> Callable[[int], Start]:
    """What each worker is told."""
    share = math.ceil(settings.max_connections / settings.workers)
    settings = msgspec.structs.replace(settings, max_connections=share)
    addresses: list[Address] = []
    descriptors: list[int] = []
    for each in found.sockets:
        if found.is_ours:
            # Now that it is certain that nobody else listens there, the workers may.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            addresses.append(Address(each.family, each.getsockname()))
        else:
            descriptors.append(each.fileno())
    key = configured.key

    def start_of(number: int) -> Start:
        return Start(
            number=number,
            settings=settings,
            addresses=addresses,
            descriptors=descriptors,
            secret=None if key is None else key.secret.base32(),
            token=configured.token,
        )

    return start_of

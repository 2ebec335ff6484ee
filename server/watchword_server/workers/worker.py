"""A worker: a server in a process of its own, which lives as long as its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from watchword_server import sockets
from watchword_server.appkeys import METRICS, READINESS
from watchword_server.datadir import prepare_data_dir
from watchword_server.errors import UserError
from watchword_server.logs import log_to_stderr
from watchword_server.preflight import refuse_unsound
from watchword_server.reloading import read_again
from watchword_server.routes.metrics import counted
from watchword_server.serve import collect_garbage_less_often, log_stray, loop_factory, started
from watchword_server.stopping import stop_signal
from watchword_server.store.protocol import StoreError
from watchword_server.tls import Tls, tls_files
from watchword_server.workers.messages import (
    BEAT_SECONDS,
    FIRST,
    Asking,
    Beat,
    Channel,
    Count,
    Counted,
    Failed,
    FromSupervisor,
    Listening,
    Made,
    NotReady,
    Opened,
    Reload,
    Reloaded,
    Start,
    Total,
    to_worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiohttp import web

    from watchword_server.exposition import Family
    from watchword_server.greeting import Greeting

_STANDARD_INPUT = 0
_EXIT_FAILED = 2


def main() -> int:
    """Serve until SIGTERM or the supervisor's end; the channel to it is standard input."""
    # Not as standard input any more, and not for anybody who is started from here.
    channel = os.dup(_STANDARD_INPUT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STANDARD_INPUT)
    os.close(nothing)
    try:
        end = socket.socket(fileno=channel)
    except OSError:
        sys.stderr.write("this is started by watchword-server serve --workers N\n")
        return _EXIT_FAILED
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_work(end))


async def _work(end: socket.socket) -> int:
    asyncio.get_running_loop().set_exception_handler(log_stray)
    stop = stop_signal(stop_on_eof=False)
    channel = await Channel.open(end, to_worker)
    start = await channel.receive()
    if not isinstance(start, Start):
        # The supervisor has ended meanwhile.
        return 0
    settings = start.settings
    log_to_stderr(access_log=settings.access_log, log_format=settings.log_format, worker=start.number)
    beating = asyncio.create_task(_beat(channel), name="beat")
    try:
        refuse_unsound(os.environ)
        await Worker(channel, start).serve(stop)
    except UserError as error:
        channel.send(Failed(str(error), None))
        return _EXIT_FAILED
    except StoreError as error:
        channel.send(Failed(str(error), error.cause))
        return _EXIT_FAILED
    finally:
        beating.cancel()
        await channel.close()
    return 0


async def _beat(channel: Channel[FromSupervisor]) -> None:
    while True:
        channel.send(Beat())
        await asyncio.sleep(BEAT_SECONDS)


class Worker:
    """Serves, and does what the supervisor says. It is a `Seat`."""

    def __init__(self, channel: Channel[FromSupervisor], start: Start) -> None:
        """Begin with what `start` tells."""
        self._channel = channel
        self._start = start
        files = tls_files(start.settings)
        self._tls = None if files is None else Tls(files)
        self._app: web.Application | None = None
        self._asked = 0
        self._questions: dict[int, asyncio.Future[Sequence[Family]]] = {}
        self._counting: set[asyncio.Task[None]] = set()

    @property
    def number(self) -> int:
        """Which worker, from 1."""
        return self._start.number

    @property
    def is_first(self) -> bool:
        """Whether it is the one that starts first."""
        return self.number == FIRST

    async def totals(self, own: Sequence[Family]) -> Sequence[Family]:
        """What all workers have counted together; `own` alone while all of them end."""
        self._asked += 1
        question = self._asked
        answer = self._questions[question] = asyncio.get_running_loop().create_future()
        try:
            self._channel.send(Asking(question, list(own)))
            return await answer or own
        finally:
            del self._questions[question]

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, which the supervisor's end sets, too.

        Raises:
            UserError: The sockets, the TLS files or the data folder cannot be used.
            StoreError: The database cannot be used.
        """
        settings = self._start.settings
        # The supervisor passes its own on; one that is sent here does no harm.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, read_again, self._tls)
        obeying = asyncio.create_task(self._obey(stop), name="supervisor")
        try:
            with _bound(self._start) as bound:
                prepare_data_dir(settings.data_path)
                async with started(
                    settings,
                    self._start.configured,
                    time.time,
                    bound,
                    self._tls,
                    self._announce_again,
                    self,
                ) as (greeting, runner):
                    self._app = runner.app
                    collect_garbage_less_often()
                    self._channel.send(Listening(greeting.database, _found(greeting)))
                    await stop.wait()
                    runner.app[READINESS].stop()
                # What was counted to the last.
                self._channel.send(Counted(runner.app[METRICS].families()))
        finally:
            obeying.cancel()

    def _announce_again(self, greeting: Greeting) -> None:
        found = _found(greeting)
        if isinstance(found, Made):
            self._channel.send(Opened(found))

    async def _obey(self, stop: asyncio.Event) -> None:
        while (message := await self._channel.receive()) is not None:
            match message:
                case Count():
                    task = asyncio.create_task(self._count(), name="count")
                    self._counting.add(task)
                    task.add_done_callback(self._counting.discard)
                case Total(question, families):
                    self._answer(question, families)
                case Reload():
                    read_again(self._tls)
                    self._channel.send(Reloaded())
                case Start():
                    # Said once, before.
                    pass
        for question in self._questions:
            self._answer(question, [])
        stop.set()

    async def _count(self) -> None:
        if self._app is not None:
            self._channel.send(Counted(list(await counted(self._app))))

    def _answer(self, question: int, families: Sequence[Family]) -> None:
        answer = self._questions.get(question)
        # Whoever asked may have gone.
        if answer is not None and not answer.done():
            answer.set_result(families)


def _found(greeting: Greeting) -> Made | NotReady:
    if isinstance(greeting.done, StoreError):
        return NotReady.of(greeting.done)
    return Made(greeting.done)


@contextlib.contextmanager
def _bound(start: Start) -> Iterator[Sequence[socket.socket]]:
    found: list[socket.socket] = []
    try:
        for number in start.descriptors:
            found.append(socket.socket(fileno=number))
            found[-1].set_inheritable(False)
        found += [sockets.bind_beside(address.family, address.name) for address in start.addresses]
        yield found
    finally:
        sockets.close(found)


if __name__ == "__main__":
    sys.exit(main())

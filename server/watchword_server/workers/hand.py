"""One worker, as its supervisor has it: a process, and the channel to it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from typing import TYPE_CHECKING

from watchword_server.workers.messages import Channel, FromWorker, to_supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword_server.workers.messages import FromSupervisor, Start

_NOT_FOR_WORKERS = {
    *("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"),
    *("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"),
}
"""Variables by which systemd talks to the supervisor alone."""


def worker_command(number: int) -> Sequence[str]:
    """What to run as worker `number`; the number is there for people who look at the processes.

    A fresh interpreter, and no fork: nothing of the supervisor's state, threads or open files is in it.
    And not by `multiprocessing`, which pickles, and has helpers of its own to look after. `-P`, for the
    folder it is started in is not to be searched for modules.
    """
    return [sys.executable, "-P", "-m", "watchword_server.workers.worker", str(number)]


START_SECONDS = 40.0
"""How long an interpreter may take to start on a busy machine, beside what any silence may last."""


class Hand:
    """A worker that was started."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        channel: Channel[FromWorker],
        number: int,
        clock: Callable[[], float],
    ) -> None:
        """`clock` gives seconds; `start` makes the rest."""
        self._process = process
        self._channel = channel
        self._clock = clock
        self.number = number
        self.listens = False
        """Whether it answers requests."""
        self._heard_at = clock() + START_SECONDS

    @classmethod
    async def start(
        cls,
        start: Start,
        *,
        command: Callable[[int], Sequence[str]],
        environment: Mapping[str, str],
        clock: Callable[[], float],
    ) -> Hand:
        """Start a process and tell it `start`.

        Args:
            start: What it is to know; it inherits the descriptors that are named there.
            command: What to run, by the worker's number; its standard input is the channel.
            environment: Its environment.
            clock: Seconds.

        Raises:
            OSError: The machine has no room for another process.
        """
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *command(start.number),
                stdin=theirs.fileno(),
                # What is said there is said by the supervisor.
                stdout=asyncio.subprocess.DEVNULL,
                env={name: text for name, text in environment.items() if name not in _NOT_FOR_WORKERS},
                pass_fds=start.descriptors,
                # Ctrl+C at a terminal is for the supervisor, which tells the others.
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        channel = await Channel.open(ours, to_supervisor)
        channel.send(start)
        return cls(process, channel, start.number, clock)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send(self, message: FromSupervisor) -> None:
        """Tell the worker something, if it is there to hear it."""
        self._channel.send(message)

    async def receive(self) -> FromWorker | None:
        """What it says next; None when it has ended, or nearly."""
        message = await self._channel.receive()
        self._heard_at = self._clock()
        return message

    def silent_for(self) -> float:
        """Seconds since it was heard last; less than 0 while it may still be starting."""
        return self._clock() - self._heard_at

    def tell_to_stop(self) -> None:
        """Have it answer what it was asked, and end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    async def ended(self) -> str:
        """Wait until the process has ended; how, in words."""
        status = await self._process.wait()
        await self._channel.close()
        if status >= 0:
            return f"ended with exit status {status}"
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-status).name}"
        return f"ended by signal {-status}"

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

"""Workers that do what a test says, their supervisor, and a clock that only the test moves.

crew = Crew(2)
async with crew.supervisor:
    await crew.all_listen()
    await crew.started[0].end()
    await crew.time.advance(1)           # and another one starts
"""

from __future__ import annotations

import asyncio
import heapq
import itertools

from watchword_server.bootstrap import Activation, Bootstrapped
from watchword_server.workers.hand import Hand
from watchword_server.workers.messages import FromSupervisor, FromWorker, Listening, Made
from watchword_server.workers.supervisor import Supervisor

MADE = Made(Bootstrapped(Activation.KEPT, None, has_token=True))
LISTENING = Listening("db", MADE)


class Time:
    """Seconds that only a test moves, and those who wait for them."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self.now + seconds, next(self._order), done))
        await done

    async def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._waiting and self._waiting[0][0] <= until:
            when, _, done = heapq.heappop(self._waiting)
            self.now = max(self.now, when)
            if not done.done():
                done.set_result(None)
            await settled()
        self.now = max(self.now, until)
        await settled()


async def settled() -> None:
    """Let everybody do what there is to do."""
    for _ in range(30):
        await asyncio.sleep(0)


class StandIn(Hand):
    """A worker that does what the test says."""

    def __init__(self, number: int, time: Time) -> None:
        self.number = number
        self.listens = False
        self._heard_at = time()
        self.told: list[FromSupervisor | str] = []
        self.is_stubborn = False
        self._clock = time
        self._said: asyncio.Queue[FromWorker | None] = asyncio.Queue()
        self._how = ""

    @property
    def pid(self) -> int:
        return 4000 + self.number

    async def say(self, *messages: FromWorker) -> None:
        for message in messages:
            self._said.put_nowait(message)
        await settled()

    async def end(self, how: str = "ended by SIGKILL") -> None:
        self._how = how
        self._said.put_nowait(None)
        await settled()

    def send(self, message: FromSupervisor) -> None:
        self.told.append(message)

    async def receive(self) -> FromWorker | None:
        message = await self._said.get()
        self._heard_at = self._clock()
        return message

    def tell_to_stop(self) -> None:
        self.told.append("stop")
        if not self.is_stubborn:
            self._said.put_nowait(None)

    def kill(self) -> None:
        self.told.append("kill")
        self._how = "ended by SIGKILL"
        self._said.put_nowait(None)

    async def ended(self) -> str:
        return self._how


class Crew:
    """A supervisor of stand-ins."""

    def __init__(self, count: int) -> None:
        self.time = Time()
        self.started: list[StandIn] = []
        self.opened: list[Made] = []
        self.is_full = False
        self.supervisor = Supervisor(
            count,
            launch=self._launch,
            clock=self.time,
            sleep=self.time.sleep,
            opened=self.opened.append,
        )

    async def _launch(self, number: int) -> Hand:
        if self.is_full:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.started.append(StandIn(number, self.time))
        return self.started[-1]

    async def all_listen(self) -> None:
        await settled()
        for _ in range(2):
            for hand in self.started:
                if not hand.listens:
                    await hand.say(LISTENING)

    @property
    def numbers(self) -> list[int]:
        return [hand.number for hand in self.started]

    async def verdict(self) -> None:
        """Raise what the supervisor has come to."""
        await self.supervisor.until(asyncio.Event())

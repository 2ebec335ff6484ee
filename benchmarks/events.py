"""Discrete events: things that take time, done one after the other on a clock that is only counted.

What happens is written as generators; each `yield` gives something to wait for:

    def customer(till: Worker) -> Activity:
        yield pause(2.0)
        yield till.work(0.5)
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import TypeAlias

Resume: TypeAlias = Callable[[], None]
Wait: TypeAlias = Callable[[Resume], None]
"""Something to wait for: it is given what to call then."""
Activity: TypeAlias = Generator[Wait, None, None]


class World:
    """The clock, and what is due when. Equal times go by the order in which they were asked for."""

    def __init__(self) -> None:
        """Begin at 0."""
        self.now = 0.0
        """Seconds."""
        self._due: list[tuple[float, int, Resume]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, do: Resume) -> None:
        """Have something done later."""
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), do))

    def pause(self, seconds: float) -> Wait:
        """Wait for some time to pass, which costs nobody anything."""
        return lambda resume: self.after(seconds, resume)

    def start(self, activity: Activity) -> None:
        """Begin something at once."""

        def resume() -> None:
            for wait in activity:
                wait(resume)
                return

        resume()

    def run(self, until: float) -> None:
        """Let time pass until a moment, seconds, or until nothing is due."""
        while self._due and self._due[0][0] <= until:
            self.now, _, do = heapq.heappop(self._due)
            do()
        self.now = until


class Machine:
    """Cores that whoever is ready gets in turns, a piece of work at a time."""

    def __init__(self, world: World, cores: int) -> None:
        """Have so many cores, 1 or more."""
        self._world = world
        self._idle = cores
        self._ready: deque[Worker] = deque()
        self.busy = 0.0
        """Seconds of all its cores that were used."""

    def ready(self, worker: Worker) -> None:
        """Have a worker wait for a core."""
        self._ready.append(worker)
        self._give()

    def _give(self) -> None:
        while self._idle and self._ready:
            self._idle -= 1
            worker = self._ready.popleft()
            seconds, done = worker.next_piece()
            self.busy += seconds
            self._world.after(seconds, partial(self._end, worker, done))

    def _end(self, worker: Worker, done: Resume) -> None:
        self._idle += 1
        done()
        worker.piece_ended()
        self._give()


class Worker:
    """A process of one thread on a machine: it does one piece of work at a time."""

    def __init__(self, machine: Machine) -> None:
        """Have nothing to do."""
        self._machine = machine
        self._pieces: list[tuple[int, int, float, Resume]] = []
        self._numbers = itertools.count()
        self._is_working = False

    def work(self, seconds: float, *, when_idle: bool = False) -> Wait:
        """Wait until it has worked so long; `when_idle`: after all else that there is to do then."""

        def ask(resume: Resume) -> None:
            piece = int(when_idle), next(self._numbers), seconds, resume
            heapq.heappush(self._pieces, piece)
            if not self._is_working:
                self._is_working = True
                self._machine.ready(self)

        return ask

    def next_piece(self) -> tuple[float, Resume]:
        """What it does now that it has a core."""
        _, _, seconds, done = heapq.heappop(self._pieces)
        return seconds, done

    def piece_ended(self) -> None:
        """Go on with what is left."""
        self._is_working = bool(self._pieces)
        if self._is_working:
            self._machine.ready(self)


class Log:
    """A write-ahead log: all that waits is flushed together, once the flush under way has ended."""

    def __init__(self, world: World, flush_seconds: Callable[[], float]) -> None:
        """Flush as long as `flush_seconds` says each time."""
        self._world = world
        self._flush_seconds = flush_seconds
        self._waiting: list[Resume] = []
        self._is_flushing = False
        self.flushes = 0
        """How often the disk was waited for."""

    def flushed(self) -> Wait:
        """Wait until what was written before now is on disk."""

        def ask(resume: Resume) -> None:
            self._waiting.append(resume)
            if not self._is_flushing:
                self._flush()

        return ask

    def _flush(self) -> None:
        together, self._waiting = self._waiting, []
        self._is_flushing = True
        self.flushes += 1

        def ended() -> None:
            self._is_flushing = False
            for resume in together:
                resume()
            if self._waiting and not self._is_flushing:
                self._flush()

        self._world.after(self._flush_seconds(), ended)

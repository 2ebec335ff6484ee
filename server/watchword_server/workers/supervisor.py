"""Starts the workers, keeps them up, and ends them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from watchword_server.errors import GaveUpError, UserError
from watchword_server.exposition import Family, Sample
from watchword_server.store.protocol import StoreError
from watchword_server.workers.backoff import Backoff
from watchword_server.workers.messages import (
    BEAT_SECONDS,
    FIRST,
    Asking,
    Beat,
    Count,
    Counted,
    Failed,
    Listening,
    Opened,
    Reload,
    Reloaded,
    Total,
)
from watchword_server.workers.totals import Totals, added

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType

    from watchword_server.workers.hand import Hand
    from watchword_server.workers.messages import FromWorker, Made

PATIENCE_SECONDS = 20.0
"""A worker that was not heard for this long is killed. Less than the WatchdogSec= of our unit."""

STOP_SECONDS = 25.0
"""How long workers may take to end before they are killed. Less than the TimeoutStopSec= of our unit."""

MAX_IN_VAIN = 5
"""How often in a row a worker may end before it listens, if none of the others listens either."""

REPLY_SECONDS = 2.0
"""How long to wait for what workers are asked."""

_logger = logging.getLogger(__name__)


class Supervisor:
    """A context in which workers run. The first one starts alone, to make what the database needs."""

    def __init__(  # noqa: PLR0913 - all by name
        self,
        count: int,
        *,
        launch: Callable[[int], Awaitable[Hand]],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        opened: Callable[[Made], None],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Make one for `count` workers.

        Args:
            count: How many workers to keep up, at least 1.
            launch: Starts a worker, by its number from 1; may raise OSError.
            clock: Seconds, from anywhere on.
            sleep: Waits for so many seconds.
            opened: Called when the database is ready that was not when workers began to listen.
            patience: Seconds for which a worker may be silent.
        """
        self._numbers = range(FIRST, FIRST + count)
        self._launch = launch
        self._clock = clock
        self._sleep = sleep
        self._opened = opened
        self._patience = patience
        self._hands: dict[int, Hand] = {}
        self._failures: dict[int, Failed] = {}
        self._totals = Totals()
        self._restarts = 0
        self._replies: dict[tuple[int, type[FromWorker]], list[asyncio.Future[None]]] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._others: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self.first: Listening | None = None
        """What the first one that listened said; set before either event."""
        self.prepared = asyncio.Event()
        """Set when one listens, and so the database is as it has to be."""
        self.complete = asyncio.Event()
        """Set when all of them listen for the first time."""

    async def __aenter__(self) -> Self:
        self._keepers = [
            asyncio.create_task(self._keep(number), name=f"worker {number}") for number in self._numbers
        ]
        self._spawn(self._watch())
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Have the workers answer what they were asked, and wait for their end."""
        self._ending.set()
        self.prepared.set()
        for hand in self._hands.values():
            hand.tell_to_stop()
        await self._within(STOP_SECONDS, asyncio.wait(self._keepers))
        for hand in self._hands.values():
            _logger.error("worker %d does not end; it is killed", hand.number)
            hand.kill()
        # What more of them have failed with meanwhile is of no interest.
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for task in self._others:
            task.cancel()

    async def until(self, *events: asyncio.Event) -> None:
        """Wait until one of the events is set.

        Raises:
            UserError: The first worker found that this cannot work.
            StoreError: So, of the database.
            GaveUpError: Workers end as soon as they start, again and again.
        """
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait([*waiting, *self._keepers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        for keeper in self._keepers:
            if keeper.done():
                # They end by themselves only so.
                keeper.result()

    def all_answer(self) -> bool:
        """Tell whether every worker that runs was heard of late."""
        return all(hand.silent_for() <= self._patience for hand in self._hands.values())

    async def reload(self) -> None:
        """Have those that listen read the TLS files again, and wait until they have."""
        await self._ask(self._listening(), Reload(), Reloaded)

    async def _keep(self, number: int) -> None:
        """Start worker `number` again and again, until all are to end."""
        if number != FIRST:
            await self.prepared.wait()
        backoff = Backoff()
        while not self._ending.is_set():
            began, listened = self._clock(), False
            try:
                hand = await self._launch(number)
            except OSError as error:
                how = f"could not be started: {error.strerror}"
            else:
                how = await self._attend(hand)
                listened = hand.listens
            if self._ending.is_set():
                return
            failure = self._failures.pop(number, None)
            if failure is not None:
                if not self.complete.is_set():
                    raise _error_of(failure)
                how += f": {failure.message}"
            wait = backoff.ended(listened=listened, lived=self._clock() - began)
            is_up = self.complete.is_set() and any(True for _ in self._listening())
            if backoff.in_vain >= MAX_IN_VAIN and not is_up:
                message = (
                    f"worker {number} {how}, {MAX_IN_VAIN} times in a row before it listened;"
                    " see the log for why, or run with --workers 1"
                )
                raise GaveUpError(message)
            _logger.error("worker %d %s; it is started again in %d s", number, how, wait)
            self._restarts += 1
            await self._within(wait, self._ending.wait())

    async def _attend(self, hand: Hand) -> str:
        """Listen to a worker until it has ended; tell how."""
        self._hands[hand.number] = hand
        try:
            if self._ending.is_set():
                hand.tell_to_stop()
            while (message := await hand.receive()) is not None:
                self._heard(hand, message)
            return await hand.ended()
        finally:
            del self._hands[hand.number]
            self._totals.ended(hand.number)
            for kind in (Counted, Reloaded):
                self._replied(hand.number, kind)

    def _heard(self, hand: Hand, message: FromWorker) -> None:
        match message:
            case Beat():
                pass
            case Listening():
                self._listens(hand, message)
            case Opened(found):
                self._opened(found)
            case Failed():
                self._failures[hand.number] = message
            case Counted(families):
                self._totals.heard(hand.number, families)
                self._replied(hand.number, Counted)
            case Asking():
                self._spawn(self._tell_total(hand, message))
            case Reloaded():
                self._replied(hand.number, Reloaded)

    def _listens(self, hand: Hand, message: Listening) -> None:
        hand.listens = True
        if self.first is None:
            self.first = message
        self.prepared.set()
        if self.complete.is_set():
            _logger.info("worker %d is back, as process %d", hand.number, hand.pid)
        elif len(list(self._listening())) == len(self._numbers):
            self.complete.set()

    async def _tell_total(self, asking: Hand, message: Asking) -> None:
        self._totals.heard(asking.number, message.families)
        others = [hand for hand in self._listening() if hand is not asking]
        # What one does not tell in time is taken as it was told last.
        await self._ask(others, Count(), Counted)
        total = added([self._totals.sum(), self._own_families()])
        asking.send(Total(message.question, total))

    async def _ask(
        self, hands: Iterable[Hand], message: Count | Reload, reply: type[FromWorker]
    ) -> None:
        """Tell something to workers, and wait for a while until each has replied, or ended."""
        replies = []
        for hand in list(hands):
            hand.send(message)
            replies.append(asyncio.get_running_loop().create_future())
            self._replies.setdefault((hand.number, reply), []).append(replies[-1])
        if replies:
            await self._within(REPLY_SECONDS, asyncio.wait(replies))

    def _replied(self, number: int, kind: type[FromWorker]) -> None:
        for reply in self._replies.pop((number, kind), []):
            if not reply.done():
                reply.set_result(None)

    def _listening(self) -> Iterable[Hand]:
        return (hand for hand in self._hands.values() if hand.listens)

    def _own_families(self) -> list[Family]:
        """What only the supervisor knows."""
        up, restarts = "watchword_workers", "watchword_worker_restarts"
        count = float(len(list(self._listening())))
        return [
            Family(up, "gauge", "Workers that answer requests.", [Sample(up, {}, count)]),
            Family(
                restarts,
                "counter",
                "Workers started again because one had ended.",
                [Sample(f"{restarts}_total", {}, float(self._restarts))],
            ),
        ]

    async def _watch(self) -> None:
        """Kill workers that have fallen silent; their keepers start others."""
        looked_at = self._clock()
        while True:
            await self._sleep(BEAT_SECONDS)
            now = self._clock()
            # Whoever slept, as on a machine that was suspended, must not blame the others.
            slept = now - looked_at > self._patience / 2
            looked_at = now
            for hand in self._hands.values():
                if not slept and hand.silent_for() > self._patience:
                    _logger.error(
                        "worker %d was not heard for %d s; it is killed", hand.number, self._patience
                    )
                    hand.kill()

    async def _within(self, seconds: float, what: Awaitable[object]) -> None:
        """Wait for something, but no longer than so many seconds."""
        waiting = [asyncio.ensure_future(what), asyncio.ensure_future(self._sleep(seconds))]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)


def _error_of(failure: Failed) -> UserError | StoreError:
    if failure.cause is None:
        return UserError(failure.message)
    return StoreError(failure.message, failure.cause)

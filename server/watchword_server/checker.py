"""Collects the checks that wait into one batch: load, decide, commit, and only then answer.

A commit reaches the disk, which takes as long for one check as for a hundred. So while one batch is
being committed the next one gathers, and durability costs almost nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from watchword_server.sitting import Outcome, Question, Sitting
from watchword_server.store.records import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.ledger import Act, Ledger
    from watchword_server.metrics import Metrics
    from watchword_server.store.protocol import StoreError
    from watchword_server.store.records import Snapshot

MAX_BATCH = 256
"""Most checks in one transaction: bounds how long other processes wait for the database."""

_TURNS_TO_ARRIVE = 3
"""Turns of the event loop from bytes on a socket to a check that waits: read, parse, handle."""


class _Waiting(msgspec.Struct):
    question: Question
    answer: asyncio.Future[Outcome]


class Checker:
    """Checks codes against the keys of a store, each code accepted once."""

    def __init__(self, ledger: Ledger, *, window: int, metrics: Metrics) -> None:
        """Check against the keys of `ledger`; `window` is in steps either side."""
        self._ledger = ledger
        self._metrics = metrics
        self._window = window
        self._waiting: list[_Waiting] = []
        self._busy: set[str] = set()
        self._working: set[asyncio.Task[None]] = set()

    async def check(self, question: Question) -> Outcome:
        """Judge a code against the active key of that name.

        What was decided is on disk when this returns. Cancelling the caller does not undo it.

        Raises:
            StoreError: Nothing can be decided now, and nothing was accepted or counted.
        """
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(question, answer))
        if len(self._working) < self._ledger.store.lanes:
            self._working.add(asyncio.create_task(self._work(), name="checker"))
        return await answer

    async def drain(self) -> None:
        """Wait until every check that was asked for has its answer."""
        while self._working:
            await asyncio.wait(self._working)

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch = self._take()
                if not batch:
                    # Whoever has their keys in hand takes them next.
                    break
                names = {waiting.question.name for waiting in batch}
                self._busy |= names
                await self._settle(batch)
                self._busy -= names
        finally:
            # At once: whoever asks next has to see that nobody works.
            self._working = {task for task in self._working if task is not asyncio.current_task()}

    def _take(self) -> Sequence[_Waiting]:
        """The next batch: those that came first, of keys that no other batch is about."""
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        if self._busy:
            for waiting in self._waiting:
                is_next = len(batch) < MAX_BATCH and waiting.question.name not in self._busy
                (batch if is_next else later).append(waiting)
        else:
            batch, later = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        self._waiting = later
        return batch

    async def _gather(self) -> None:
        """Let checks that are on their way arrive: a commit for two of them costs as much as for all.

        Nobody waits for a clock: it ends when the event loop has nothing more to bring.
        """
        seen = 0
        while seen < len(self._waiting) < MAX_BATCH:
            seen = len(self._waiting)
            for _ in range(_TURNS_TO_ARRIVE):
                await asyncio.sleep(0)

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        questions = [waiting.question for waiting in batch]
        wanted = Wanted(
            names={question.name for question in questions},
            answers=[question.retry.digest for question in questions if question.retry is not None],
        )

        def decide(snapshot: Snapshot, now: float) -> tuple[Act, Sequence[Outcome | StoreError]]:
            # Runs in the store's thread, perhaps more than once.
            sitting = Sitting(self._ledger.keyring, snapshot, now, self._window)
            outcomes = [sitting.judge(question) for question in questions]
            return sitting.act(), outcomes

        outcomes: Sequence[Outcome | Exception]
        started = perf_counter()
        try:
            outcomes = await self._ledger.transact(wanted, decide)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who wait for it
            outcomes = [error] * len(batch)
        else:
            self._metrics.committed(len(batch), perf_counter() - started)
        verdicts: Counter[str] = Counter()
        for waiting, outcome in zip(batch, outcomes, strict=True):
            # A caller that has gone away must not take the others' answers along.
            if waiting.answer.done():
                continue
            if isinstance(outcome, Exception):
                waiting.answer.set_exception(outcome)
            else:
                waiting.answer.set_result(outcome)
                if outcome.decision is not None:
                    verdicts[outcome.decision.verdict] += 1
        for verdict, count in verdicts.items():
            self._metrics.decided(verdict, count)

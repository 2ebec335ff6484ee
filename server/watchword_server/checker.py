"""Collects the checks that wait into one batch: load, decide, commit, and only then answer.

A commit reaches the disk, which takes as long for one check as for a hundred. So while one batch is
being committed the next one gathers, and durability costs almost nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from watchword_server import verifier
from watchword_server.store.protocol import Advance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from watchword_server.store.protocol import Store, StoredKey
    from watchword_server.verifier import Decision, KeyState

MAX_BATCH = 256
"""Most checks in one transaction: bounds how long other processes wait for the database."""

_TURNS_TO_ARRIVE = 3
"""Turns of the event loop from bytes on a socket to a check that waits: read, parse, handle."""


class _Waiting(msgspec.Struct):
    name: str
    code: str
    answer: asyncio.Future[Decision | None]

    def __repr__(self) -> str:
        return f"<_Waiting {self.name}>"


class Checker:
    """Checks codes against the keys of a store, each code accepted once."""

    def __init__(self, store: Store, *, clock: Callable[[], float], window: int) -> None:
        """Check against `store`; `clock` gives Unix seconds, `window` is in steps either side."""
        self._store = store
        self._clock = clock
        self._window = window
        self._waiting: list[_Waiting] = []
        self._working: asyncio.Task[None] | None = None

    async def check(self, name: str, code: str) -> Decision | None:
        """Judge `code` against the active key called `name`; None if there is no such key.

        What was decided is on disk when this returns. Cancelling the caller does not undo it.

        Raises:
            StoreError: The database failed, and nothing was accepted or counted.
        """
        answer: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(name, code, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name="checker")
        return await answer

    async def drain(self) -> None:
        """Wait until every check that was asked for has its answer."""
        while self._working is not None:
            await asyncio.wait([self._working])

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._settle(batch)
        finally:
            self._working = None

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
        decisions: list[Decision | None] = []

        def decide(keys: Mapping[str, StoredKey]) -> Sequence[Advance]:
            # Runs in the store's thread, perhaps more than once; it touches nothing but this list.
            decisions[:], advances = self._decide(batch, keys)
            return advances

        try:
            await self._store.settle({check.name for check in batch}, decide)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to those who wait for it
            for check in batch:
                if not check.answer.done():
                    check.answer.set_exception(error)
            return
        for check, decision in zip(batch, decisions, strict=True):
            # A caller that has gone away must not take the others' answers along.
            if not check.answer.done():
                check.answer.set_result(decision)

    def _decide(
        self, batch: Sequence[_Waiting], keys: Mapping[str, StoredKey]
    ) -> tuple[list[Decision | None], list[Advance]]:
        now = self._clock()
        states: dict[str, KeyState] = {name: stored.state for name, stored in keys.items()}
        decisions: list[Decision | None] = []
        for check in batch:
            stored = keys.get(check.name)
            if stored is None:
                decisions.append(None)
                continue
            decision = verifier.decide(stored.key, states[check.name], check.code, now, self._window)
            states[check.name] = decision.state
            decisions.append(decision)
        return decisions, [
            Advance(stored.id, stored.state, states[name])
            for name, stored in keys.items()
            if states[name] != stored.state
        ]

"""Would a check be answered now? Asked of store, seals, clock and disk, once a second at most."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from watchword_server.ledger import Ledger
    from watchword_server.metrics import Metrics

FRESH_SECONDS = 1.0
"""How long an outcome is repeated: however many ask, the disk is written once a second."""

MIN_FREE_BYTES = 16 * 1024 * 1024
"""Below this much free space under the data folder a commit may fail any moment."""

_OK = "ok"
_LOOKED_AT = ("store", "sealing-keys", "clock")
_BLAMED = {
    Cause.SEALING_KEY_MISSING: "sealing-keys",
    Cause.SEALING_KEY_WRONG: "sealing-keys",
    Cause.CLOCK_BACK: "clock",
    Cause.CLOCK_OFF: "clock",
}
_STOPPING = "the server is stopping"


class Readiness:
    """Whether the server is ready, and if not, what is wrong."""

    def __init__(self, ledger: Ledger, *, data_path: Path | None, metrics: Metrics) -> None:
        """Look after `ledger`, and the disk under `data_path` if one is named."""
        self._ledger = ledger
        self._data_path = data_path
        self._metrics = metrics
        self._stopping = False
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[Mapping[str, str]] | None = None

    def stop(self) -> None:
        """Be ready no more: the server is about to stop."""
        self._stopping = True
        self._metrics.ready(is_ready=False)

    async def faults(self) -> Mapping[str, str]:
        """What is wrong, by what was looked at; nothing if a check would be answered."""
        if self._stopping:
            return {"server": _STOPPING}
        # The loop's clock: how old an outcome is has nothing to do with what time it is.
        now = asyncio.get_running_loop().time()
        if self._asking is None or (self._asking.done() and now - self._asked_at >= FRESH_SECONDS):
            self._asked_at = now
            self._asking = asyncio.create_task(self._look(), name="readiness")
        # Whoever asked first may leave; the others wait for the same outcome.
        checks = await asyncio.shield(self._asking)
        return {name: state for name, state in checks.items() if state != _OK}

    async def checks(self) -> Mapping[str, str]:
        """Everything that is looked at, with `ok` or what is wrong: a `Cause`, or words."""
        faults = await self.faults()
        return dict.fromkeys((*_LOOKED_AT, "disk"), _OK) | dict(faults)

    async def _look(self) -> Mapping[str, str]:
        checks = {**await self._store_states(), "disk": await asyncio.to_thread(self._disk_state)}
        self._metrics.ready(is_ready=set(checks.values()) == {_OK} and not self._stopping)
        return checks

    async def _store_states(self) -> Mapping[str, str]:
        states = dict.fromkeys(_LOOKED_AT, _OK)
        try:
            await self._ledger.probe()
        except StoreError as error:
            # Its name, not its message, which may tell a path.
            states[_BLAMED.get(error.cause, "store")] = error.cause.value
        return states

    def _disk_state(self) -> str:
        if self._data_path is None:
            return _OK
        try:
            found = os.statvfs(self._data_path)
        except OSError:
            return "the data folder is gone"
        free = found.f_bavail * found.f_frsize
        if free < MIN_FREE_BYTES:
            return f"{free // 1024} KiB free, {MIN_FREE_BYTES // 1024} KiB are needed"
        return _OK


def in_words(check: str, state: str) -> str:
    """Say what is wrong with what was looked at, for people, and where the way out is told."""
    if state not in frozenset(Cause):
        return f"{check}: {state}"
    cause = Cause(state)
    return (
        f"{check}: {cause.words} ({cause.value}; watchword-server doctor on the server says what to do)"
    )

"""Would a check be answered now? Asked of the store, the disk and the clock, once a second at most."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from watchword_server.metrics import Metrics
    from watchword_server.store.protocol import Store

FRESH_SECONDS = 1.0
"""How long an outcome is repeated: however many ask, the disk is written once a second."""

MIN_FREE_BYTES = 16 * 1024 * 1024
"""Below this much free space under the data folder a commit may fail any moment."""

MAX_STEP_BACK = 60.0
"""Seconds by which the clock may be behind the latest time it has shown."""

_BEFORE_US = 1_735_689_600
"""The start of 2025: a clock that shows less was never set."""

_OK = "ok"
_STOPPING = "the server is stopping"


class Readiness:
    """Whether the server is ready, and if not, what is wrong."""

    def __init__(
        self, store: Store, *, clock: Callable[[], float], data_path: Path | None, metrics: Metrics
    ) -> None:
        """Look after `store`, the disk under `data_path` if one is named, and `clock`, Unix seconds."""
        self._store = store
        self._clock = clock
        self._data_path = data_path
        self._metrics = metrics
        self._latest = float("-inf")
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
        """Everything that is looked at, with `ok` or what is wrong with it."""
        faults = await self.faults()
        return {"store": _OK, "disk": _OK, "clock": _OK} | dict(faults)

    async def _look(self) -> Mapping[str, str]:
        checks = {
            "store": await self._store_state(),
            "disk": await asyncio.to_thread(self._disk_state),
            "clock": self._clock_state(),
        }
        self._metrics.ready(is_ready=set(checks.values()) == {_OK} and not self._stopping)
        return checks

    async def _store_state(self) -> str:
        try:
            await self._store.probe()
        except StoreError as error:
            # Its name, not its message, which may tell a path.
            return error.cause.value
        return _OK

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

    def _clock_state(self) -> str:
        now = self._clock()
        if now < _BEFORE_US:
            return "was never set"
        behind = self._latest - now
        self._latest = max(self._latest, now)
        return f"was set back by {behind:.0f} s" if behind > MAX_STEP_BACK else _OK

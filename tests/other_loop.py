"""An event loop in a thread of its own, for connections that are to outlive a test.

Every test has its own event loop, and what was opened in one cannot be used in the next.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_Value = TypeVar("_Value")


class OtherLoop:
    """Runs coroutines for whoever asks, from any event loop or from none."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, _Value]) -> _Value:
        """Have a coroutine run there; the loop of the caller goes on meanwhile."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self, last: Coroutine[Any, Any, object]) -> None:
        """Run a last coroutine, and end."""
        asyncio.run_coroutine_threadsafe(last, self._loop).result(timeout=20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

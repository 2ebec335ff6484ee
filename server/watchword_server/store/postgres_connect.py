"""Connecting to PostgreSQL: of several hosts, one that is silent does not hold up the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Sequence

    Opened = asyncpg.Connection[asyncpg.Record]

CONNECT_SECONDS = 3.0
"""Longest wait for a connection, however many hosts there are."""

NEXT_HOST_SECONDS = 0.5
"""After how much silence of one host the next one is asked, too."""


async def connect(uri: str, **options: Any) -> Opened:  # noqa: ANN401 - asyncpg's own
    """Connect to the first host, in the order of the address, that is as the address wants it.

    asyncpg would wait for a silent host, as one without power is, until the time for all is over.

    Raises:
        TimeoutError: None of them was in time.
        OSError: None can be reached.
        asyncpg.PostgresError: One was, and does not let us in.
        asyncpg.InterfaceError: The address cannot be used, or none is as it wants.
    """
    waiting = list(hosts_of(uri))
    trying: set[asyncio.Task[Opened]] = set()
    failures: list[BaseException] = []
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            while waiting or trying:
                if waiting:
                    trying.add(asyncio.create_task(_connect(waiting.pop(0), options)))
                patience = NEXT_HOST_SECONDS if waiting else None
                done, trying = await asyncio.wait(
                    trying, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                failures += [found for task in done if (found := task.exception()) is not None]
                connected = [task.result() for task in done if task.exception() is None]
                for other in connected[1:]:
                    other.terminate()
                if connected:
                    return connected[0]
    finally:
        await _give_up(trying)
    # That one does not let us in says more than that another cannot be reached.
    raise min(failures, key=lambda found: isinstance(found, OSError))


def hosts_of(uri: str) -> Sequence[str]:
    """An address for each host that is named before the path; where that is elsewhere, the whole."""
    parts = urlsplit(uri)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [uri]
    return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]


async def _connect(uri: str, options: dict[str, Any]) -> Opened:
    return await asyncpg.connect(uri, **{**options, "timeout": CONNECT_SECONDS})


async def _give_up(trying: set[asyncio.Task[Opened]]) -> None:
    for task in trying:
        task.cancel()
    for found in await asyncio.gather(*trying, return_exceptions=True):
        if not isinstance(found, BaseException):
            found.terminate()

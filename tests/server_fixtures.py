"""Fixtures of those tests that talk to a real server over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers import RunningServer, running_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path) as running:
        yield running


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose token may do everything."""
    async with server.client() as opened:
        yield opened

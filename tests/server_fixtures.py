"""Fixtures of those tests that talk to a real server over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from each_store import put_on
from servers import RunningServer, running_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from postgres_databases import Databases


@pytest.fixture
async def each_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Have the database of `tmp_path` be of the kind that is asked for, "sqlite" or "postgresql"."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        yield kind
        return
    databases: Databases = request.getfixturevalue("databases")
    async with databases.lent() as database:
        put_on(tmp_path, database.dsn)
        yield kind


@pytest.fixture
async def server(each_store: str, tmp_path: Path) -> AsyncIterator[RunningServer]:
    assert each_store
    async with running_server(tmp_path) as running:
        yield running


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose token may do everything."""
    async with server.client() as opened:
        yield opened

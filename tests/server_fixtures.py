"""Fixtures of those tests that talk to a real server over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from each_store import put_on
from postgres_databases import databases_of
from postgres_engine import connected
from servers import RunningServer, running_server
from watchword_server.store.postgres_schema import bring_up_to_date

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    import httpx

    from postgres_databases import Databases
    from postgres_engine import Cluster


@pytest.fixture(scope="session")
def databases(postgres: Cluster) -> Iterator[Databases]:
    """Databases with the schema of the server."""
    with databases_of(postgres, _make_schema) as made:
        yield made


async def _make_schema(uri: str) -> None:
    async with connected(uri) as connection:
        await bring_up_to_date(connection)


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

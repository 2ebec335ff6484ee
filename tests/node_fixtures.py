"""A PostgreSQL for nodes, to be killed, and a database on it for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postgres_engine import ask, running_cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from postgres_engine import Cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A durable one that is this module's own."""
    with running_cluster(durable=True) as running:
        yield running


@pytest.fixture
async def uri(cluster: Cluster, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database on it."""
    name = f"test_{tmp_path.name.strip('0123456789')[:40]}"
    await ask(cluster.dsn(), f'CREATE DATABASE "{name}"')
    yield cluster.tcp_dsn(name)
    await ask(cluster.dsn(), f'DROP DATABASE "{name}" WITH (FORCE)')

"""Of several hosts the first that is as the address wants it, however the others fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from loopback import free_port
from watchword_server.store.postgres_connect import NEXT_HOST_SECONDS, connect, hosts_of
from wire import Wire

if TYPE_CHECKING:
    from postgres_engine import Cluster


@pytest.mark.parametrize(
    ("uri", "hosts"),
    [
        ("postgresql://a/db", ["postgresql://a/db"]),
        ("postgresql:///db?host=/run/pg", ["postgresql:///db?host=/run/pg"]),
        ("postgresql://u:p@a,b:2/db?x=1", ["postgresql://u:p@a/db?x=1", "postgresql://u:p@b:2/db?x=1"]),
        (
            "postgresql://u:p%40@[::1]:2,b/d",
            ["postgresql://u:p%40@[::1]:2/d", "postgresql://u:p%40@b/d"],
        ),
    ],
)
def test_each_host_has_an_address_of_its_own(uri: str, hosts: list[str]) -> None:
    assert hosts_of(uri) == hosts


def before(cluster: Cluster, *ports: int, password: str = "") -> str:
    """The address of a cluster, with other ports of this machine before its own."""
    hosts = ",".join(f"127.0.0.1:{port}" for port in (*ports, cluster.port))
    return f"postgresql://watchword:{password or cluster.password}@{hosts}/postgres"


async def test_one_that_refuses_costs_no_time(postgres: Cluster) -> None:
    async with asyncio.timeout(NEXT_HOST_SECONDS):
        connection = await connect(before(postgres, free_port()))
    await connection.close()


async def test_one_that_is_silent_costs_a_moment(postgres: Cluster) -> None:
    with Wire(postgres.port) as silent:
        silent.cut()
        connection = await connect(before(postgres, silent.port), target_session_attrs="read-write")
        assert connection.get_server_pid()
        await connection.close()


async def test_that_one_does_not_let_us_in_says_more_than_that_another_is_gone(
    postgres: Cluster,
) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(before(postgres, free_port(), password="wrong"))
    with pytest.raises(OSError, match=r"\d"):
        await connect(f"postgresql://127.0.0.1:{free_port()},127.0.0.1:{free_port()}/postgres")


async def test_all_silent_are_given_up_in_time(
    postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchword_server.store.postgres_connect.CONNECT_SECONDS", 0.2)
    with Wire(postgres.port) as silent:
        silent.cut()
        with pytest.raises(TimeoutError):
            await connect(f"postgresql://127.0.0.1:{silent.port}/postgres")

"""What keeps a node from deciding while PostgreSQL runs: it says what, accepts nothing, comes back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from benchmarks.history import Said

from node_fixtures import cluster, uri
from nodes import KEYS, asking, furnish, load, node, readiness, refusal, require_sound, until_ready
from postgres_engine import connected
from postgres_pair import running_pair
from shifted import shifted

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_engine import Cluster

__all__ = ["cluster", "uri"]

GIVEN_UP_SECONDS = 5.0
"""Longest wait for a lock or a statement, with some time to spare."""


async def test_on_a_replica_a_node_waits_for_its_promotion(tmp_path: Path) -> None:
    with running_pair() as pair:
        token = await furnish(pair.dsn(), tmp_path, KEYS)
        with node(tmp_path, "one", pair.replica.tcp_dsn()) as one:
            async with asking(token) as client:
                assert await refusal(client, one) == "read-only"
                assert (await readiness(client, one))["store"] == "read-only"
                assert "it may be a replica that is not promoted yet" in one.log.read_text()
                await asyncio.to_thread(pair.primary.kill)
                await asyncio.to_thread(pair.promote)
                await until_ready(client, one, 10)
            async with load({"one": one}, token) as running:
                pass
        await require_sound(running.history, pair.replica.tcp_dsn(), tmp_path)


@pytest.mark.parametrize("seconds", [300, -300])
async def test_a_node_whose_clock_is_off_accepts_nothing(seconds: int, uri: str, tmp_path: Path) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with (
        node(tmp_path, "right", uri) as right,
        node(tmp_path, "off", uri, under=shifted(seconds)) as off,
    ):
        async with load({"right": right}, token) as running, asking(token) as client:
            assert (await readiness(client, off))["clock"] == "clock-off"
            running.urls = {"right": right.url, "off": off.url}
            await running.until_accepted("right", more=50)
            assert await readiness(client, right) == {}
    said = {each.said for each in running.history.asked if each.node == "off"}
    assert said <= {Said.UNAVAILABLE, Said.NOTHING}
    assert Said.UNAVAILABLE in said
    await require_sound(running.history, uri, tmp_path)


async def test_what_another_session_holds_is_not_waited_for_long(uri: str, tmp_path: Path) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with node(tmp_path, "one", uri) as one:
        async with load({"one": one}, token) as running, asking(token) as client:
            async with connected(uri) as other, other.transaction():
                await other.execute("LOCK TABLE keys IN ACCESS EXCLUSIVE MODE")
                began = time.monotonic()
                assert await refusal(client, one) == "database-locked"
                assert (await readiness(client, one))["store"] == "database-locked"
                assert time.monotonic() - began < 2 * GIVEN_UP_SECONDS
            await running.until_accepted("one")
            await until_ready(client, one, 5)
    longest = max(
        each.answered_at - each.sent_at for each in running.history.asked if each.answered_at is not None
    )
    assert longest < 2 * GIVEN_UP_SECONDS
    await require_sound(running.history, uri, tmp_path)


async def test_without_a_free_connection_a_node_waits_for_one(
    cluster: Cluster, uri: str, tmp_path: Path
) -> None:
    """A superuser is let in whatever there is, so that the node has an account of its own."""
    database = uri.rpartition("/")[2]
    async with connected(cluster.dsn(database)) as admin:
        await admin.execute(f"CREATE ROLE node LOGIN PASSWORD '{cluster.password}'")
        await admin.execute(f'ALTER DATABASE "{database}" OWNER TO node')
        await admin.execute("ALTER SCHEMA public OWNER TO node")
        uri = uri.replace("//watchword:", "//node:")
        token = await furnish(uri, tmp_path, KEYS)
        with node(tmp_path, "one", uri) as one:
            async with load({"one": one}, token) as running, asking(token) as client:
                await admin.execute("ALTER ROLE node CONNECTION LIMIT 0")
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'node'"
                )
                assert await refusal(client, one) == "database-unreachable"
                assert (await readiness(client, one))["store"] == "database-unreachable"
                await admin.execute("ALTER ROLE node CONNECTION LIMIT -1")
                await running.until_accepted("one")
                await until_ready(client, one, 10)
    await require_sound(running.history, uri, tmp_path)

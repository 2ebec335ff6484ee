"""Nodes and PostgreSQL killed under load: the rest goes on, nothing is double and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import TYPE_CHECKING

from node_fixtures import cluster, uri
from nodes import KEYS, asking, furnish, load, node, readiness, refusal, require_sound, until_ready
from postgres_engine import ask
from postgres_pair import running_pair

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_engine import Cluster


__all__ = ["cluster", "uri"]


async def test_a_node_is_killed_and_the_others_go_on(uri: str, tmp_path: Path) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with node(tmp_path, "one", uri) as one, node(tmp_path, "two", uri) as two:
        async with load({"one": one, "two": two}, token) as running:
            assert await asyncio.to_thread(one.stop, signal.SIGKILL) == -signal.SIGKILL
            await running.until_accepted("two", more=50)
            with node(tmp_path, "one", uri) as again:
                running.urls = {**running.urls, "one": again.url}
                await running.until_accepted("one", "two")
    await require_sound(running.history, uri, tmp_path)


async def test_postgresql_is_killed_and_all_wait_for_it(
    cluster: Cluster, uri: str, tmp_path: Path
) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with node(tmp_path, "one", uri) as one, node(tmp_path, "two", uri) as two:
        async with load({"one": one, "two": two}, token) as running, asking(token) as client:
            await asyncio.to_thread(cluster.kill)
            for server in (one, two):
                assert await refusal(client, server) == "database-unreachable"
                assert (await readiness(client, server))["store"] == "database-unreachable"
            await asyncio.to_thread(cluster.start)
            # Without being started again, and within the longest pause between two tries.
            assert await running.until_accepted("one", "two") < 10
            for server in (one, two):
                await until_ready(client, server, 5)
    await require_sound(running.history, uri, tmp_path)


async def test_the_primary_is_killed_and_its_replica_promoted(tmp_path: Path) -> None:
    with running_pair() as pair:
        token = await furnish(pair.dsn(), tmp_path, KEYS)
        with node(tmp_path, "one", pair.dsn()) as one, node(tmp_path, "two", pair.dsn()) as two:
            async with load({"one": one, "two": two}, token) as running, asking(token) as client:
                await asyncio.to_thread(pair.primary.kill)
                assert await refusal(client, one) in {"database-unreachable", "read-only"}
                await asyncio.to_thread(pair.promote)
                assert await running.until_accepted("one", "two") < 10
        await require_sound(running.history, pair.dsn(), tmp_path)


async def test_a_node_that_finds_no_postgresql_gets_ready_when_it_is_there(
    cluster: Cluster, uri: str, tmp_path: Path
) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    await asyncio.to_thread(cluster.stop)
    try:
        with node(tmp_path, "one", uri) as one:
            async with asking(token) as client:
                assert await refusal(client, one) == "database-unreachable"
                assert (await readiness(client, one))["store"] == "database-unreachable"
                await asyncio.to_thread(cluster.start)
                await until_ready(client, one, 10)
            async with load({"one": one}, token) as running:
                pass
    finally:
        with contextlib.suppress(AssertionError):
            await asyncio.to_thread(cluster.start)
    await require_sound(running.history, uri, tmp_path)


async def test_two_nodes_that_start_at_once_make_one_key_and_one_token(uri: str, tmp_path: Path) -> None:
    async def first_start(name: str) -> dict[str, str]:
        def start() -> dict[str, str]:
            with node(tmp_path, name, uri) as started:
                return {"token": started.token or "", "url": started.url}

        return await asyncio.to_thread(start)

    said = await asyncio.gather(*(first_start(name) for name in ("one", "two", "three")))
    assert len([each for each in said if each["token"]]) == 1, json.dumps(said)
    assert await ask(uri, "SELECT count(*) FROM tokens") == 1
    assert await ask(uri, "SELECT count(*) FROM keys WHERE name = 'default'") == 1

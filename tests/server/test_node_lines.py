"""What stands between nodes and PostgreSQL: lines that are cut or slow, silent hosts, a pooler."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from benchmarks.history import Said

from node_fixtures import cluster, uri
from nodes import KEYS, Load, asking, furnish, load, node, readiness, refusal, require_sound, until_ready
from pgbouncer import pgbouncer
from postgres_pair import running_pair
from processes import descendants
from watchword_otp import code_at, step_at
from wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import aiohttp

    from postgres_engine import Cluster
    from server_processes import ServerProcess

__all__ = ["cluster", "uri"]

FIRST_SECONDS = 6.0
"""Longest that an answer takes while a line is cut: a statement is given up after 4 s."""
NEXT_SECONDS = 2.5
"""The same for most, once the node knows: one at a time tries for 3 s to connect."""


async def seconds_of(client: aiohttp.ClientSession, server: ServerProcess, times: int) -> list[float]:
    """How long each of so many checks at once takes to be refused, shortest first."""

    async def one() -> float:
        began = time.monotonic()
        assert await refusal(client, server) in {"database-unreachable", "database-locked"}
        return time.monotonic() - began

    return sorted(await asyncio.gather(*(one() for _ in range(times))))


async def until_refused(client: aiohttp.ClientSession, server: ServerProcess) -> None:
    """Wait until a node knows what is wrong."""
    async with asyncio.timeout(10):
        while not await readiness(client, server):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)


async def test_over_a_cut_line_a_node_says_so_soon_and_the_others_go_on(
    cluster: Cluster, uri: str, tmp_path: Path
) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with Wire(cluster.port) as wire:  # noqa: SIM117 - it ends last
        with (
            node(tmp_path, "cut", uri.replace(f":{cluster.port}", f":{wire.port}")) as cut,
            node(tmp_path, "whole", uri) as whole,
        ):
            async with load({"cut": cut, "whole": whole}, token) as running, asking(token) as client:
                await asyncio.to_thread(wire.cut)
                assert max(await seconds_of(client, cut, 20)) < FIRST_SECONDS
                await until_refused(client, cut)
                seconds = await seconds_of(client, cut, 20)
                # Some may be trying, one after the other; most do not wait for them.
                assert seconds[len(seconds) // 2] < NEXT_SECONDS
                assert (await readiness(client, cut))["store"] == "database-unreachable"
                # What the silent one had in its hands is let go of before others give up.
                await running.until_accepted("whole", more=50)
                assert await readiness(client, whole) == {}
                await asyncio.to_thread(wire.mend)
                await running.until_accepted("cut", "whole")
                await until_ready(client, cut, 5)
    refused = [
        each for each in running.history.asked if (each.node, each.said) == ("whole", Said.UNAVAILABLE)
    ]
    assert refused == []
    await require_sound(running.history, uri, tmp_path)


async def test_over_a_slow_line_all_is_as_right(cluster: Cluster, uri: str, tmp_path: Path) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with Wire(cluster.port) as wire:  # noqa: SIM117 - it ends last
        with (
            node(tmp_path, "slow", uri.replace(f":{cluster.port}", f":{wire.port}")) as slow,
            node(tmp_path, "fast", uri) as fast,
        ):
            async with load({"slow": slow, "fast": fast}, token) as running:
                # There and back.
                wire.delay = 0.1
                await running.until_accepted("slow", "fast", more=10)
    await require_sound(running.history, uri, tmp_path)


async def test_a_host_that_is_silent_does_not_keep_a_node_from_the_next(tmp_path: Path) -> None:
    """As after a power cut: nobody says that the primary is gone."""
    with running_pair() as pair, Wire(pair.primary.port) as wire:
        uri = pair.dsn().replace(f":{pair.primary.port}", f":{wire.port}")
        token = await furnish(pair.dsn(), tmp_path, KEYS)
        with node(tmp_path, "one", uri) as one:
            async with load({"one": one}, token) as running, asking(token) as client:
                await asyncio.to_thread(wire.cut)
                assert await refusal(client, one) == "database-unreachable"
                await asyncio.to_thread(pair.primary.kill)
                await asyncio.to_thread(pair.promote)
                assert await running.until_accepted("one") < 10
        await require_sound(running.history, pair.dsn(), tmp_path)


@contextlib.contextmanager
def stopped(cluster: Cluster) -> Iterator[None]:
    """All processes of a cluster stand still."""
    pids = [cluster.pid, *descendants(cluster.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_what_no_replica_has_is_not_told(tmp_path: Path) -> None:
    """A commit that waits for its replica is not called off: PostgreSQL would show it as done."""
    with running_pair() as pair:
        token = await furnish(pair.dsn(), tmp_path, KEYS)
        with node(tmp_path, "one", pair.dsn()) as one:
            key = KEYS["key0"]
            body = {"code": code_at(key, step_at(key, time.time()))}
            url, retry = f"{one.url}/v1/keys/key0/check", {"Idempotency-Key": '"one"'}
            async with asking(token) as client:
                with stopped(pair.replica):
                    for _ in range(2):
                        async with client.post(url, json=body, headers=retry) as answer:
                            assert answer.status == 503
                    await asyncio.to_thread(pair.primary.kill)
                await asyncio.to_thread(pair.promote)
                await until_ready(client, one, 10)


async def test_through_a_pooler_each_code_is_accepted_once(
    cluster: Cluster, uri: str, tmp_path: Path
) -> None:
    token = await furnish(uri, tmp_path, KEYS)
    with pgbouncer(cluster) as pooler:
        through = uri.replace(f":{cluster.port}", f":{pooler.port}")
        with node(tmp_path, "one", through) as one, node(tmp_path, "two", through) as two:
            nodes = {"one": one.url, "two": two.url}
            running = Load(nodes, token)
            async with asking(token) as client:
                for number, key in enumerate([*KEYS][:40]):
                    said = await asyncio.gather(
                        *(
                            running.send(client, name, key, f"{number}-{again}-{name}")
                            for again in range(4)
                            for name in nodes
                        )
                    )
                    # Two if a step has begun in the middle of it: each is accepted once.
                    assert said.count(Said.TRUE) in {1, 2}
                    assert set(said) == {Said.TRUE, Said.FALSE}
    await require_sound(running.history, uri, tmp_path)

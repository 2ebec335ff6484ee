"""A PostgreSQL and its replica: what was committed is on both, and either may be lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from postgres_engine import ask, connected
from postgres_pair import Pair, running_pair

if TYPE_CHECKING:
    from collections.abc import Iterator


ROWS = "SELECT count(*) FROM pair"


@pytest.fixture
def pair() -> Iterator[Pair]:
    with running_pair() as pair:
        yield pair


async def test_what_was_committed_survives_the_loss_of_the_first(pair: Pair) -> None:
    async with connected(pair.dsn()) as connection:
        await connection.execute("CREATE TABLE pair (number int); INSERT INTO pair VALUES (1)")
        assert await connection.fetchval("SELECT sync_state FROM pg_stat_replication") == "sync"
    async with connected(pair.replica.dsn()) as connection:
        assert await connection.fetchval("SELECT pg_is_in_recovery()")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("INSERT INTO pair VALUES (2)")

    pair.primary.kill()
    pair.promote()

    assert await ask(pair.dsn(), ROWS) == 1
    async with connected(pair.dsn()) as connection:
        await connection.execute("INSERT INTO pair VALUES (2)")
    assert await ask(pair.replica.dsn(), ROWS) == 2


async def test_without_its_replica_a_commit_waits_until_it_is_back_or_not_required(pair: Pair) -> None:
    async with connected(pair.primary.tcp_dsn()) as connection:
        await connection.execute("CREATE TABLE pair (number int)")
        pair.replica.kill()
        insert = asyncio.create_task(connection.execute("INSERT INTO pair VALUES (1)"))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        while await ask(pair.primary.dsn(), waiting) != 1:
            assert not insert.done()
        pair.replica.start()
        assert await asyncio.wait_for(insert, 10) == "INSERT 0 1"

        pair.replica.kill()
        pair.require_replica(required=False)
        insert = asyncio.create_task(connection.execute("INSERT INTO pair VALUES (2)"))
        assert await asyncio.wait_for(insert, 10) == "INSERT 0 1"

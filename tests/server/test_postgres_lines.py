"""What stands between a program and its PostgreSQL: pgbouncer, and a line that fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from pgbouncer import pgbouncer
from postgres_engine import ask, connected
from wire import Wire

if TYPE_CHECKING:
    from postgres_engine import Cluster


async def test_a_pooler_gives_each_transaction_whichever_connection_is_free(postgres: Cluster) -> None:
    with pgbouncer(postgres, connections=1) as pooler:
        one = await asyncpg.connect(pooler.dsn(), statement_cache_size=0)
        other = await asyncpg.connect(pooler.dsn(), statement_cache_size=0)
        async with one.transaction():
            first = await one.fetchval("SELECT pg_backend_pid()")
            second = asyncio.create_task(other.fetchval("SELECT pg_backend_pid()"))
            assert await one.fetchval("SELECT pg_backend_pid()") == first
            assert not second.done()
        assert await second == first
        await one.close()
        await other.close()


async def test_a_pooler_wants_the_password_too(postgres: Cluster) -> None:
    with pgbouncer(postgres) as pooler, pytest.raises(asyncpg.ProtocolViolationError):
        await ask(pooler.dsn().replace(postgres.password, "wrong"), "SELECT 1")


async def test_over_a_line_that_is_cut_an_answer_is_late_and_not_lost(postgres: Cluster) -> None:
    with Wire(postgres.port) as wire:
        async with connected(postgres.tcp_dsn(port=wire.port)) as connection:
            wire.cut()
            answer = asyncio.create_task(connection.fetchval("SELECT 1"))
            await asyncio.wait([answer], timeout=0.1)
            assert not answer.done()
            wire.mend()
            assert await answer == 1


async def test_over_a_line_that_breaks_the_connection_is_lost(postgres: Cluster) -> None:
    with Wire(postgres.port) as wire:
        connection = await asyncpg.connect(postgres.tcp_dsn(port=wire.port))
        wire.hang_up()
        with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError)):
            await connection.fetchval("SELECT 1")
        wire.mend()
        assert await ask(postgres.tcp_dsn(port=wire.port), "SELECT 1") == 1

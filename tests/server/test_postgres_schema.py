"""The schema of PostgreSQL: made once, however many come first; parted by the hash of the key's name."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import asyncpg
import pytest

from postgres_databases import Database
from postgres_engine import connected
from watchword_server.store import postgres_load as load
from watchword_server.store import postgres_schema as schema
from watchword_server.store.postgres import PostgresStore
from watchword_server.store.postgres_address import parse_address
from watchword_server.store.postgres_pool import PLANS
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from postgres_databases import Databases
    from postgres_engine import Cluster

PARTED = {"keys", "deleted_keys", "recovery_codes", "answers", "audit"}


@pytest.fixture
async def empty(postgres: Cluster) -> AsyncIterator[Database]:
    """A database in which nothing is yet."""

    name = f"empty_{uuid.uuid4().hex}"
    async with connected(postgres.dsn()) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    yield Database(postgres, name)
    async with connected(postgres.dsn()) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def partitions(database: Database) -> dict[str, int]:
    async with connected(database.dsn) as connection:
        rows = await connection.fetch(
            "SELECT inhparent::regclass::text AS table, count(*) AS parts FROM pg_inherits"
            " JOIN pg_class c ON c.oid = inhrelid WHERE c.relkind = 'r' GROUP BY 1"
        )
    return {row["table"]: row["parts"] for row in rows}


async def test_many_that_come_first_make_it_once(empty: Database) -> None:
    stores = [PostgresStore(parse_address(empty.dsn), lanes=1) for _ in range(6)]
    assert [len(found) for found in await asyncio.gather(*(s.tokens() for s in stores))] == [0] * 6
    assert [len(await store.audit_heads()) for store in stores] == [1] * 6
    for store in stores:
        await store.close()
    assert await partitions(empty) == dict.fromkeys(PARTED, schema.PARTITIONS)


async def test_one_of_a_newer_version_is_left_alone(empty: Database) -> None:
    async with connected(empty.dsn) as connection:
        await schema.bring_up_to_date(connection)
        await connection.execute("UPDATE schema_number SET number = 99")
    store = PostgresStore(parse_address(empty.dsn), lanes=1)
    with pytest.raises(StoreError, match="number 99 and this version knows"):
        await store.tokens()
    await store.close()


async def test_what_fails_half_way_leaves_nothing(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = await asyncio.to_thread(schema._scripts)
    monkeypatch.setattr(schema, "_scripts", lambda: [*scripts, "CREATE TABLE keys (id integer);"])
    async with connected(empty.dsn) as connection:
        with pytest.raises(asyncpg.DuplicateTableError):
            await schema.bring_up_to_date(connection)
        assert await schema.schema_of(connection) == 0
        assert await connection.fetchval("SELECT to_regclass('keys')") is None


async def test_a_user_without_rights_is_told_what_to_do(empty: Database) -> None:
    async with connected(empty.dsn) as connection:
        await connection.execute("CREATE ROLE guest LOGIN; REVOKE ALL ON SCHEMA public FROM public")
    guest = parse_address(empty.dsn.replace("watchword@", "guest@", 1))
    store = PostgresStore(guest, lanes=1)
    with pytest.raises(StoreError, match="make it the owner of the database"):
        await store.tokens()
    await store.close()
    async with connected(empty.dsn) as connection:
        await connection.execute("DROP ROLE guest")


async def test_a_check_looks_for_each_key_in_its_own_part(databases: Databases) -> None:
    """And not for all keys in each: with many parts, that is what the reading would cost."""
    async with databases.lent() as database:
        connection = await asyncpg.connect(database.dsn, server_settings=PLANS)
        await connection.execute(
            "INSERT INTO keys SELECT n, 'key' || n, 'active', 1, '', 'totp', 'SHA1', 6, 30, '', '',"
            " NULL, 1, 0, NULL, NULL, -1, NULL, 0, 0, NULL, 0 FROM generate_series(1, 2000) AS n"
        )
        await connection.execute("ANALYZE keys")
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE ask AS {load._BY_NAME[Status.ACTIVE]}")
        plan = await connection.fetchval("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ask('{key7}')")
        await connection.close()
    assert "Seq Scan" not in plan
    assert plan.count('"Actual Loops": 0') == schema.PARTITIONS - 1


def test_a_database_that_spreads_rows_by_itself_is_asked_for_no_parts() -> None:
    (script, *_) = schema._scripts()
    plain = schema._parted(script, spreads=True)
    assert "PARTITION" not in plain
    assert plain.count("CREATE TABLE") == script.count("CREATE TABLE")
    assert plain.count("CREATE TABLE keys (\n") == 1

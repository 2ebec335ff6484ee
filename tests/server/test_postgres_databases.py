"""Databases for single tests: each as the first was, whatever the one before did to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from postgres_databases import Database, Databases, databases_of
from postgres_engine import ask, connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postgres_engine import Cluster

SCHEMA = """
    CREATE TABLE born (name text PRIMARY KEY, doubled text GENERATED ALWAYS AS (name || name) STORED);
    INSERT INTO born VALUES ('with'), ('rows');
    CREATE TABLE parent (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
    INSERT INTO parent (name) VALUES ('first');
    CREATE TABLE child (parent bigint REFERENCES parent) PARTITION BY LIST (parent);
    CREATE TABLE child_1 PARTITION OF child FOR VALUES IN (1);
    CREATE TABLE child_rest PARTITION OF child DEFAULT;
    CREATE SEQUENCE numbers START 7;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'for ever'; END $$;
    CREATE TRIGGER kept BEFORE DELETE ON born FOR EACH ROW EXECUTE FUNCTION refuse();
"""

ALL = """
    SELECT concat_ws(' ',
        (SELECT string_agg(name || doubled, ',' ORDER BY name) FROM born),
        (SELECT string_agg(id || name, ',' ORDER BY id) FROM parent),
        (SELECT count(*) FROM child),
        (SELECT concat(last_value, is_called) FROM numbers),
        (SELECT concat(last_value, is_called) FROM parent_id_seq))
"""
NEW = "rowsrowsrows,withwithwith 1first 0 7f 1t"


async def build(dsn: str) -> None:
    async with connected(dsn) as connection:
        await connection.execute(SCHEMA)


@pytest.fixture(scope="module")
def databases(postgres: Cluster) -> Iterator[Databases]:
    with databases_of(postgres, build, "helper") as databases:
        yield databases


async def use(database: Database, *statements: str) -> None:
    assert await ask(database.dsn, ALL) == NEW
    async with connected(database.dsn) as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ["INSERT INTO parent (name) VALUES ('second')", "INSERT INTO child VALUES (1), (2)"],
        ["UPDATE born SET name = 'other' WHERE name = 'with'", "SELECT nextval('numbers')"],
        ["INSERT INTO born SELECT generate_series(1, 5000)::text"],
        ["TRUNCATE born, parent CASCADE"],
        ["SELECT setval('parent_id_seq', 99)"],
    ],
    ids=["inserted", "updated", "many", "truncated", "counted"],
)
async def test_what_is_lent_is_as_new_again(databases: Databases, statements: list[str]) -> None:
    async with databases.lent() as first:
        await use(first, *statements)
        assert await ask(first.dsn, ALL) != NEW
    async with databases.lent() as second:
        assert second == first
        assert await ask(second.dsn, ALL) == NEW


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE child",
        "ALTER TABLE parent ADD COLUMN more int",
        "ALTER TABLE parent ALTER COLUMN name SET DEFAULT 'x'",
        "ALTER TABLE parent SET (fillfactor = 50)",
        "CREATE INDEX ON parent (name)",
        "DROP TRIGGER kept ON born",
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "GRANT SELECT ON parent TO PUBLIC",
        "ALTER DATABASE {name} SET lock_timeout = 1",
    ],
)
async def test_one_whose_schema_was_changed_is_not_lent_again(
    databases: Databases, statement: str
) -> None:
    async with databases.lent() as first:
        await use(first, statement.format(name=first.name))
    async with databases.lent() as second:
        assert second != first
        assert await ask(second.dsn, ALL) == NEW
    names = "SELECT string_agg(datname, ' ') FROM pg_database"
    assert first.name not in str(await ask(databases.cluster.dsn(), names)).split()


async def test_whoever_is_still_connected_is_sent_away(databases: Databases) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with databases.lent() as database:
            left = await stack.enter_async_context(connected(database.dsn))
            await left.execute("BEGIN; LOCK parent; INSERT INTO parent (name) VALUES ('second')")
        async with databases.lent() as again:
            assert again == database
            assert await ask(again.dsn, ALL) == NEW
        assert left.is_closed()


async def test_a_cluster_that_was_killed_and_came_back_lends_on(databases: Databases) -> None:
    async with databases.lent() as database:
        await use(database, "INSERT INTO parent (name) VALUES ('second')")
    databases.cluster.kill()
    databases.cluster.start()
    async with databases.lent() as again:
        assert again == database
        assert await ask(again.dsn, ALL) == NEW


async def test_what_is_made_anew_is_gone_afterwards(databases: Databases) -> None:
    async with databases.fresh() as database:
        await use(database, "DROP TABLE child")
    names = "SELECT string_agg(datname, ' ') FROM pg_database"
    assert database.name not in str(await ask(databases.cluster.dsn(), names)).split()


async def test_two_at_a_time_are_two(databases: Databases) -> None:
    async with databases.lent() as one, databases.lent() as other:
        await use(one, "INSERT INTO parent (name) VALUES ('second')")
        assert await ask(other.dsn, ALL) == NEW

"""A SQLite database copied to PostgreSQL: whatever is in it arrives, however often it is begun again."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postgres_engine import connected
from servers import NOON, Clock
from store_copies import contents_of, contents_of_file, copy, grow_log, make_source, put
from watchword_server import storecopy
from watchword_server.audit_check import verify_audit
from watchword_server.errors import UserError
from watchword_server.ledger import Ledger
from watchword_server.retention import prune_audit
from watchword_server.seal import Keyring
from watchword_server.store.postgres import PostgresStore
from watchword_server.store.postgres_address import parse_address
from watchword_server.store.postgres_copy import Target, open_target
from watchword_server.store.protocol import StoreError
from watchword_server.store.sqlite import SqliteStore
from watchword_server.store.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from postgres_databases import Databases

# What a database can hold, and more than a server would put there.
NAMES = st.sampled_from(["a", "b", "c.d", "zz-9", "é"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
BLOBS = st.binary(max_size=40)
TIMES = st.floats(0, 4e9)
MAYBE_TIMES = st.none() | TIMES
BIG = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-(2**31), 2**31 - 1)
KEY_COLUMNS = (
    *(st.integers(1, 30), NAMES, st.sampled_from(["pending", "active", "retired", "rotated"])),
    *(st.integers(1, 2**62), BLOBS, st.sampled_from(["totp", "hotp", "steam"]), TEXTS, SMALL, SMALL),
    *(TEXTS, TEXTS, st.none() | st.integers(0, 10), BIG, TIMES, MAYBE_TIMES, MAYBE_TIMES),
    *(BIG, MAYBE_TIMES, SMALL, TIMES, st.none() | BIG, BIG),
)


def rows(*columns: st.SearchStrategy[Any], keys: int = 1) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(*columns), max_size=12, unique_by=lambda row: row[:keys])


def one_of_each(found: list[tuple[Any, ...]], what: Any) -> list[tuple[Any, ...]]:
    """Without rows that have what only one may have."""
    taken: dict[Any, tuple[Any, ...]] = {}
    return [row for row in found if what(row) is None or taken.setdefault(what(row), row) is row]


CONTENTS = st.fixed_dictionaries(
    {
        "keys": rows(*KEY_COLUMNS).map(
            lambda found: one_of_each(
                found, lambda row: row[1:3] if row[2] in {"active", "pending"} else None
            )
        ),
        "deleted_keys": rows(NAMES, BLOBS, BIG, keys=2),
        "recovery_codes": rows(st.integers(1, 9), BLOBS, MAYBE_TIMES, keys=2),
        "tickets": rows(BLOBS, BIG, TIMES, MAYBE_TIMES),
        "answers": rows(BLOBS, BLOBS, BLOBS, TIMES),
        "tokens": rows(
            *(st.integers(1, 2**40), BLOBS, NAMES, TEXTS, st.none() | TEXTS, st.none() | SMALL),
            *(TIMES, MAYBE_TIMES, MAYBE_TIMES, MAYBE_TIMES, MAYBE_TIMES),
        )
        .map(lambda found: one_of_each(found, lambda row: row[1]))
        .map(
            lambda found: one_of_each(found, lambda row: row[2] if row[8:10] == (None, None) else None)
        ),
    }
)


@pytest.fixture
async def target(databases: Databases) -> AsyncIterator[str]:
    async with databases.lent() as database:
        yield database.dsn


@pytest.fixture
async def key(tmp_path: Path) -> bytes:
    return await make_source(tmp_path)


@pytest.fixture
def source(tmp_path: Path, key: bytes) -> Path:
    database = tmp_path / "watchword.db"
    grow_log(database, key, 10)
    keys = [new_key(number) for number in range(1, 21)]
    put(database, {"keys": keys, "recovery_codes": [(1, b"one", None), (1, b"two", NOON)]})
    return database


def new_key(number: int, name: str = "", status: str = "active") -> tuple[Any, ...]:
    return (
        *(number, name or f"key{number}", status, 1, b"sealed", "totp", "SHA1", 6, 30, "", "", None),
        *(1, NOON, NOON, None, 60_000_000, NOON, 0, 0.0, 0, 0),
    )


def sql(database: Path, *statements: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    with contextlib.closing(sqlite3.connect(database)) as connection:
        for statement in statements:
            found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def copy_file(one: Path, other: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(one)) as here,
        contextlib.closing(sqlite3.connect(other)) as there,
    ):
        here.backup(there)


async def run(uri: str, *statements: str) -> None:
    async with connected(uri) as connection:
        for statement in statements:
            await connection.execute(statement)


@pytest.fixture(scope="module")
def reused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A database that is filled anew for each example, and the key of its log."""
    folder = tmp_path_factory.mktemp("reused")
    return folder / "watchword.db", asyncio.run(make_source(folder))


@pytest.mark.timeout(180)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(CONTENTS, CONTENTS, st.integers(0, 4), st.integers(0, 4), st.integers(1, 12))
def test_whatever_is_in_it_arrives_and_so_does_every_change(
    reused: tuple[Path, bytes],
    databases: Databases,
    before: Any,
    after: Any,
    first_rows: int,
    more_rows: int,
    page: int,
) -> None:
    database, key = reused

    async def run() -> None:
        async with databases.lent() as lent:
            for contents, number in ((before, first_rows), (after, more_rows)):
                put(database, contents)
                grow_log(database, key, number)
                report = await copy(database, lent.dsn, key)
                assert report.faults == []
                assert await contents_of(lent.dsn) == contents_of_file(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storecopy, "PAGE", page)
        asyncio.run(run())


async def test_every_column_of_both_databases_is_copied(source: Path, target: str) -> None:
    names = {table.name: {each.name for each in table.columns} for table in TABLES}
    async with connected(target) as connection:
        there: dict[str, set[str]] = {}
        for table, column in await connection.fetch(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
            " AND NOT c.relispartition AND a.attnum > 0"
        ):
            there.setdefault(table, set()).add(column)
        # What is no row of a table over there: where it goes on.
        for name in ("audit_head", "key_numbers", "schema_number"):
            del there[name]
    assert there == names
    for table in TABLES:
        here = {row[1] for row in sql(source, f"PRAGMA table_info ({table.name})")}
        copied = {each.source or each.name for each in table.columns} - {"0"}
        assert copied == here, table.name
    assert {row[0] for row in sql(source, "SELECT name FROM sqlite_schema WHERE type = 'table'")} == {
        *names,
        "audit_head",
        "sqlite_sequence",
    }


@pytest.mark.parametrize("page", [1, 2, 3, 4])
async def test_names_that_pass_from_key_to_key_between_two_runs(
    source: Path, target: str, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """At no moment may two keys of one name be active, and the rows come in the order of numbers."""
    monkeypatch.setattr(storecopy, "PAGE", page)
    keys = [new_key(1, "x", "retired"), new_key(2, "x"), new_key(3, "x", "pending"), new_key(4, "y")]
    put(source, {"keys": keys})
    await copy(source, target)
    keys = [new_key(1, "x"), new_key(2, "x", "pending"), new_key(3, "y"), new_key(4, "x", "rotated")]
    put(source, {"keys": keys})
    report = await copy(source, target)
    assert (report.tables["keys"].changed, report.faults) == (4, [])
    assert await contents_of(target) == contents_of_file(source)


async def test_more_than_a_page_and_only_what_changed_is_written(source: Path, target: str) -> None:
    number = 2 * storecopy.PAGE + 3
    put(source, {"keys": map(new_key, range(1, number + 1))})
    report = await copy(source, target)
    assert (report.tables["keys"].rows, report.tables["keys"].new) == (number, number)
    sql(
        source,
        "UPDATE keys SET last_step = last_step + 1 WHERE id % 1000 = 7",
        "DELETE FROM keys WHERE id BETWEEN 5000 AND 5002",
        "UPDATE keys SET name = 'new' WHERE id = 1",
    )
    report = await copy(source, target)
    tally = report.tables["keys"]
    assert (tally.new, tally.changed, tally.gone, tally.rows) == (0, 11, 3, number - 3)
    assert await contents_of(target) == contents_of_file(source)
    again = await copy(source, target)
    assert not any(each.new or each.changed or each.gone for each in again.tables.values())


async def test_the_log_goes_on_where_it_was_and_verifies(
    source: Path, target: str, key: bytes, tmp_path: Path
) -> None:
    await copy(source, target, key)
    end = grow_log(source, key, 25)
    report = await copy(source, target, key, final=True)
    assert (report.tables["audit"].new, report.is_chain_verified) == (25, True)
    ledger = ledger_on(target, tmp_path)
    try:
        (head,) = await ledger.store.audit_heads()
        assert head.seq == end.seq + 1
        await ledger.note("test", "cli:alice", "after the move")
        verified = await verify_audit(ledger)
        assert (verified.fault, verified.rows) == (None, end.seq + 2)
    finally:
        await ledger.store.close()


async def test_rows_that_were_pruned_between_two_runs_go_there_too(
    source: Path, target: str, key: bytes, tmp_path: Path
) -> None:
    """Also those that the first run never saw: the log over there may begin after its end."""
    await copy(source, target, key)
    for number, before in ((0, 5), (30, 20), (0, 1000)):
        end = grow_log(source, key, number)
        store = await SqliteStore.open(source)
        ledger = Ledger(store, Keyring(tmp_path / "sealing.keys", {}), clock=Clock(end.at + 1))
        assert await prune_audit(ledger, before)
        await store.close()
        report = await copy(source, target, key)
        assert report.faults == []
        assert await contents_of(target) == contents_of_file(source)


async def test_a_seal_that_was_rotated_between_two_runs(source: Path, target: str) -> None:
    await copy(source, target)
    sql(source, "UPDATE meta SET value = CAST('2:other' AS BLOB) WHERE name = 'audit_key'")
    sql(source, "UPDATE keys SET seal = 2, secret = x'00'")
    report = await copy(source, target)
    assert report.faults == []
    assert await contents_of(target) == contents_of_file(source)


class TestWhatIsRefused:
    async def test_a_target_with_keys_of_its_own(
        self, source: Path, target: str, tmp_path: Path
    ) -> None:
        ledger = ledger_on(target, tmp_path)
        await ledger.store.close()
        await run(target, "INSERT INTO meta VALUES ('audit_key', 'x')")
        before = await contents_of(target)
        with pytest.raises(UserError, match="is not empty, and is left as it is"):
            await copy(source, target)
        assert await contents_of(target) == before

    async def test_a_target_on_which_a_server_has_a_chain(self, source: Path, target: str) -> None:
        await run(target, "INSERT INTO audit_head VALUES (1, 0, '', 0, 'other', 0)")
        with pytest.raises(UserError, match="is not empty"):
            await copy(source, target)

    async def test_a_target_that_another_source_is_copied_to(
        self, source: Path, target: str, tmp_path: Path
    ) -> None:
        await copy(source, target)
        before = await contents_of(target)
        (tmp_path / "other").mkdir()
        key = await make_source(tmp_path / "other")
        grow_log(tmp_path / "other" / "watchword.db", key, 20)
        with pytest.raises(UserError, match="holds a copy of another source"):
            await copy(tmp_path / "other" / "watchword.db", target)
        assert await contents_of(target) == before

    async def test_a_source_that_went_back_or_another_way(
        self, source: Path, target: str, key: bytes, tmp_path: Path
    ) -> None:
        """As after a backup was restored."""
        copy_file(source, tmp_path / "backup.db")
        grow_log(source, key, 5)
        await copy(source, target)
        copy_file(tmp_path / "backup.db", source)
        with pytest.raises(StoreError, match="an audit row 15 that the source does not have"):
            await copy(source, target)
        sql(source, "UPDATE audit_head SET at = at + 1000")
        grow_log(source, key, 9)
        with pytest.raises(StoreError, match="an audit row 15 that the source does not have"):
            await copy(source, target)

    async def test_a_second_copy_at_the_same_time(self, source: Path, target: str) -> None:
        async with open_target(parse_address(target)):
            with pytest.raises(StoreError, match="is under way; wait for its end"):
                await copy(source, target)
        assert (await copy(source, target)).faults == []

    async def test_a_key_that_was_never_sealed(self, source: Path, target: str) -> None:
        sql(source, "UPDATE keys SET seal = 0 WHERE id = 3")
        with pytest.raises(UserError, match="never sealed"):
            await copy(source, target)

    async def test_an_older_schema(self, source: Path, target: str) -> None:
        sql(source, "PRAGMA user_version = 1")
        with pytest.raises(StoreError, match="store migrate"):
            await copy(source, target)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("UPDATE keys SET period = 4294967296 WHERE id = 17", "the period of row 17 of keys"),
            ("UPDATE keys SET issuer = 'a' || char(0) WHERE id = 5", "the issuer of row 5 of keys"),
        ],
    )
    async def test_what_postgresql_cannot_hold_is_named(
        self, source: Path, target: str, change: str, told: str
    ) -> None:
        sql(source, change)
        with pytest.raises(StoreError, match=told):
            await copy(source, target)
        assert (await contents_of(target))["keys"] == []


class TestVerification:
    """What is wrong over there is found, and then nothing is moved."""

    @pytest.fixture(params=[False, True], ids=["first", "final"])
    def final(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ("UPDATE keys SET last_step = 7 WHERE id = 11", "the first that differ: 11"),
            ("DELETE FROM keys WHERE id IN (3, 4)", "the first that differ: 3, 4"),
            ("INSERT INTO recovery_codes VALUES (5, 'new', NULL)", "recovery_codes: 2 rows"),
            ("UPDATE audit SET event = event || ' ' WHERE seq = 4", "the first that differ: 4"),
            ("UPDATE audit SET mac = '' WHERE seq = 10", "audit: "),
            ("INSERT INTO audit VALUES (2, 1, '{}', '')", "the first that differ: 2.1"),
            ("UPDATE audit_head SET seq = 9", "the ends: "),
            ("INSERT INTO audit_head VALUES (1, 0, '', 0, '', 0)", "the ends: "),
            ("UPDATE key_numbers SET next = 3", "the ends: "),
            ("DELETE FROM meta WHERE name = 'active_seal'", "meta: 2 rows"),
        ],
    )
    async def test_a_row_that_was_changed_meanwhile(
        self,
        source: Path,
        target: str,
        key: bytes,
        monkeypatch: pytest.MonkeyPatch,
        change: str,
        told: str,
        final: bool,  # noqa: FBT001 - a fixture
    ) -> None:
        settle = Target.settle

        async def disturbed(self: Target) -> None:
            await settle(self)
            await run(target, change)

        monkeypatch.setattr(Target, "settle", disturbed)
        report = await copy(source, target, key, final=final)
        assert any(told in fault for fault in report.faults), report.faults
        assert not sql(source, "SELECT 1 FROM meta WHERE name = 'closed'")
        monkeypatch.undo()
        if "audit" not in change:
            assert (await copy(source, target, key, final=final)).faults == []

    async def test_a_log_that_was_changed_between_two_runs(
        self, source: Path, target: str, key: bytes
    ) -> None:
        await copy(source, target, key)
        await run(target, "UPDATE audit SET event = '{}' WHERE seq = 2")
        report = await copy(source, target, key, final=True)
        assert "audit: 10 rows" in report.faults[0]
        assert "differ: 2" in report.faults[0]

    async def test_a_log_that_was_broken_before(self, source: Path, target: str, key: bytes) -> None:
        sql(source, "UPDATE audit SET event = '{}' WHERE seq = 2")
        report = await copy(source, target, key, final=True)
        (fault,) = report.faults
        assert "row 2 does not follow from row 1" in fault
        assert not sql(source, "SELECT 1 FROM meta WHERE name = 'closed'")

    async def test_somebody_who_writes_at_the_very_end(
        self, source: Path, target: str, key: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Then both are closed, and the next run moves."""
        open_up = Target.open_up

        async def disturbed(self: Target, *arguments: Any) -> bool:
            await run(target, "UPDATE audit_head SET seq = seq + 1")
            return await open_up(self, *arguments)

        monkeypatch.setattr(Target, "open_up", disturbed)
        with pytest.raises(StoreError, match="run this again"):
            await copy(source, target, key, final=True)
        async with connected(target) as connection:
            assert await connection.fetchval("SELECT count(*) FROM meta WHERE name = 'closed'") == 1
        assert sql(source, "SELECT 1 FROM meta WHERE name = 'closed'")
        monkeypatch.undo()
        assert (await copy(source, target, key, final=True)).faults == []


async def test_without_rights_the_way_out_is_told(source: Path, target: str) -> None:
    role = f"guest_{Path(source).parent.name[-8:].replace('-', '_')}".lower()
    await run(target, f"CREATE ROLE {role} LOGIN")
    try:
        with pytest.raises(StoreError, match="make it the owner of the database"):
            await copy(source, target.replace("//watchword@", f"//{role}@"))
    finally:
        await run(target, f"DROP ROLE {role}")


def ledger_on(uri: str, folder: Path) -> Ledger:
    store = PostgresStore(parse_address(uri), clock=None)
    return Ledger(store, Keyring(folder / "sealing.keys", {}), clock=Clock())

"""Several writers of one PostgreSQL: a chain each, taken over when one falls silent, by one clock."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from each_store import address_of, run_sql
from servers import KEY, Clock, asked, audit_events, checker_of, find_key, open_ledger
from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.audit_check import verify_audit
from watchword_server.bootstrap import activate_key
from watchword_server.store.postgres import PostgresStore
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from postgres_databases import Databases
    from watchword_server.ledger import Ledger

from each_store import put_on


@pytest.fixture
async def folder(databases: Databases, tmp_path: Path) -> AsyncIterator[Path]:
    """A folder whose database is PostgreSQL."""
    async with databases.lent() as database:
        put_on(tmp_path, database.dsn)
        yield tmp_path


class Nodes:
    """Servers on one database, each with the clock it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "watchword.db"
        self.stores: list[PostgresStore] = []

    async def start(
        self, *, lanes: int = 1, clock: Callable[[], float] = time.time, compared: bool = True
    ) -> Ledger:
        address = address_of(self.folder)
        assert address is not None
        store = PostgresStore(address, lanes=lanes, clock=clock if compared else None)
        self.stores.append(store)
        ledger = await open_ledger(store, self.folder, Clock())
        ledger._clock = clock
        await activate_key(ledger, "default", KEY)
        return ledger


@pytest.fixture
async def nodes(folder: Path) -> AsyncIterator[Nodes]:
    made = Nodes(folder)
    yield made
    for store in made.stores:
        await store.close()


async def verdict_of(ledger: Ledger, code: str, name: str = "default") -> Verdict:
    decision = (await checker_of(ledger).check(asked(code, name))).decision
    assert decision is not None
    return decision.verdict


def now_code(offset: int = 0) -> str:
    return code_at(KEY, step_at(KEY, time.time()) + offset)


async def chains(ledger: Ledger) -> dict[int, int]:
    return {head.chain: head.seq for head in await ledger.store.audit_heads()}


class TestLeases:
    async def test_each_writer_has_a_chain_and_all_of_them_verify(self, nodes: Nodes) -> None:
        ledgers = [await nodes.start() for _ in range(3)]
        for ledger in ledgers:
            await verdict_of(ledger, "000000")
        assert len(await chains(ledgers[0])) == 3
        report = await verify_audit(ledgers[0])
        assert (report.fault, report.rows) == (None, 4)

    async def test_one_that_stopped_leaves_its_chain_to_the_next(self, nodes: Nodes) -> None:
        for _ in range(5):
            ledger = await nodes.start()
            await verdict_of(ledger, "junk")
            await nodes.stores.pop().close()
        ledger = await nodes.start()
        assert await chains(ledger) == {0: 6}

    async def test_a_silent_writers_chain_is_taken_and_it_begins_another(self, nodes: Nodes) -> None:
        slow, quick = await nodes.start(), await nodes.start()
        await verdict_of(slow, "junk")
        # As after a minute in which it was not heard of.
        await run_sql(nodes.database, "UPDATE audit_head SET held_until = 0")
        await verdict_of(quick, "junk")
        assert await verdict_of(slow, now_code()) is Verdict.ACCEPTED
        assert await verdict_of(quick, now_code()) is Verdict.REPLAYED
        assert (await verify_audit(quick)).fault is None
        assert len(await audit_events(quick)) == 5

    async def test_many_that_begin_at_once_get_different_ones(self, nodes: Nodes) -> None:
        ledgers = await asyncio.gather(*(nodes.start(lanes=2) for _ in range(4)))
        await asyncio.gather(
            *(checker_of(ledger).check(asked("junk")) for ledger in ledgers for _ in range(8))
        )
        report = await verify_audit(ledgers[0])
        assert (report.fault, report.rows) == (None, 33)


class TestLanes:
    async def test_two_at_once_in_one_process_decide_on_one_state(self, nodes: Nodes) -> None:
        ledger = await nodes.start(lanes=2)
        checker = checker_of(ledger)
        names = [f"key{number}" for number in range(20)]
        keys = {name: Key(secret=Secret(name.encode() * 3)) for name in names}
        for name, key in keys.items():
            await activate_key(ledger, name, key)
        asked_for = [
            asked(code_at(keys[name], step_at(keys[name], time.time())), name)
            for name in names
            for _ in range(10)
        ]
        outcomes = await asyncio.gather(*map(checker.check, asked_for))
        verdicts = [outcome.decision.verdict for outcome in outcomes if outcome.decision is not None]
        assert verdicts.count(Verdict.ACCEPTED) == len(names)
        assert verdicts.count(Verdict.REPLAYED) == 9 * len(names)
        assert len(await chains(ledger)) == 2
        assert (await verify_audit(ledger)).fault is None


class TestClocks:
    @pytest.mark.parametrize("distance", [-300, 300], ids=["behind", "ahead"])
    async def test_a_node_that_is_off_accepts_nothing_and_says_why(
        self, nodes: Nodes, distance: int
    ) -> None:
        right = await nodes.start()
        clock = Clock(time.time())
        off = await nodes.start(clock=clock)
        clock.now += distance
        code = code_at(KEY, step_at(KEY, clock.now))
        with pytest.raises(StoreError) as raised:
            await off.probe()
        assert raised.value.cause in {Cause.CLOCK_OFF, Cause.CLOCK_BACK}
        with pytest.raises(StoreError):
            await checker_of(off).check(asked(code))
        state = (await find_key(right.store)).state
        assert (state.last_step, state.failures) == (-1, 0)
        # The others go on, and it does too when its clock is right again.
        await right.probe()
        assert await verdict_of(right, now_code()) is Verdict.ACCEPTED
        clock.now = time.time()
        await off.probe()
        assert await verdict_of(off, now_code()) is Verdict.REPLAYED

    async def test_the_database_itself_refuses_what_a_wrong_clock_decided(self, nodes: Nodes) -> None:
        # The node is sure of itself: it compares nothing but at the commit.
        clock = Clock(time.time())
        off = await nodes.start(clock=clock)
        clock.now += 20
        with pytest.raises(StoreError) as raised:
            await checker_of(off).check(asked(code_at(KEY, step_at(KEY, clock.now))))
        assert raised.value.cause is Cause.CLOCK_OFF
        assert (await find_key(off.store)).state.last_step == -1

    async def test_a_few_seconds_are_nothing(self, nodes: Nodes) -> None:
        clock = Clock(time.time() + 5)
        node = await nodes.start(clock=clock)
        await node.probe()
        assert await verdict_of(node, now_code()) is Verdict.ACCEPTED

    async def test_one_that_was_set_back_for_all_is_found_by_a_chain_nobody_holds(
        self, nodes: Nodes
    ) -> None:
        first = await nodes.start()
        await verdict_of(first, "junk")
        await nodes.stores.pop(0).close()
        # A row of tomorrow: the database's clock was a day ahead, or is a day back now.
        tomorrow = time.time() + 86_400
        await run_sql(
            nodes.database,
            "INSERT INTO audit_head (chain, seq, mac, at, holder, held_until)"
            f" VALUES (1, 0, '', {tomorrow}, 'x', 0)",
        )
        address = address_of(nodes.folder)
        assert address is not None
        store = PostgresStore(address, lanes=1, clock=time.time)
        nodes.stores.append(store)
        second = await open_ledger(store, nodes.folder, Clock())
        second._clock = time.time
        with pytest.raises(StoreError) as raised:
            await second.probe()
        assert raised.value.cause is Cause.CLOCK_BACK
        with pytest.raises(StoreError):
            await checker_of(second).check(asked(now_code()))
        await second.note("clock.accept", "test", "", whatever_the_clock=True)
        await second.probe()
        assert await verdict_of(second, now_code()) is Verdict.ACCEPTED

"""The simulated nodes and database, against what can be reckoned by hand."""

from dataclasses import replace
from itertools import pairwise

import pytest
from benchmarks.events import Activity, Log, Machine, Worker, World
from benchmarks.simulation import TRIPS, Costs, Outcome, Setting, simulate

FREE = Costs(
    sender=0.0,
    http=0.0,
    node_batch=0.0,
    node_check=0.0,
    database_batch=0.0,
    database_check=0.0,
    flushes=[0.001],
)
"""Only the disk takes time."""


def run(costs: Costs, setting: Setting, seed: int = 1) -> Outcome:
    return simulate(costs, setting, seconds=0.25, warm_up=0.05, seed=seed)


REAL = Costs(
    sender=20e-6,
    http=60e-6,
    node_batch=600e-6,
    node_check=60e-6,
    database_batch=500e-6,
    database_check=25e-6,
    flushes=[0.0005, 0.001, 0.002],
)


class TestEvents:
    def test_a_worker_does_one_thing_after_the_other_and_what_can_wait_last(self) -> None:
        world = World()
        worker = Worker(Machine(world, 4))
        done: list[tuple[str, float]] = []

        def task(name: str, seconds: float, *, when_idle: bool = False) -> Activity:
            yield worker.work(seconds, when_idle=when_idle)
            done.append((name, world.now))

        world.start(task("first", 1))
        world.start(task("idle", 1, when_idle=True))
        world.start(task("second", 2))
        world.run(10)
        assert done == [("first", 1), ("second", 3), ("idle", 4)]

    def test_a_machine_has_no_more_than_its_cores(self) -> None:
        world = World()
        machine = Machine(world, 2)
        ends: list[float] = []

        def task() -> Activity:
            yield Worker(machine).work(1)
            ends.append(world.now)

        for _ in range(5):
            world.start(task())
        world.run(10)
        assert ends == [1, 1, 2, 2, 3]
        assert machine.busy == 5

    def test_whoever_commits_while_the_log_is_flushed_shares_the_next_flush(self) -> None:
        world = World()
        log = Log(world, lambda: 1.0)
        ends: list[float] = []

        def commit(after: float) -> Activity:
            yield world.pause(after)
            yield log.flushed()
            ends.append(world.now)

        for after in (0.0, 0.1, 0.5, 0.9, 5.0):
            world.start(commit(after))
        world.run(10)
        assert ends == [1, 2, 2, 2, 6]
        assert log.flushes == 3


class TestSimulation:
    def test_one_connection_waits_for_each_step_once(self) -> None:
        costs = replace(REAL, flushes=[0.002], network=0.0003, replica=0.004)
        found = run(costs, Setting(1, connections=1))
        steps = costs.http + costs.node_batch + costs.node_check
        steps += costs.database_batch + costs.database_check
        expected = steps + TRIPS * 2 * costs.network + 0.002 + costs.replica
        assert found.p50 == pytest.approx(expected)
        assert found.rate == pytest.approx(1 / (expected + costs.sender), rel=0.01)
        assert found.batch == 1

    @pytest.mark.parametrize("connections", [4, 64, 200])
    def test_one_lane_gathers_while_the_other_waits_for_the_disk(self, connections: int) -> None:
        alone = run(FREE, Setting(1, connections=connections, lanes=1))
        assert alone.batch == connections
        both = run(FREE, Setting(1, connections=connections))
        assert both.batch == pytest.approx(connections / 2, rel=0.02)
        for found in (alone, both):
            assert found.rate == pytest.approx(found.batch * found.flushes, rel=0.02)

    def test_a_batch_is_no_larger_than_the_servers(self) -> None:
        found = run(FREE, Setting(1, connections=600))
        assert found.batch <= 256

    def test_a_node_is_no_faster_than_its_core(self) -> None:
        costs = replace(FREE, http=100e-6, flushes=[0.0])
        assert run(costs, Setting(1, connections=64)).rate == pytest.approx(10_000, rel=0.02)
        assert run(costs, Setting(3, connections=192)).rate == pytest.approx(30_000, rel=0.02)

    def test_nodes_share_what_cores_there_are(self) -> None:
        costs = replace(FREE, http=100e-6, flushes=[0.0])
        for nodes in (2, 4):
            found = run(costs, Setting(nodes, connections=128, shared_cores=1))
            assert found.rate == pytest.approx(10_000, rel=0.02)

    def test_a_database_is_no_faster_than_its_cores(self) -> None:
        costs = replace(FREE, database_check=200e-6, flushes=[0.0])
        found = run(costs, Setting(8, connections=64, database_cores=2))
        assert found.rate == pytest.approx(10_000, rel=0.05)
        assert found.database_cores == pytest.approx(2, rel=0.05)

    def test_what_comes_is_answered_and_what_is_too_much_piles_up(self) -> None:
        light = run(REAL, Setting(2, rate=2_000))
        assert light.rate == pytest.approx(2_000, rel=0.1)
        assert light.waiting < 100
        heavy = run(REAL, Setting(2, rate=50_000))
        assert heavy.rate < 25_000
        assert heavy.p99 > 5 * light.p99

    def test_more_load_makes_larger_batches_and_fewer_flushes_for_each_check(self) -> None:
        outcomes = [run(REAL, Setting(1, connections=each)) for each in (1, 4, 16, 64)]
        for less, more in pairwise(outcomes):
            assert more.batch > less.batch
            assert more.rate > less.rate
            assert more.flushes / more.rate < less.flushes / less.rate

    def test_the_same_seed_gives_the_same_outcome(self) -> None:
        setting = Setting(2, rate=3_000)
        assert run(REAL, setting, seed=7) == run(REAL, setting, seed=7)
        assert run(REAL, setting, seed=7) != run(REAL, setting, seed=8)

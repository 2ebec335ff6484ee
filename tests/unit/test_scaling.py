"""What is reckoned from measured checks: lines through points, sizes, costs; and the document of it."""

import math
from pathlib import Path

import msgspec
import pytest
from benchmarks.harness import ROOT
from benchmarks.scaling_document import BEGIN, DOCUMENT, publish
from benchmarks.scaling_measured import KEPT, Measured, Point, Sizes, Stages, as_json, kept
from benchmarks.scaling_model import costs_of, line
from benchmarks.simulation import Setting, simulate
from benchmarks.sizing import (
    Demand,
    Prices,
    cost_per_million,
    images_per_check,
    keys_per_month,
    main,
    size,
)
from click.testing import CliRunner

NODE, NODE_BATCH = 150e-6, 900e-6
DATABASE, DATABASE_BATCH = 30e-6, 600e-6


def point(connections: int, batch: float, *, processes: int = 1, keys: int = 10_000) -> Point:
    return Point(
        processes=processes,
        keys=keys,
        connections=connections,
        rate=1_000.0 * batch,
        p50=0.01,
        p99=0.02,
        batch=batch,
        commit=0.005,
        node=NODE + NODE_BATCH / batch,
        database=DATABASE + DATABASE_BATCH / batch,
        sender=20e-6,
        log=900.0,
        images=0.0,
        flushes=1 / batch,
        others=0.0,
        memory=60e6,
    )


MEASURED = Measured(
    date="2026-11-28",
    machine={"processor": "a_fast one"},
    cores=2,
    postgres="15.18",
    points=[
        *(point(connections, connections**0.8) for connections in (1, 4, 16, 64, 256)),
        point(64, 10.0, processes=2),
        point(64, 20.0, keys=1_000_000),
    ],
    stages=Stages(
        http=60e-6, decide=30e-6, socket_trip=50e-6, tcp_trip=70e-6, flushes=[0.001, 0.002, 0.001]
    ),
    sizes=Sizes(key=200.0, key_indexes=120.0, audit=400.0, audit_indexes=40.0, image=6_000.0),
)
DEMAND = Demand(keys=1e6, peak=1e3, checks_a_day=5, audit_days=90)
PRICES = Prices(core_hour=0.05, gb_month=0.10, copies=3, busy=0.5)


def test_a_line_gives_back_what_it_was_made_of() -> None:
    xs = [1.0, 0.3, 0.05, 0.01]
    assert line(xs, [7 + 90 * x for x in xs]) == pytest.approx((7, 90))


def test_a_line_is_near_small_values_as_well_as_great_ones() -> None:
    constant, slope = line([1, 0.5, 0.01], [100, 60, 2])
    assert constant + 0.01 * slope == pytest.approx(2, rel=0.1)


def test_neither_part_of_a_line_is_below_nothing() -> None:
    constant, slope = line([1, 0.5], [1, 2])
    assert slope == 0
    assert 1 < constant < 2
    constant, slope = line([1, 0.1], [10, 0.5])
    assert constant >= 0
    assert slope > 0


def test_costs_come_from_the_points_that_differ_in_their_batches_alone() -> None:
    costs = costs_of(MEASURED)
    assert costs.http == 60e-6
    assert costs.http + costs.node_check == pytest.approx(NODE)
    assert costs.node_batch == pytest.approx(NODE_BATCH)
    assert (costs.database_check, costs.database_batch) == pytest.approx((DATABASE, DATABASE_BATCH))


def test_a_page_is_written_whole_once_between_two_checkpoints() -> None:
    assert images_per_check(pages=1e9, checks=1e3) == pytest.approx(1, rel=1e-3)
    assert images_per_check(pages=100, checks=1e6) == pytest.approx(1e-4)
    assert images_per_check(pages=1e6, checks=1e6) == pytest.approx(1 - math.exp(-1))
    assert images_per_check(pages=0, checks=10) == 0


def test_sizes_grow_with_what_is_wanted() -> None:
    small = size(MEASURED, DEMAND)
    large = size(MEASURED, Demand(keys=1e7, peak=1e4, checks_a_day=5, audit_days=90))
    assert small.table == 1e6 * 200
    assert small.indexes == 1e6 * 120
    assert small.audit == 1e6 * 5 * 90 * 440
    assert large.nodes > small.nodes
    assert large.log > small.log
    assert large.memory == 10 * small.memory


def test_the_nodes_that_are_said_to_be_enough_are() -> None:
    demand = Demand(keys=1e6, peak=8e3, checks_a_day=5, audit_days=90)
    found = size(MEASURED, demand)
    outcome = simulate(
        costs_of(MEASURED),
        Setting(found.nodes, rate=demand.peak, database_cores=found.database_cores),
    )
    assert outcome.rate == pytest.approx(demand.peak, rel=0.05)
    assert outcome.p99 < 0.1


def test_costs_are_processor_time_and_bytes_times_prices() -> None:
    sizes = size(MEASURED, DEMAND)
    costs = cost_per_million(MEASURED, DEMAND, sizes, PRICES)
    hours = 1e6 * (NODE + NODE_BATCH / sizes.batch) / 3600
    assert costs["nodes' processors"] == pytest.approx(hours / 0.5 * 0.05)
    stored = 1e6 * 440 / 1e9 * 3
    assert costs["audit rows, as long as they are kept"] == pytest.approx(stored * 0.10 * 3)
    assert keys_per_month(MEASURED, DEMAND, PRICES) == pytest.approx(1e6 * 320 / 1e9 * 0.10 * 3)


def test_a_run_is_kept_and_read_again() -> None:
    read = msgspec.json.decode(as_json(MEASURED), type=Measured)
    assert as_json(read) == as_json(MEASURED)
    assert read.stages == MEASURED.stages
    assert [each.node for each in read.points] == pytest.approx(
        [each.node for each in MEASURED.points], rel=1e-4
    )


def test_a_document_is_written_between_its_marks_and_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    document = tmp_path / DOCUMENT
    document.write_text(f"before\n{BEGIN}\nwas before\n<!-- Up to here. -->\nafter\n")
    assert publish(MEASURED, tmp_path) == [KEPT, DOCUMENT]
    written = document.read_text()
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "was before" not in written
    assert "| 10,000 | 1 | 64 | " in written
    assert "a\\_fast one" in written
    publish(kept(tmp_path), tmp_path)
    assert document.read_text() == written


def test_the_document_has_the_run_that_is_kept() -> None:
    measured = kept(ROOT)
    document = (ROOT / DOCUMENT).read_text()
    assert f"- date: {measured.date}" in document
    for each in measured.points:
        assert f"| {each.keys:,} | {each.processes} | {each.connections} | " in document


def test_sizes_are_told_on_the_command_line() -> None:
    done = CliRunner().invoke(main, ["--keys", "1e6", "--peak", "500", "--core-hour", "1"])
    assert done.exit_code == 0, done.output
    assert "PostgreSQL's cores" in done.output
    assert "a million checks: nodes' processors" in done.output

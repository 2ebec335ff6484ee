"""The tables of docs/scaling.md, drawn from the run that is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.documents import between
from benchmarks.figures import amount, number
from benchmarks.scaling_measured import KEPT, as_json, kept
from benchmarks.scaling_model import costs_of, predicted
from benchmarks.sizing import (
    Demand,
    Prices,
    cost_per_million,
    described,
    keys_per_month,
    log_record,
    node_rate,
    size,
)
from benchmarks.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.scaling_measured import Measured, Point
    from benchmarks.sizing import Sizes

DOCUMENT = "docs/scaling.md"
BEGIN = "<!-- From here on `make scaling` writes; it keeps what stands before and after. -->"

DEMANDS = (
    Demand(keys=1e6, peak=1e3, checks_a_day=5, audit_days=90),
    Demand(keys=1e7, peak=1e4, checks_a_day=5, audit_days=90),
    Demand(keys=1e8, peak=1e5, checks_a_day=5, audit_days=90),
)
PRICES = Prices(core_hour=0.05, gb_month=0.10, copies=3, busy=0.3)
"""Round numbers, nobody's prices."""

_FAR = 0.2
"""How far a prediction may be off, of what was measured."""

_Rows = list["Sequence[str]"]


def publish(measured: Measured, root: Path) -> list[str]:
    """Keep a run and write the document that is made of it; give their paths.

    Args:
        measured: What was measured.
        root: The folder of the project.

    Raises:
        ValueError: The document has lost the marks between which it is written.
    """
    (root / KEPT).write_text(as_json(measured), encoding="utf-8")
    # Drawn from what is kept, so that drawing it again gives the same.
    text = "\n\n".join(_parts(kept(root)))
    document = between((root / DOCUMENT).read_text(encoding="utf-8"), BEGIN, text)
    (root / DOCUMENT).write_text(document, encoding="utf-8")
    return [KEPT, DOCUMENT]


def _parts(measured: Measured) -> Iterator[str]:
    yield "## What was measured"
    yield (
        "One machine holds wrk, the processes and PostgreSQL, so more processes than it has cores show"
        " what is shared, not what is gained. Predicted is what the simulation says of the same setting"
        " on an idle machine: how busy this one was with something else stands in the next table. By"
        " `make scaling`."
    )
    yield markdown(points_table(measured))
    yield "What each check cost in these rounds, by `make scaling`; processor time in microseconds."
    yield markdown(costs_table(measured.points))
    yield "Single steps, each measured by itself, and what the points come to. By `make scaling`."
    yield markdown(steps_table(measured))
    yield "## What it comes to elsewhere"
    yield (
        "Simulated and reckoned from the above, not measured; each key is asked about five times a day,"
        " the audit log is kept for 90 days, and a synchronous replica confirms in 1 ms. By"
        " `.venv/bin/python -m benchmarks.sizing --keys 1e8 --peak 1e5`, and so on."
    )
    sizes = [size(measured, demand) for demand in DEMANDS]
    yield markdown(sizes_table(sizes))
    yield "## What a million checks cost"
    yield (
        f"With {PRICES.core_hour} for a core-hour and {PRICES.gb_month:.2f} for a GB-month, three"
        " copies of what is stored and cores that are 30 % busy on average: round numbers to show the"
        " reckoning, nobody's prices. Yours: `.venv/bin/python -m benchmarks.sizing --core-hour 0.04"
        " --gb-month 0.08 --copies 2 --busy 0.5`."
    )
    yield markdown(cost_table(measured, sizes[-1]))
    yield "## What it ran on"
    facts = {"date": measured.date, **measured.machine, "PostgreSQL": measured.postgres}
    yield "\n".join(f"- {kind}: {fact.replace('_', chr(92) + '_')}" for kind, fact in facts.items())


def points_table(measured: Measured) -> _Rows:
    """Each point with what the simulation says of it."""
    rows: _Rows = [
        (
            *("keys", "processes", "connections", "checks a second", "p50", "p99"),
            *("checks in one commit", "predicted", "predicted / measured"),
        )
    ]
    for point in measured.points:
        found = predicted(measured, point)
        ratio = found.rate / point.rate
        rows.append(
            (
                *(f"{point.keys:,}", f"{point.processes}", f"{point.connections}"),
                *(
                    number(point.rate),
                    amount(point.p50, "s"),
                    amount(point.p99, "s"),
                    number(point.batch),
                ),
                *(number(found.rate), f"{ratio:.2f}{'' if abs(ratio - 1) <= _FAR else ' (off)'}"),
            )
        )
    return rows


def costs_table(points: Sequence[Point]) -> _Rows:
    """What each check cost at each point."""
    rows: _Rows = [
        (
            *("keys", "processes", "connections", "nodes", "PostgreSQL", "wrk", "log"),
            *("whole pages in it", "flushes", "batch to commit", "a node's own memory"),
            "cores busy with something else",
        )
    ]
    rows += [
        (
            *(f"{point.keys:,}", f"{point.processes}", f"{point.connections}"),
            *(number(1e6 * each) for each in (point.node, point.database, point.sender)),
            *(amount(point.log, "bytes"), f"{point.images:.3f}", f"{point.flushes:.3f}"),
            *(amount(point.commit, "s"), amount(point.memory, "bytes"), f"{point.others:.2f}"),
        )
        for point in points
    ]
    return rows


def steps_table(measured: Measured) -> _Rows:
    """Single steps, what was fitted, and sizes."""
    stages, costs, sizes = measured.stages, costs_of(measured), measured.sizes
    flushes = sorted(stages.flushes)
    micro = {
        "node: HTTP and JSON, each check (bare aiohttp's)": stages.http,
        "node: decide and chain the audit row, each check": stages.decide,
        "node: all but HTTP, each check": costs.node_check,
        "node: each batch, whatever its size": costs.node_batch,
        "PostgreSQL: each check": costs.database_check,
        "PostgreSQL: each batch, whatever its size": costs.database_batch,
        "to PostgreSQL and back, Unix socket": stages.socket_trip,
        "to PostgreSQL and back, TCP on this machine": stages.tcp_trip,
        "flush of 8 KiB to disk, median": flushes[len(flushes) // 2],
        "flush of 8 KiB to disk, p99": flushes[len(flushes) * 99 // 100],
    }
    return [
        ("step", "measured"),
        *((step, f"{number(1e6 * seconds)} µs") for step, seconds in micro.items()),
        ("one node on a core of its own, simulated", f"{number(node_rate(costs))} checks/s"),
        ("write-ahead log of each check, without whole pages", amount(log_record(measured), "bytes")),
        ("a whole page in the log", amount(sizes.image, "bytes")),
        ("a key's row", amount(sizes.key, "bytes")),
        ("a key's entries in indexes", amount(sizes.key_indexes, "bytes")),
        ("an audit row", amount(sizes.audit, "bytes")),
        ("an audit row's entry in the index", amount(sizes.audit_indexes, "bytes")),
    ]


def sizes_table(sizes: Sequence[Sizes]) -> _Rows:
    """What it takes, a column for each demand."""
    columns = [described(each) for each in sizes]
    head = [f"{demand.keys:,.0f} keys, {demand.peak:,.0f} checks/s" for demand in DEMANDS]
    rows: _Rows = [("", *head)]
    for lines in zip(*columns, strict=True):
        rows.append((lines[0][0], *(value for _, value in lines)))
    return rows


def cost_table(measured: Measured, sizes: Sizes) -> _Rows:
    """What a million checks cost at the greatest demand."""
    demand = DEMANDS[-1]
    costs = cost_per_million(measured, demand, sizes, PRICES)
    return [
        ("a million checks", "cost"),
        *((name, f"{cost:.4f}") for name, cost in costs.items()),
        ("together", f"{sum(costs.values()):.4f}"),
        (f"{demand.keys:,.0f} keys, each month", f"{keys_per_month(measured, demand, PRICES):.2f}"),
    ]

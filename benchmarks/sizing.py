"""`python -m benchmarks.sizing`: machines, disks and money for so many keys and checks.

Made of what docs/scaling.json has measured: put in your own numbers, or measure on your own machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click
from benchmarks.harness import ROOT
from benchmarks.scaling_measured import kept
from benchmarks.scaling_model import costs_of
from benchmarks.simulation import Setting, simulate

if TYPE_CHECKING:
    from benchmarks.scaling_measured import Measured
    from benchmarks.simulation import Costs

PAGE = 8192
FULL = 0.6
"""How busy a core may be at the peak: beyond, waiting grows faster than the load."""
_AT_ONCE = 256
"""Connections that find out how much one node can do."""
_GB = 1e9
_DAY = 86_400


@dataclass(frozen=True)
class Demand:
    """What is wanted."""

    keys: float
    peak: float
    """Checks a second in the busiest minutes."""
    checks_a_day: float
    """Of each key, on average."""
    audit_days: float
    """How long rows of the audit log are kept."""
    checkpoint: float = 900.0
    """Seconds from one checkpoint of PostgreSQL to the next."""
    network: float = 0.0002
    """Seconds from a node to PostgreSQL, one way."""
    replica: float = 0.001
    """Seconds until the synchronous replica has confirmed; 0 for none."""


@dataclass(frozen=True)
class Prices:
    """What things cost, in whatever money."""

    core_hour: float
    gb_month: float
    """Of disk, each copy."""
    copies: float
    """Of what is stored: the primary, its replicas, backups."""
    busy: float
    """How busy the cores that are paid for are on average, above 0, at most 1."""


@dataclass(frozen=True)
class Sizes:
    """What it takes."""

    nodes: int
    """Processes, each with a core of its own."""
    batch: float
    """Checks in one commit."""
    p99: float
    """Seconds, of the answer at the peak."""
    database_cores: int
    flushes: float
    """Of the log, a second, at the peak."""
    log: float
    """Bytes a second at the peak."""
    writes: float
    """Pages a second that checkpoints write at the peak."""
    table: float
    """Bytes of the keys."""
    indexes: float
    """Bytes of their indexes."""
    audit: float
    """Bytes of the audit log with its index, once as much is pruned as comes."""
    audit_a_day: float
    """Bytes that come to it."""

    @property
    def memory(self) -> float:
        """Bytes that PostgreSQL had better have for keys and indexes to stay in memory."""
        return self.table + self.indexes


def size(measured: Measured, demand: Demand) -> Sizes:
    """Say what it takes, if one PostgreSQL serves it all."""
    costs = replace(costs_of(measured), network=demand.network, replica=demand.replica)
    nodes = max(1, math.ceil(demand.peak / (FULL * node_rate(costs))))
    seconds = _enough(demand.peak)
    found = simulate(costs, Setting(nodes, rate=demand.peak), seconds=seconds, warm_up=seconds / 2)
    sizes = measured.sizes
    pages = demand.keys * sizes.key / PAGE
    images = images_per_check(pages, demand.peak * demand.checkpoint)
    record = log_record(measured)
    audit = sizes.audit + sizes.audit_indexes
    checks_a_day = demand.keys * demand.checks_a_day
    return Sizes(
        nodes=nodes,
        batch=found.batch,
        p99=found.p99,
        database_cores=max(1, math.ceil(found.database_cores / FULL)),
        flushes=found.flushes,
        log=demand.peak * (record + images * sizes.image),
        writes=demand.peak * (images + audit / PAGE),
        table=demand.keys * sizes.key,
        indexes=demand.keys * sizes.key_indexes,
        audit=checks_a_day * demand.audit_days * audit,
        audit_a_day=checks_a_day * audit,
    )


def node_rate(costs: Costs) -> float:
    """Checks a second that one node can do on a core of its own, with a PostgreSQL that has time."""
    return simulate(costs, Setting(1, connections=_AT_ONCE)).rate


def images_per_check(pages: float, checks: float) -> float:
    """Whole pages in the log per check, if checks between two checkpoints are of any keys alike."""
    touched = pages * -math.expm1(-checks / pages) if pages else 0.0
    return touched / checks


def log_record(measured: Measured) -> float:
    """Bytes of log per check at full load, without whole pages."""
    full = max(measured.sweep(), key=lambda point: point.connections)
    return max(full.log - full.images * measured.sizes.image, 0.0)


def cost_per_million(
    measured: Measured, demand: Demand, sizes: Sizes, prices: Prices
) -> dict[str, float]:
    """What a million checks cost, by kind: processors, and disk for as long as it is kept.

    Args:
        measured: What each check costs.
        demand: What is wanted.
        sizes: What that takes.
        prices: What things cost.
    """
    costs = costs_of(measured)
    node = costs.http + costs.node_check + costs.node_batch / sizes.batch
    database = costs.database_check + costs.database_batch / sizes.batch
    row = measured.sizes.audit + measured.sizes.audit_indexes
    hours, months = 1e6 / 3600 / prices.busy, demand.audit_days / 30
    return {
        "nodes' processors": node * hours * prices.core_hour,
        "PostgreSQL's processors": database * hours * prices.core_hour,
        "audit rows, as long as they are kept": row
        * 1e6
        / _GB
        * months
        * prices.gb_month
        * prices.copies,
    }


def keys_per_month(measured: Measured, demand: Demand, prices: Prices) -> float:
    """What it costs to keep the keys for a month."""
    each = measured.sizes.key + measured.sizes.key_indexes
    return demand.keys * each / _GB * prices.gb_month * prices.copies


def _enough(rate: float) -> float:
    """Seconds to simulate: of high rates less, for it to end soon."""
    return min(1.0, max(0.1, 10_000 / rate))


@click.command()
@click.option("--keys", default=1e8, show_default=True, help="How many keys there are.")
@click.option("--peak", default=1e5, show_default=True, help="Checks a second at the busiest.")
@click.option("--checks-a-day", default=5.0, show_default=True, help="Of each key, on average.")
@click.option("--audit-days", default=90.0, show_default=True, help="Days to keep audit rows.")
@click.option("--core-hour", default=0.05, show_default=True, help="Price of a core for an hour.")
@click.option("--gb-month", default=0.10, show_default=True, help="Price of a GB for a month.")
@click.option("--copies", default=3.0, show_default=True, help="Copies of what is stored.")
@click.option("--busy", default=0.3, show_default=True, help="How busy paid cores are on average.")
def main(  # noqa: PLR0913, PLR0917 - each is one number to put in
    keys: float,
    peak: float,
    checks_a_day: float,
    audit_days: float,
    core_hour: float,
    gb_month: float,
    copies: float,
    busy: float,
) -> None:
    """Say what so many keys and checks take, by the run that is kept in docs/scaling.json."""
    measured = kept(ROOT)
    demand = Demand(keys, peak, checks_a_day, audit_days)
    prices = Prices(core_hour, gb_month, copies, busy)
    sizes = size(measured, demand)
    for name, value in described(sizes):
        click.echo(f"{name:<44} {value}")
    click.echo()
    for name, cost in cost_per_million(measured, demand, sizes, prices).items():
        click.echo(f"{f'a million checks: {name}':<60} {cost:.4f}")
    click.echo(f"{'the keys, each month':<60} {keys_per_month(measured, demand, prices):.2f}")


def described(sizes: Sizes) -> list[tuple[str, str]]:
    """Sizes in words."""
    return [
        ("nodes, a core each", f"{sizes.nodes}"),
        ("checks in one commit", f"{sizes.batch:.1f}"),
        ("p99 of the answer", f"{sizes.p99 * 1e3:.1f} ms"),
        ("PostgreSQL's cores", f"{sizes.database_cores}"),
        ("flushes of the log", f"{sizes.flushes:,.0f}/s"),
        ("write-ahead log", f"{sizes.log / 1e6:,.1f} MB/s"),
        ("pages written by checkpoints", f"{sizes.writes:,.0f}/s"),
        ("keys, their table", f"{sizes.table / _GB:,.1f} GB"),
        ("keys, their indexes", f"{sizes.indexes / _GB:,.1f} GB"),
        ("memory for keys and indexes", f"{sizes.memory / _GB:,.1f} GB"),
        ("audit log, a day", f"{sizes.audit_a_day / _GB:,.1f} GB"),
        ("audit log, in all", f"{sizes.audit / _GB:,.1f} GB"),
    ]


if __name__ == "__main__":
    main()

"""From what was measured to what the simulation is given, and how far the two are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.simulation import Costs, Outcome, Setting, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scaling_measured import Measured, Point


def costs_of(measured: Measured) -> Costs:
    """What each step takes, by the points that differ in their batches alone.

    What a process spends on a check is a part that each check has, and a part of its batch's: a line
    through the points, over batches per check.
    """
    sweep = measured.sweep()
    batches = [1 / point.batch for point in sweep]
    node_check, node_batch = line(batches, [point.node for point in sweep])
    database_check, database_batch = line(batches, [point.database for point in sweep])
    return Costs(
        sender=min(point.sender for point in sweep),
        http=min(measured.stages.http, node_check),
        node_batch=node_batch,
        node_check=max(node_check - measured.stages.http, 0.0),
        database_batch=database_batch,
        database_check=database_check,
        flushes=measured.stages.flushes,
    )


def line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Intercept and slope of the line that is least off in proportion; neither below 0.

    Args:
        xs: At least two that differ.
        ys: All above 0.
    """
    weights = [1 / y**2 for y in ys]
    total = sum(weights)
    x_mean = sum(w * x for w, x in zip(weights, xs, strict=True)) / total
    y_mean = sum(w * y for w, y in zip(weights, ys, strict=True)) / total
    spread = sum(w * (x - x_mean) ** 2 for w, x in zip(weights, xs, strict=True))
    slope = (
        sum(w * (x - x_mean) * (y - y_mean) for w, x, y in zip(weights, xs, ys, strict=True)) / spread
    )
    slope = min(max(slope, 0.0), y_mean / x_mean)
    return y_mean - slope * x_mean, slope


def predicted(measured: Measured, point: Point) -> Outcome:
    """What the simulation says of a point: all on one machine, as it was measured."""
    setting = Setting(nodes=point.processes, connections=point.connections, shared_cores=measured.cores)
    return simulate(costs_of(measured), setting, seconds=0.5)

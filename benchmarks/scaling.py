"""`make scaling`: what PostgreSQL, more processes and more keys do to checks; see docs/scaling.md."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click
from benchmarks.harness import ROOT, UnavailableError, require_program, say, workplace
from benchmarks.machine import machine
from benchmarks.postgres_cluster import kept_cluster, version_of
from benchmarks.postgres_keys import postgres_keys
from benchmarks.scaling_document import publish
from benchmarks.scaling_measured import Measured, Sizes, kept
from benchmarks.scaling_points import Place, measure_points
from benchmarks.scaling_stages import measure_stages
from benchmarks.sizing import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.postgres_keys import Connection, PostgresDatabase
    from benchmarks.scaling_measured import Point, Stages


FEW = 10_000
PLAN: dict[int, Sequence[tuple[int, int]]] = {
    1_000: [(1, 64)],
    FEW: [*((1, each) for each in (1, 4, 16, 64, 256)), (2, 64), (2, 256), (4, 64), (4, 256)],
    100_000: [(1, 64)],
    1_000_000: [(1, 64), (2, 256)],
}
"""By keys: processes, and connections to all of them together."""

_SIZES = """
SELECT
  (SELECT sum(pg_table_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'keys'::regclass),
  (SELECT sum(pg_indexes_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'keys'::regclass),
  (SELECT sum(pg_table_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'audit'::regclass),
  (SELECT sum(pg_indexes_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'audit'::regclass),
  (SELECT count(*) FROM audit)
"""


@click.command()
@click.option("--redraw", is_flag=True, help="Measure nothing: write the last run's document again.")
def main(*, redraw: bool) -> None:
    """Measure, keep it in docs/scaling.json, and write the tables of docs/scaling.md anew.

    It takes about eight minutes, and the first time some more, to make a million keys.
    """
    try:
        written = publish(kept(ROOT) if redraw else measure(), ROOT)
    except UnavailableError as error:
        raise click.ClickException(str(error)) from None
    for path in written:
        say(f"written: {path}")


def measure() -> Measured:
    """Measure all points, steps and sizes.

    Raises:
        UnavailableError: Something that it takes is not to be had.
    """
    require_program("wrk")
    facts = machine()
    points: list[Point] = []
    stages: Stages | None = None
    sizes: Sizes | None = None
    with kept_cluster() as cluster:
        version = version_of(cluster.run("postgres", "--version"))
        for count, settings in PLAN.items():
            with workplace() as folder, postgres_keys(cluster, folder, count) as (keys, database):
                if count == FEW:
                    stages = measure_stages(keys, database, cluster.tcp_dsn(database.name), folder)
                found = measure_points(Place(keys, database, cluster, folder), settings)
                points += found
                if count == max(PLAN):
                    sizes = _sizes(database, count, image_bytes(points, found[0]))
                keys.require_whole_audit()
    assert stages is not None
    assert sizes is not None
    return Measured(
        date=time.strftime("%Y-%m-%d"),
        machine=facts,
        cores=os.cpu_count() or 1,
        postgres=version,
        points=points,
        stages=stages,
        sizes=sizes,
    )


def image_bytes(points: Sequence[Point], many: Point) -> float:
    """Bytes of a whole page in the log: by a point with many of them, and one of fewer keys.

    Args:
        points: All there are.
        many: The one of most keys.
    """
    shape = many.processes, many.connections
    few = next(each for each in points if (each.processes, each.connections, each.keys) == (*shape, FEW))
    if many.images <= few.images:
        return float(PAGE)
    return min(max((many.log - few.log) / (many.images - few.images), 0.0), float(PAGE))


def _sizes(database: PostgresDatabase, count: int, image: float) -> Sizes:
    async def work(connection: Connection) -> list[float]:
        await connection.execute("VACUUM audit, keys")
        return [float(value) for value in await connection.fetchrow(_SIZES) or ()]

    key, key_indexes, audit, audit_indexes, rows = database.ask(work)
    return Sizes(
        key=key / count,
        key_indexes=key_indexes / count,
        audit=audit / rows,
        audit_indexes=audit_indexes / rows,
        image=image,
    )


if __name__ == "__main__":
    main()

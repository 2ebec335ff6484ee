"""`python -m benchmarks`: measure against the goals in docs/performance.md."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click
from benchmarks.bench import run
from benchmarks.documents import kept, publish
from benchmarks.harness import ROOT, say
from benchmarks.machine import machine
from benchmarks.measures import MEASURES
from benchmarks.report import Report, as_json
from benchmarks.tables import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.bench import Measure


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)), metavar="[NAME]...")
@click.option("--json", "as_object", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "--redraw", is_flag=True, help="Measure nothing: write the documents of the last whole run again."
)
def main(names: tuple[str, ...], *, as_object: bool, redraw: bool) -> None:
    """Measure everything, or those that are named: command-line, app-screen, server-checks and so on.

    A run of everything is kept in docs/performance.json; the figures in docs/performance.md and the
    chart are written anew. A run of some is printed, and nothing is written.

    Exit status: 0 when every figure reaches its goal, 1 when one falls short or cannot be measured.
    """
    if redraw:
        if names or as_object:
            raise click.UsageError("--redraw goes alone: it measures nothing")
        tell(publish(kept(ROOT), ROOT))
        return
    report = measured(MEASURES, names, ROOT)
    print(as_json(report) if as_object else as_text(report))
    sys.exit(not report.passed)


def measured(measures: Mapping[str, Measure], names: Sequence[str], root: Path) -> Report:
    """Run measures and give the report; publish it only if it is about everything.

    Args:
        measures: All there are, by name.
        names: Which to run; none for all.
        root: The folder of the project.
    """
    report = Report(machine(), time.strftime("%Y-%m-%d"))
    run({name: measures[name] for name in names or measures}, report)
    if not names:
        tell(publish(report, root))
    return report


def tell(paths: Sequence[str]) -> None:
    """Say which documents were written."""
    for path in paths:
        say(f"written: {path}")


if __name__ == "__main__":
    main()

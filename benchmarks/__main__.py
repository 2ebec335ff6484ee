"""`python -m benchmarks`: measure against the goals in docs/performance.md."""

from __future__ import annotations

import sys
import time

import click
from benchmarks.bench import run
from benchmarks.documents import kept, publish
from benchmarks.harness import ROOT, say
from benchmarks.machine import machine
from benchmarks.measures import MEASURES
from benchmarks.report import Report, as_json
from benchmarks.tables import as_text


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)), metavar="[NAME]...")
@click.option("--json", "as_object", is_flag=True, help="Print one JSON object instead of tables.")
@click.option(
    "--redraw", is_flag=True, help="Measure nothing: write the documents of the last whole run."
)
def main(names: tuple[str, ...], *, as_object: bool, redraw: bool) -> None:
    """Measure everything, or those that are named: command-line, app-screen, server-checks and so on.

    A run of everything is kept in docs/performance.json, and the figures in docs/performance.md and
    the chart are written anew. A run of some is only printed.

    Exit status: 0 when every figure reaches its goal, 1 when one falls short or cannot be measured.
    """
    if redraw:
        if names:
            raise click.UsageError("--redraw takes no names: it measures nothing")
        report = kept(ROOT)
    else:
        report = Report(machine(), time.strftime("%Y-%m-%d"))
        run({name: MEASURES[name] for name in names or MEASURES}, report)
    print(as_json(report) if as_object else as_text(report))
    if not names:
        for path in publish(report, ROOT):
            say(f"written: {path}")
    sys.exit(not report.passed)


if __name__ == "__main__":
    main()

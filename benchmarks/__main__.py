"""`python -m benchmarks`: measure against the goals in docs/performance.md."""

from __future__ import annotations

import sys

import click
from benchmarks import (
    app_accounts,
    app_import,
    app_screen,
    app_ssh,
    command_line,
    server_checks,
    server_million,
    server_prototype,
    server_start,
)
from benchmarks.harness import Report, UnavailableError, machine, say, workplace

MEASURES = {
    "command-line": command_line.measure,
    "app-screen": app_screen.measure,
    "app-accounts": app_accounts.measure,
    "app-import": app_import.measure,
    "app-ssh": app_ssh.measure,
    "server-checks": server_checks.measure,
    "server-million": server_million.measure,
    "server-prototype": server_prototype.measure,
    "server-start": server_start.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASURES)), metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def main(names: tuple[str, ...], *, as_json: bool) -> None:
    """Measure everything, or those that are named: command-line, app-screen, server-checks and so on.

    Exit status: 0 when every figure reaches its goal, 1 when one falls short or cannot be measured.
    """
    report = Report(machine())
    for name in names or MEASURES:
        say(f"measuring {name}")
        try:
            with workplace() as folder:
                report.figures += MEASURES[name](folder)
        except UnavailableError as error:
            report.unavailable.append(f"{name}: {error}")
    print(report.as_json() if as_json else report.as_text())
    sys.exit(not report.passed)


if __name__ == "__main__":
    main()

"""The measures by name, in the order in which they run and stand in the report.

A new one is a module with `measure(bench)` and a line here; docs/performance.md says more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import (
    app_accounts,
    app_import,
    app_screen,
    app_ssh,
    command_line,
    server_checks,
    server_million,
    server_postgres,
    server_prototype,
    server_start,
)

if TYPE_CHECKING:
    from benchmarks.bench import Measure

MEASURES: dict[str, Measure] = {
    "command-line": command_line.measure,
    "app-screen": app_screen.measure,
    "app-accounts": app_accounts.measure,
    "app-import": app_import.measure,
    "app-ssh": app_ssh.measure,
    "server-checks": server_checks.measure,
    "server-million": server_million.measure,
    "server-postgres": server_postgres.measure,
    "server-prototype": server_prototype.measure,
    "server-start": server_start.measure,
}

"""How findings are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watchword_server.commands.common import found_wrong
from watchword_server.commands.shown import show_json, show_table
from watchword_server.findings import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.findings import Finding


def show_findings(found: Sequence[Finding], *, as_json: bool) -> None:
    """Show what was looked at and what to do; end with exit status 1 if something is wrong."""
    if as_json:
        show_json(found)
    else:
        show_table(
            ("SUBJECT", "STATE", "FOUND"),
            ((finding.subject, finding.state, finding.detail) for finding in found),
        )
        for finding in found:
            if finding.advice:
                click.echo(f"{finding.subject}: {finding.advice}")
    if any(finding.state is State.WRONG for finding in found):
        found_wrong()

"""`watchword doctor`: look for what could go wrong, and say what to do."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from watchword_tui.commands.common import EXITS, common_options, json_option, settings_of
from watchword_tui.commands.doctor_files import look_at_files
from watchword_tui.commands.doctor_server import look_at_clock, look_at_server
from watchword_tui.commands.doctor_terminal import look_at_terminal
from watchword_tui.commands.findings import show, wrong
from watchword_tui.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.commands.findings import Finding


@click.command(epilog=EXITS)
@json_option("One JSON object a line: subject, state, detail, advice.")
@common_options
@click.pass_context
def doctor(ctx: click.Context, /, *, as_json: bool) -> None:
    """Look at terminal, clock, files and server for what could go wrong, and say what to do.

    Nothing is asked and nothing is changed. The vault is looked into where that asks nothing.

    \b
    Examples:
      watchword doctor
      watchword doctor --json | jq 'select(.state != "ok")'
    """  # noqa: D301 - \b is click's own mark
    ctx.exit(show(_findings(ctx), as_json=as_json))


def _findings(ctx: click.Context) -> Iterator[Finding]:
    yield from look_at_terminal(os.environ, sys.stdout)
    yield from look_at_clock(time.time())
    try:
        settings = settings_of(ctx)
    except SettingsError as error:
        yield wrong("settings", error.message, error.remedy or "correct it")
        return
    yield from look_at_files(settings, time.time())
    yield from look_at_server(settings)


COMMANDS = {"doctor": doctor}

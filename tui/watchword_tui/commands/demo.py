"""`watchword demo`: the whole loop on throw-away parts."""

from __future__ import annotations

import os

import click

from watchword_tui.commands.common import EXITS


@click.command(epilog=EXITS)
@click.pass_context
def demo(ctx: click.Context, /) -> None:
    """See the whole loop: a server, a key, a live code, accepted once and only once.

    Starts a server of its own on a free port of this machine with a throw-away database, enrols its
    key and opens the app on it. Without a terminal the loop runs once and prints its steps. Nothing
    is left behind.

    \b
    Examples:
      watchword demo                        press v, then Enter, then Enter again
      watchword demo | cat                  as plain lines
    """  # noqa: D301 - \b is click's own mark
    from watchword_tui.demo import run_demo  # noqa: PLC0415 - not for --help

    ctx.exit(run_demo(os.environ))


COMMANDS = {"demo": demo}

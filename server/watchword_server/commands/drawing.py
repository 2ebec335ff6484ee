"""A key's QR code on the terminal that a command runs on."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from watchword_otp.key_qr import make_key_qr
from watchword_otp.qr import Drawing
from watchword_server.commands.common import PROGRAM

if TYPE_CHECKING:
    from watchword_otp import Key

_QUIET_ZONE = 2
"""Modules of white around the code where it is drawn for nobody yet: into a pipe or a file."""


def draw(key: Key, name: str) -> None:
    """Draw a pending key called `name`; last of all, for what stands below pushes its top out."""
    code = make_key_qr(key).code
    # Where the terminal has no half blocks, two spaces make a module.
    has_blocks = "utf" in (sys.stdout.encoding or "").lower()
    drawing = Drawing.HALF if has_blocks else Drawing.SPACE
    quiet_zone = _QUIET_ZONE
    if sys.stdout.isatty():
        columns, rows = shutil.get_terminal_size()
        # One row stays for the prompt below.
        quiet_zone = code.best_quiet_zone(drawing, columns, rows - 1) or 1
        width, height = code.space(drawing, quiet_zone)
        if width > columns or height >= rows:
            click.echo(
                f"The drawing needs {width} columns and {height + 1} rows: enlarge the terminal, or show"
                f" it on a page with: {PROGRAM} keys link {name}",
                err=True,
            )
    # With its colours wherever it goes: without them it cannot be scanned.
    click.echo(code.text(drawing, quiet_zone), nl=False, color=True)

"""What must be true before Textual is imported: a terminal on all three streams, a clean environment.

Without a terminal Textual would spin on a closed input for ever. Some of its variables load
modules, write files or dial out: a program that shows secrets does not take them from outside.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from watchword_tui.door import HARMLESS_VARIABLES, UNUSABLE_TERMS
from watchword_tui.errors import TerminalError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

_SIZE_VARIABLES = ("COLUMNS", "LINES")


def require_terminal(
    environ: MutableMapping[str, str], isatty: Callable[[int], bool] = os.isatty
) -> None:
    """See that the app can have the terminal.

    Raises:
        TerminalError: Input or output is no terminal, or one without a screen.
    """
    if not all(isatty(descriptor) for descriptor in (0, 1, 2)):
        raise TerminalError(
            "the app needs a terminal", "for plain output use: watchword code, watchword check"
        )
    if environ.get("TERM", "") in UNUSABLE_TERMS:
        raise TerminalError(
            f"the terminal type TERM={environ.get('TERM', '')!r} has no screen",
            "set TERM, for example to xterm-256color",
        )


def scrub_environment(environ: MutableMapping[str, str]) -> None:
    """Remove what would freeze the size or make Textual load, write or send something."""
    for name in list(environ):
        if name in _SIZE_VARIABLES or (name.startswith("TEXTUAL") and name not in HARMLESS_VARIABLES):
            del environ[name]


def prepare_terminal(environ: MutableMapping[str, str]) -> None:
    """Clean the environment, and write UTF-8: Textual does not look, and would show escapes."""
    scrub_environment(environ)
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")

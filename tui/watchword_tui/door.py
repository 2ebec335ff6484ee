"""The door of `watchword --ssh`: who is let in, and what of the environment comes along.

At the far end of an SSH connection terminal and environment are somebody else's. So this comes before
every other module: a refusal is one line, at once, and nothing that can be set from far away is read.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from watchword_tui.errors import TerminalError, WatchwordError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

UNUSABLE_TERMS = frozenset({"", "dumb", "unknown"})
"""Values of TERM that name no terminal with a screen."""

HARMLESS_VARIABLES = frozenset({"TEXTUAL_COLOR_SYSTEM", "TEXTUAL_DISABLE_KITTY_KEY"})
"""The variables of Textual's that only help with a terminal."""

_KEPT = frozenset(
    {
        # Where the account's files are, and whose they are.
        *("HOME", "USER", "LOGNAME"),
        # What the terminal can do, and what stands between.
        *("TERM", "COLORTERM", "NO_COLOR", "TERM_PROGRAM", "LC_TERMINAL", "TMUX", "STY"),
        *HARMLESS_VARIABLES,
        # Where the person is.
        *("LANG", "TZ", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"),
    }
)
_KEPT_PREFIX = "LC_"

_ESCAPE_DELAY = "250"
"""Milliseconds to wait whether an Esc begins a longer sequence: a slow line tears them apart."""


def pass_door(environ: MutableMapping[str, str], isatty: Callable[[int], bool] = os.isatty) -> None:
    """See that the app may start at the far end of SSH, and leave in `environ` what it may know.

    Raises:
        TerminalError: A command or file transfer was asked for, there is no terminal, or one without a
            screen.
    """
    if "SSH_ORIGINAL_COMMAND" in environ:
        raise TerminalError(
            "only the app runs here, no command and no file transfer",
            "connect with: ssh -t, and no command",
        )
    if not all(isatty(descriptor) for descriptor in (0, 1, 2)):
        raise TerminalError("the app needs a terminal", "connect with: ssh -t")
    if environ.get("TERM", "") in UNUSABLE_TERMS:
        raise TerminalError(
            f"the terminal type TERM={environ.get('TERM', '')!r} has no screen",
            "set TERM where you are, for example to xterm-256color",
        )
    for name in list(environ):
        if name not in _KEPT and not name.startswith(_KEPT_PREFIX):
            del environ[name]
    environ["ESCDELAY"] = _ESCAPE_DELAY
    # Files of this account that others can read would be read by others.
    os.umask(0o077)


def pass_door_or_exit() -> None:
    """Do so with this process's own environment; a refusal is told, and ends it."""
    try:
        pass_door(os.environ)
    except TerminalError as error:
        sys.exit(tell(error))


def tell(error: WatchwordError) -> int:
    """Write a failure as one line to standard error; give the exit status."""
    say(str(error))
    return error.exit_status


def say(words: str) -> None:
    """Write a line to standard error."""
    try:
        sys.stderr.write(f"watchword: {words}\n")
    except OSError:
        # Nobody reads it: the status tells.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

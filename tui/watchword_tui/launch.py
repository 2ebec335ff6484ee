"""Starts the app; `watchword` alone comes here without loading the option parser."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from watchword_tui.errors import WatchwordError

if TYPE_CHECKING:
    from watchword_tui.settings import Settings


def start_app(settings: Settings) -> int:
    """Open what the settings name, run the app, and give its exit status.

    Raises:
        WatchwordError: This is no terminal for it, or the vault or an account file cannot be read.
    """
    # Nothing made while starting is garbage; the app turns this on again at its first frame.
    gc.disable()
    from watchword_tui.accounts import load_accounts  # noqa: PLC0415 - not before gc is off
    from watchword_tui.preflight import prepare_terminal, require_terminal  # noqa: PLC0415 - as above
    from watchword_tui.start import make_session  # noqa: PLC0415 - as above

    require_terminal(os.environ)
    session = make_session(settings, lambda: load_accounts(settings))
    prepare_terminal(os.environ)
    from watchword_tui.app import run_app  # noqa: PLC0415 - the first import of Textual

    return run_app(session)


def main() -> NoReturn:
    """Start the app with the settings as they are, and exit; a failure is one line."""
    from watchword_tui.settings import Overrides, load_settings  # noqa: PLC0415 - as in start_app

    try:
        status = start_app(load_settings(Overrides(), os.environ, Path()))
    except WatchwordError as error:
        sys.exit(_told(error))
    sys.exit(status)


def _told(error: WatchwordError) -> int:
    try:
        sys.stderr.write(f"watchword: {error}\n")
    except OSError:
        # Nobody reads it: the status tells.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    return error.exit_status

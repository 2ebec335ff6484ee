"""Starts the app; `watchword` alone, or with `--ssh`, comes here without loading the option parser."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from watchword_tui.door import say, tell
from watchword_tui.errors import Exit, WatchwordError

if TYPE_CHECKING:
    from watchword_tui.settings import Settings


def start_app(settings: Settings) -> int:
    """Open what the settings name, run the app, and give its exit status.

    Raises:
        WatchwordError: This is no terminal for it, or the vault or an account file cannot be read.
    """
    try:
        return _run(settings)
    except WatchwordError:
        raise
    except Exception as error:  # noqa: BLE001 - what nobody expected is told without its values
        from watchword_tui.crash_report import words_of  # noqa: PLC0415 - seldom wanted

        say(words_of(error, {"TERM": os.environ.get("TERM", "")}))
        return Exit.NOT_VALID


def _run(settings: Settings) -> int:
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


def main() -> None:
    """Start the app with the settings as they are, and exit; a failure is one line."""
    _start(far=False)


def main_at_far_end() -> None:
    """Start the app at somebody else's terminal; the door has been passed."""
    _start(far=True)


def _start(*, far: bool) -> NoReturn:
    from watchword_tui.settings import Overrides, load_settings  # noqa: PLC0415 - as in start_app

    try:
        settings = load_settings(Overrides(), os.environ, None if far else Path())
        if far:
            from watchword_tui.far_end import at_far_end  # noqa: PLC0415 - when asked for

            settings = at_far_end(settings)
        status = start_app(settings)
    except WatchwordError as error:
        sys.exit(tell(error))
    sys.exit(status)

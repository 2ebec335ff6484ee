"""`python -m watchword_tui`, and the `watchword` command."""

from __future__ import annotations

import gc
import os
import sys

_COMPLETING = "_WATCHWORD_COMPLETE"
"""Set by a shell that asks for completions; then there are no arguments either."""

_FAR_END = "--ssh"
"""The option of the app for somebody else's terminal: it does not even load what it may not need."""


def main() -> None:
    """Start the app if nothing else is asked for, or run the command line."""
    # Nothing made while modules load is garbage, and looking for it takes time.
    gc.disable()
    arguments = sys.argv[1:]
    if _FAR_END in arguments:
        from watchword_tui.door import pass_door_or_exit  # noqa: PLC0415 - as said

        pass_door_or_exit()
    if arguments == [_FAR_END]:
        from watchword_tui.launch import main_at_far_end as run  # noqa: PLC0415 - as below
    elif arguments or _COMPLETING in os.environ:
        from watchword_tui.cli import main as run  # noqa: PLC0415 - as said

        gc.enable()
    else:
        from watchword_tui.launch import main as run  # noqa: PLC0415 - without the option parser
    run()


if __name__ == "__main__":
    main()

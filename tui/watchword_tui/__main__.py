"""`python -m watchword_tui`, and the `watchword` command."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line; see `watchword_tui.cli.main`."""
    # Nothing made while modules load is garbage, and looking for it takes a tenth of the time.
    gc.disable()
    from watchword_tui.cli import main as run  # noqa: PLC0415 - as said

    gc.enable()
    run()


if __name__ == "__main__":
    main()

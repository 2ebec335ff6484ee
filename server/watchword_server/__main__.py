"""The `watchword-server` command."""

from __future__ import annotations

import sys

import click

from watchword_otp import strip_controls
from watchword_server.cli import cli
from watchword_server.commands.common import PROGRAM
from watchword_server.errors import GaveUpError, Reason, RefusedError, UserError
from watchword_server.store.protocol import Cause, StoreError

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_HINTS = {
    Reason.NO_SUCH_KEY: f"see {PROGRAM} keys list",
    Reason.KEY_EXISTS: "choose another name, or delete it first",
    Reason.NOT_PENDING: f"see {PROGRAM} keys list",
    Reason.CHANGED: "try again",
    Reason.NO_SUCH_TOKEN: f"see {PROGRAM} tokens list",
    Reason.TOKEN_EXISTS: "choose another name, or revoke it first",
    Reason.CONTRADICTORY_TOKEN: "leave out the one or the other, or make two tokens",
}

_OF_THE_DATABASE = {
    *(Cause.LOCKED, Cause.GONE, Cause.DAMAGED, Cause.DISK_FULL),
    *(Cause.READ_ONLY, Cause.FAILED, Cause.CHANGED),
}


def main() -> int:
    """Run the command line; return 0, or 2 after one line on standard error that says what to do.

    1 is a check that found something wrong, or a server that could not go on: another start may go well.
    """
    try:
        return int(cli.main(prog_name=PROGRAM, standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else PROGRAM
        _complain(f"{error.format_message().rstrip('.')}; see {command} --help")
    except RefusedError as error:
        _complain(f"{error}; {_HINTS[error.reason]}")
    except StoreError as error:
        is_bare = error.cause in _OF_THE_DATABASE and "database" not in str(error)
        _complain(f"the database: {error}" if is_bare else str(error))
    except (click.ClickException, UserError) as error:
        _complain(str(error))
    except GaveUpError as error:
        _complain(str(error))
        return EXIT_FAILED
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return EXIT_USAGE


def _complain(message: str) -> None:
    line = strip_controls(" ".join(message.split()))
    click.echo(f"{PROGRAM}: {line}", err=True)


if __name__ == "__main__":
    sys.exit(main())

"""The `watchword` command: the app, and what it shows as plain lines.

Values go to standard output, messages to standard error. Nothing here imports Textual; the app is
imported when it is wanted, and each command's module when it is used.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from watchword_tui.commands.common import EXITS, common_options, overrides_of, say, settings_of
from watchword_tui.errors import Exit, WatchwordError

_COMMANDS = {
    "code": ("code", "Print live codes."),
    "list": ("accounts", "List the accounts, without codes."),
    "add": ("add", "Add an account to the vault."),
    "edit": ("edit", "Change an account of the vault."),
    "remove": ("accounts", "Take an account out of the vault."),
    "qr": ("qr", "Draw an account's key as a QR code."),
    "check": ("check", "Have the server judge a code."),
    "import": ("importing", "Take accounts over from another app's files."),
    "export": ("exporting", "Write accounts to a file for another app."),
    "vault": ("vault", "Look after the vault: passphrases, keyring, backups."),
    "doctor": ("doctor", "Look for what could go wrong, and say what to do."),
    "completion": ("completion", "Complete commands and account names in a shell."),
    "demo": ("demo", "See the whole loop on throw-away parts."),
}
"""Commands, the module in `commands` that has each, and what `--help` says of it."""

_INTERRUPTED = 128 + signal.SIGINT
_OUTPUT_CLOSED = 128 + signal.SIGPIPE
"""What a shell reports of a program that ended by such a signal."""


class _Commands(click.Group):
    """Loads a command's module when it is used; ends quietly when the reader of its output has gone.

    click would exit with 1 then, which says of a code that it is not valid.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"watchword_tui.commands.{_COMMANDS[cmd_name][0]}")
        found: click.Command = module.COMMANDS[cmd_name]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output(1, 2)
            ctx.exit(_OUTPUT_CLOSED)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXITS,
)
@common_options
@click.option(
    "--ssh",
    "far",
    is_flag=True,
    help="Start the app for somebody else's terminal, as sshd's ForceCommand does; see docs/ssh.md.",
)
@click.option(
    "--person",
    metavar="NAME",
    help="With --ssh: a vault and files of their own for one of several people who share an account.",
)
@click.version_option(package_name="watchword", message="%(prog)s %(version)s")
@click.pass_context
def watchword(ctx: click.Context, /, *, far: bool, person: str | None) -> None:
    """Keep two-factor accounts, show their codes, and have a Watchword server check them.

    Without a command the app starts. See it work first: watchword demo

    \b
    Examples:
      watchword                             the app
      watchword import backup.json          take over the accounts of another app
      watchword add                         or type one in
      watchword code github                 one code
      watchword code | head -1              plain lines for a pipe
      watchword export mine.json            take everything elsewhere

    Secrets and passphrases are never taken from the command line or the environment: they are asked
    for, or read from files and standard input.
    """  # noqa: D301 - \b is click's own mark
    if far or person is not None:
        _require_far_alone(ctx, far=far, person=person)
    if ctx.invoked_subcommand is None:
        from watchword_tui.launch import start_app  # noqa: PLC0415 - each command loads its own

        settings = settings_of(ctx, None if far else Path())
        if far:
            from watchword_tui.far_end import at_far_end  # noqa: PLC0415 - as above

            settings = at_far_end(settings, person)
        ctx.exit(start_app(settings))


def _require_far_alone(ctx: click.Context, *, far: bool, person: str | None) -> None:
    """See that what stands with `--ssh` and `--person` goes together.

    Raises:
        click.UsageError: It does not.
    """
    if not far:
        raise click.UsageError("--person goes with --ssh only", ctx)
    if ctx.invoked_subcommand is not None:
        raise click.UsageError(f"--ssh starts the app: leave out {ctx.invoked_subcommand!r}", ctx)
    if person is not None and (overrides_of(ctx).vault or overrides_of(ctx).account_files):
        raise click.UsageError("--person has a vault of its own: leave out --vault and --accounts", ctx)


def main() -> None:
    """Run the command line and exit with its status; an expected failure is one line."""
    try:
        status = watchword.main(prog_name="watchword", standalone_mode=False)
    except WatchwordError as error:
        _fail(str(error), error.exit_status)
    except click.exceptions.NoArgsIsHelpError as error:
        # A group without a command: its help is the message.
        click.echo(error.format_message(), err=True)
        sys.exit(Exit.USAGE)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "watchword"
        message = " ".join(error.format_message().split()).rstrip(".")
        _fail(f"{message[:1].lower()}{message[1:]}; see: {command} --help", Exit.USAGE)
    except click.Abort:
        sys.exit(_INTERRUPTED)
    except UnicodeEncodeError as error:
        _fail(
            f"the output's encoding, {error.encoding}, cannot show this;"
            " use a UTF-8 locale such as LANG=C.UTF-8",
            Exit.USAGE,
        )
    except OSError as error:
        # Files and servers have errors of their own: this is the output, as on a full disk.
        _drop_output(1)
        _fail(f"the output cannot be written: {error.strerror or error}", Exit.USAGE)
    sys.exit(status)


def _fail(message: str, status: int) -> NoReturn:
    try:
        say(message)
    except OSError:
        _drop_output(2)
    sys.exit(status)


def _drop_output(*descriptors: int) -> None:
    """Let what could not be written go nowhere, or Python would try again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)

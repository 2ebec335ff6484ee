"""The `watchword` command: the app, and what it shows as plain lines.

Values go to standard output, messages to standard error. Nothing here imports Textual; the app is
imported when it is wanted.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from watchword_tui.errors import Exit, WatchwordError
from watchword_tui.settings import Overrides, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

_EXITS = """
\b
Exit status:
  0  done; check: the code is valid
  1  check: the code is not valid
  2  wrong arguments, settings or files
  3  the server cannot be asked, or would not judge
"""

_INTERRUPTED = 128 + signal.SIGINT
_OUTPUT_CLOSED = 128 + signal.SIGPIPE
"""What a shell reports of a program that ended by such a signal."""

_Function = TypeVar("_Function", bound="Callable[..., object]")
_FILE = click.Path(path_type=Path, dir_okay=False)


class _Group(click.Group):
    """Ends like other programs when the reader of its output has gone, as `head` does.

    click would exit with 1, which says of a code that it is not valid.
    """

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _drop_output(1, 2)
            ctx.exit(_OUTPUT_CLOSED)


def _keep(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep a common option; what stands behind a command's name wins over what stands before it."""
    if value:
        change: dict[str, Any] = {str(parameter.name): value}
        ctx.obj = replace(_overrides(ctx), **change)


def _overrides(ctx: click.Context) -> Overrides:
    return ctx.obj if isinstance(ctx.obj, Overrides) else Overrides()


def _settings(ctx: click.Context) -> Settings:
    return load_settings(_overrides(ctx), os.environ, Path())


def _common_options(command: _Function) -> _Function:
    """Add the options every command takes; given before or behind the command's name."""
    options = [
        click.option(
            "--accounts", "account_files", type=_FILE, multiple=True, metavar="FILE",
            expose_value=False, callback=_keep,
            help="Read accounts from a file of otpauth:// lines; may be repeated.",
        ),
        click.option(
            "--server", metavar="PROFILE|URL", expose_value=False, callback=_keep,
            help="The server to ask, by profile or URL.",
        ),
        click.option(
            "--ca-file", type=_FILE, metavar="FILE", expose_value=False, callback=_keep,
            help="Trust only the authorities in this PEM file.",
        ),
        click.option(
            "--config", type=_FILE, metavar="FILE", expose_value=False, callback=_keep,
            help="Use another settings file.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXITS,
)
@_common_options
@click.version_option(package_name="watchword", message="%(prog)s %(version)s")
@click.pass_context
def watchword(ctx: click.Context, /) -> None:
    """Show two-factor codes, and have a Watchword server check them.

    Without a command the app starts. See it work first: watchword demo

    \b
    Examples:
      watchword --accounts otp.txt          the app
      watchword code github                 one code
      watchword code | head -1              plain lines for a pipe
      watchword check - < code.txt          judged by the server
      watchword qr github                   scan it with a phone

    The token of a server comes from token_file in its profile or from WATCHWORD_TOKEN.
    """  # noqa: D301 - \b is click's own mark
    if ctx.invoked_subcommand is None:
        ctx.exit(_start_app(_settings(ctx)))


@watchword.command(epilog=_EXITS)
@click.argument("account", required=False)
@click.option("--follow", is_flag=True, help="Go on: print each new code when it begins.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with expires_at.")
@_common_options
@click.pass_context
def code(ctx: click.Context, /, account: str | None, *, follow: bool, as_json: bool) -> None:
    """Print the live code of ACCOUNT, or of all accounts.

    ACCOUNT is any part of the issuer or name. For one account only the code is printed; for
    several, a line each: code, seconds left, account.

    \b
    Examples:
      watchword code github
      watchword code --follow               log each new code
      watchword code --json | jq -r .code
    """  # noqa: D301 - \b is click's own mark
    from watchword_tui.command_code import Codes  # noqa: PLC0415 - each command loads its own

    show = Codes(follow=follow, as_json=as_json, clock=time.time, wait=time.sleep)
    show.print(_settings(ctx), account)


@watchword.command(epilog=_EXITS)
@click.argument("code", metavar="CODE|-")
@click.option("--key", metavar="NAME", help="The key on the server; its profile names one else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@_common_options
@click.pass_context
def check(ctx: click.Context, /, code: str, key: str | None, *, as_json: bool) -> None:
    """Have the server judge CODE; with - it is read from standard input.

    An accepted code is used up: the server takes each code once.

    \b
    Examples:
      watchword check 492039
      watchword code github | watchword check -
      watchword check - --server prod --json
    """  # noqa: D301 - \b is click's own mark
    from watchword_tui.command_check import check_code  # noqa: PLC0415 - each command loads its own

    ctx.exit(check_code(_settings(ctx), code, key, as_json=as_json))


@watchword.command(epilog=_EXITS)
@click.argument("account", required=False)
@click.option("--from-server", is_flag=True, help="The server's default key, not an account here.")
@click.option(
    "--drawing", type=click.Choice(["half", "space", "ascii"]), default="half", show_default=True,
    help="half blocks; spaces, for fonts without them; ASCII, without colours.",
)  # fmt: skip
@click.option("--invert", is_flag=True, help="Swap light and dark.")
@click.option(
    "--output", type=_FILE, metavar="FILE", help="Write an .svg or .png file (0600) instead of drawing."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: URI and modules.")
@_common_options
@click.pass_context
def qr(ctx: click.Context, /, **request: Any) -> None:  # noqa: ANN401 - as QrRequest has them
    """Draw ACCOUNT's key as a QR code for a phone to scan.

    The QR code holds the secret: whoever sees it can make the codes.

    \b
    Examples:
      watchword qr github
      watchword qr --from-server            enrol a phone against the server
      watchword qr github --output key.png
    """  # noqa: D301 - \b is click's own mark
    from watchword_tui.command_qr import QrRequest, show_qr  # noqa: PLC0415 - each command loads its own

    show_qr(_settings(ctx), QrRequest(**request))


@watchword.command(epilog=_EXITS)
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
    from watchword_tui.demo import run_demo  # noqa: PLC0415 - each command loads its own

    ctx.exit(run_demo(os.environ))


def _start_app(settings: Settings) -> int:
    from watchword_tui.accounts import load_accounts  # noqa: PLC0415 - each command loads its own
    from watchword_tui.preflight import prepare_terminal, require_terminal  # noqa: PLC0415 - as above
    from watchword_tui.start import make_session  # noqa: PLC0415 - as above

    require_terminal(os.environ)
    session = make_session(settings, lambda: load_accounts(settings))
    prepare_terminal(os.environ)
    # Nothing made while starting is garbage; the app turns this on again at its first frame.
    gc.disable()
    from watchword_tui.app import run_app  # noqa: PLC0415 - the first import of Textual

    return run_app(session)


def main() -> None:
    """Run the command line and exit with its status; an expected failure is one line."""
    try:
        status = watchword.main(prog_name="watchword", standalone_mode=False)
    except WatchwordError as error:
        _fail(str(error), error.exit_status)
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
        _fail(f"cannot go on: {error.strerror or error}", Exit.USAGE)
    sys.exit(status)


def _fail(message: str, status: int) -> NoReturn:
    try:
        click.echo(f"watchword: {message}", err=True)
    except OSError:
        _drop_output(2)
    sys.exit(status)


def _drop_output(*descriptors: int) -> None:
    """Let what could not be written go nowhere, or Python would try again when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)

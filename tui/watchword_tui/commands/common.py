"""What the commands share: common options, how help ends, what is said beside the values."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec.structs import replace

from watchword_tui.settings import Overrides, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.settings import Settings

EXITS = """
\b
Exit status:
  0  done; check: the code is valid
  1  check: not valid; doctor: something is wrong; the app: it broke
  2  wrong arguments, settings or files
  3  the server cannot be asked, or would not judge
"""
"""How every help text ends."""

FILE = click.Path(path_type=Path, dir_okay=False)

_Function = TypeVar("_Function", bound="Callable[..., object]")


def common_options(command: _Function) -> _Function:
    """Add the options every command takes; given before or behind the command's name."""
    options = [
        click.option(
            "--vault", type=FILE, metavar="FILE", expose_value=False, callback=_keep,
            help="The vault's file.",
        ),
        click.option(
            "--passphrase-file", type=FILE, metavar="FILE", expose_value=False, callback=_keep,
            help="Read the vault's passphrase from a file that only you can read.",
        ),
        click.option(
            "--accounts", "account_files", type=FILE, multiple=True, metavar="FILE",
            expose_value=False, callback=_keep,
            help="Read accounts from a file of otpauth:// lines; may be repeated.",
        ),
        click.option(
            "--server", metavar="PROFILE|URL", expose_value=False, callback=_keep,
            help="The server to ask, by profile or URL.",
        ),
        click.option(
            "--ca-file", type=FILE, metavar="FILE", expose_value=False, callback=_keep,
            help="Trust only the authorities in this PEM file.",
        ),
        click.option(
            "--config", type=FILE, metavar="FILE", expose_value=False, callback=_keep,
            help="Use another settings file.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def settings_of(ctx: click.Context, directory: Path | None = Path()) -> Settings:
    """The settings that the options of this call lead to, and the .env in `directory`, if there is one.

    Raises:
        SettingsError: A settings file cannot be used.
    """
    return load_settings(overrides_of(ctx), os.environ, directory)


def overrides_of(ctx: click.Context) -> Overrides:
    """What the options of this call say."""
    return ctx.obj if isinstance(ctx.obj, Overrides) else Overrides()


def json_option(help_text: str) -> Callable[[_Function], _Function]:
    """Add the option `--json`, which comes as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def yes_option(command: _Function) -> _Function:
    """Add the option `--yes`, which comes as `yes`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def say(message: str) -> None:
    """Say something beside the values: on standard error, and whose words it is.

    What could steer the terminal goes: a file's name may hold anything.
    """
    from watchword_otp import strip_controls  # noqa: PLC0415 - --help does not wait for it

    click.echo(f"watchword: {strip_controls(message)}", err=True)


def hint(message: str) -> None:
    """Say what a person should know; programs that run the command are not bothered."""
    if sys.stderr is not None and sys.stderr.isatty():
        say(message)


def count_words(count: int, one: str) -> str:
    """A number of things for people: "1 account", "2 accounts"."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def _keep(ctx: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keep a common option; what stands behind a command's name wins over what stands before it."""
    if value:
        change: dict[str, Any] = {str(parameter.name): value}
        ctx.obj = replace(overrides_of(ctx), **change)

"""What the commands share: where the database is, how things are shown, and when to ask first."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from watchword_server.errors import UserError
from watchword_server.names import is_canonical
from watchword_server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "watchword-server"

_CHECK_FAILED = 1


def where(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say where the database is."""
    for option in (
        click.option("--config", type=click.Path(path_type=Path), help="The settings file, TOML."),
        click.option("--store", metavar="URI", help="PostgreSQL's address. [default: SQLite in DIR]"),
        click.option("--data-dir", metavar="DIR", help="Where the database and the sealing keys are."),
    ):
        command = option(command)
    return command


def placed(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `where`, and hand the command the `settings` they lead to."""

    @functools.wraps(command)
    def run(*, config: Path | None, data_dir: str | None, store: str | None, **others: object) -> None:
        flags = {"data_dir": data_dir, "store": store}
        command(settings=load_settings(flags, os.environ, config), **others)

    return where(run)


def as_json(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option `--json`, which comes as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON value, for programs.")(command)


def with_yes(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option `--yes`, which comes as `yes`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def examples(*lines: str) -> str:
    """The end of a help text, in which each line stays a line."""
    # \b keeps click from joining the lines.
    return "\n".join(["\b", "Examples:", *(f"  {PROGRAM} {line}" for line in lines)])


def require_name(name: str, what: str) -> None:
    """Refuse what is no name for `what`, such as "a key".

    Raises:
        UserError: It is none.
    """
    if not is_canonical(name):
        message = (
            f"{name!r} is no name for {what}: a name is 1 to 64 of a-z 0-9 . _ -,"
            " beginning and ending with a letter or digit"
        )
        raise UserError(message)


def found_wrong() -> NoReturn:
    """End with exit status 1: the command looked for something wrong and found it."""
    click.get_current_context().exit(_CHECK_FAILED)


def confirm(question: str, *, yes: bool) -> None:
    """Go on only after a yes.

    Raises:
        UserError: Nobody can be asked, for there is no terminal.
        click.Abort: The answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        message = "this asks first, and there is no terminal to ask on: add --yes if you mean it"
        raise UserError(message)
    click.confirm(question, abort=True, err=True)

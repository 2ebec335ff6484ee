"""`watchword export`: accounts in a file for another app, or as QR codes on the terminal."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watchword_otp.value import Value
from watchword_tui.commands.asking import ask, ask_new_passphrase, confirm
from watchword_tui.commands.common import (
    EXITS,
    FILE,
    common_options,
    count_words,
    say,
    settings_of,
    yes_option,
)
from watchword_tui.commands.completion import complete_account, complete_group
from watchword_tui.commands.ending import orderly_end
from watchword_tui.commands.opening import known_accounts
from watchword_tui.errors import AccountsError, TerminalError, WatchwordError
from watchword_tui.exchange.files import write_new
from watchword_tui.private_file import read_passphrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watchword_tui.accounts import Account
    from watchword_tui.commands.opening import Known
    from watchword_tui.exchange.model import Writer

_STDOUT = "-"
_QR = "qr"

# The terminal's other screen: what is drawn there is in no scrollback.
_OTHER_SCREEN, _OWN_SCREEN, _CLEAR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[H\x1b[2J"


class _Request(Value, frozen=True, kw_only=True):
    """What the options say."""

    file: Path | None
    format_name: str
    plain: bool
    accounts: tuple[str, ...]
    group: str | None
    export_passphrase_file: Path | None
    yes: bool


def _show_formats(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from watchword_tui.commands.tables import columns  # noqa: PLC0415 - only here
    from watchword_tui.exchange.writing import WRITERS  # noqa: PLC0415 - loads every format

    how: dict[tuple[str, str], list[str]] = {}
    for one in WRITERS:
        how.setdefault((one.name, one.title), []).append("encrypted" if one.encrypts else "plain")
    rows = [(name, title, ", ".join(ways)) for (name, title), ways in how.items()]
    for line in columns(("FORMAT", "APP", "WRITTEN"), rows):
        click.echo(line)
    ctx.exit()


@click.command("export", epilog=EXITS)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--format", "format_name", default="aegis", show_default=True, metavar="NAME",
              help="What to write; qr is codes for Google Authenticator.")  # fmt: skip
@click.option(
    "--formats", is_flag=True, is_eager=True, expose_value=False, callback=_show_formats,
    help="List the formats that can be written.",
)  # fmt: skip
@click.option("--plain", is_flag=True, help="Not encrypted, for apps that cannot read it otherwise.")
@click.option(
    "--account", "accounts", multiple=True, metavar="ACCOUNT", shell_complete=complete_account,
    help="Only this one; may be repeated.",
)  # fmt: skip
@click.option("--group", metavar="NAME", shell_complete=complete_group, help="Only those in this group.")
@click.option(
    "--export-passphrase-file", type=FILE, metavar="FILE",
    help="The passphrase to encrypt with, in a file that only you can read.",
)  # fmt: skip
@yes_option
@common_options
@click.pass_context
def export(ctx: click.Context, /, **request: Any) -> None:  # noqa: ANN401 - as _Request has them
    """Write the accounts to FILE for another app, or with - to standard output.

    Files are new ones (none is written over) that only you can read. They are encrypted with a
    passphrase that is asked for, where the format can be; a plain one is written after a question.
    With --format qr and no FILE the codes are drawn here, one after the other.

    \b
    Examples:
      watchword export mine.json                    Aegis, encrypted
      watchword export 2fas.json --format 2fas
      watchword export list.txt --format otpauth --group Work
      watchword export --format qr                  scan them with a phone
      watchword export sheet.svg --format qr        or print them
    """  # noqa: D301 - \b is click's own mark
    found = _Request(**request)
    known = known_accounts(settings_of(ctx))
    accounts = _chosen(known, found)
    for row in known.quarantined:
        say(f"{row.title} is left out: it cannot be used ({row.reason})")
    if known.quarantined and known.keeper is not None:
        say(f"the vault's own file holds it too, and Aegis opens that: {known.keeper.store.path}")
    if found.format_name == _QR and found.file is None:
        _draw(accounts, yes=found.yes)
    else:
        _write(accounts, found)


def _chosen(known: Known, request: _Request) -> tuple[Account, ...]:
    """The accounts that are wanted, in their order.

    Raises:
        AccountsError: One cannot be found, or there are none.
    """
    named = {id(known.find(query)) for query in request.accounts}
    wanted = (request.group or "").casefold()
    found = tuple(
        account
        for account in known.accounts
        if (not named or id(account) in named)
        and (not wanted or wanted in (group.casefold() for group in account.groups))
    )
    if not found:
        raise AccountsError("there is no account to export", "watchword list shows what there is")
    return found


def _write(accounts: Sequence[Account], request: _Request) -> None:
    """Write a file.

    Raises:
        ForeignFileError: There is no such format, or the file cannot be written.
        CancelledError: The person does not want a plain one.
        WatchwordError: Nobody can be asked, or nothing is left to write.
    """
    path = request.file
    if path is None:
        raise WatchwordError("there is no file to write to", "name one, or - for standard output")
    to_stdout = str(path) == _STDOUT
    if to_stdout and sys.stdout.isatty():
        raise TerminalError("secrets are not printed on a terminal", "name a file, or pipe them on")
    if not to_stdout and path.exists():
        raise WatchwordError(f"{path} is there already", "name another file")
    writer = _writer(request)
    passphrase = ""
    if writer.encrypts:
        passphrase = _passphrase(request)
    else:
        confirm(
            f"{path} will not be encrypted: whoever reads it has"
            f" {count_words(len(accounts), 'key')}. Write it?",
            yes=request.yes,
        )
    written = writer.write(accounts, passphrase)
    count = len(accounts) - len(written.left_out)
    for sentence in written.left_out:
        say(f"left out: {sentence}")
    if not count:
        raise WatchwordError(f"no account can be written as {writer.title}", "choose another format")
    if to_stdout:
        sys.stdout.buffer.write(written.content)
        sys.stdout.buffer.flush()
    else:
        write_new(path, written.content)
    kind = "encrypted" if writer.encrypts else "not encrypted"
    say(f"wrote {count_words(count, 'account')} to {path}: {writer.title}, {kind}")


def _writer(request: _Request) -> Writer:
    from watchword_tui.exchange.writing import WRITERS, find_writer  # noqa: PLC0415 - not for --help

    # What is only written plain needs no flag: the question below is asked.
    only_plain = not any(one.encrypts for one in WRITERS if one.name == request.format_name)
    return find_writer(request.format_name, plain=request.plain or only_plain)


def _passphrase(request: _Request) -> str:
    if request.export_passphrase_file is None:
        ways = "run it on a terminal, or name a file that holds it with --export-passphrase-file"
        return ask_new_passphrase("the file", ways)
    return read_passphrase(request.export_passphrase_file)


def _draw(accounts: Sequence[Account], *, yes: bool) -> None:
    """Draw the accounts as QR codes, one after the other, on the terminal's other screen.

    Raises:
        CancelledError: The person does not want to.
        TerminalError: There is no terminal to draw on.
    """
    from watchword_tui.exchange.writers.migration import qr_pages, terminal_version  # noqa: PLC0415 - segno
    from watchword_tui.exchange.writers.qr_terminal import draw_page  # noqa: PLC0415 - as above

    if not sys.stdout.isatty():
        raise TerminalError(
            "QR codes are drawn on a terminal", "name a file: watchword export sheet.svg --format qr"
        )
    columns, rows = shutil.get_terminal_size()
    # One row stays for the question below.
    found = qr_pages(accounts, terminal_version(columns, rows - 1))
    for sentence in found.left_out:
        say(f"left out: {sentence}")
    if not found.pages:
        raise WatchwordError("no account can be drawn for Google Authenticator", "choose another format")
    held = sum(len(page.accounts) for page in found.pages)
    question = f"Draw {count_words(held, 'key')} in {count_words(len(found.pages), 'QR code')}?"
    confirm(f"{question} Whoever sees them can make the codes.", yes=yes)
    with orderly_end(), _other_screen():
        for number, page in enumerate(found.pages, start=1):
            columns, rows = shutil.get_terminal_size()
            click.echo(_CLEAR + draw_page(page, columns, rows - 1), nl=False, color=True)
            ask("Enter for the next code" if number < len(found.pages) else "Enter to end")


@contextlib.contextmanager
def _other_screen() -> Iterator[None]:
    """Draw where nothing stays, however it ends."""
    click.echo(_OTHER_SCREEN, nl=False, color=True)
    try:
        yield
    finally:
        click.echo(_CLEAR + _OWN_SCREEN, nl=False, color=True)


COMMANDS = {"export": export}

"""`watchword-server import` and `export`: keys from elsewhere, and keys for elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword_server.audit import Caller
from watchword_server.commands.common import (
    as_json,
    confirm,
    examples,
    found_wrong,
    placed,
    require_name,
    with_yes,
)
from watchword_server.commands.opened import actor, refuse_own_files, with_ledger
from watchword_server.commands.shown import count, show_json
from watchword_server.errors import UserError, why
from watchword_server.exports import as_csv, as_otpauth, as_sealed, read_keys
from watchword_server.import_csv import parse_csv
from watchword_server.import_pam import parse_pam
from watchword_server.imports import MAX_FILE, Form, Parsed, form_of, parse_otpauth
from watchword_server.privatefile import private_stream
from watchword_server.sealedfile import open_keys, seal_keys
from watchword_server.takeover import TakenOver, take_over

if TYPE_CHECKING:
    from watchword_server.settings import Settings

_MIN_PASSPHRASE = 12

_passphrase = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The passphrase, in the file's first line. [default: it is asked for]",
)


@click.command(
    "import",
    epilog=examples(
        "import keys.txt --dry-run",
        "import /home/alice/.google_authenticator --name alice",
        "import keys.csv --skip-bad",
        "import watchword-export.json --replace-default",
        "import watchword-export.json --passphrase-file passphrase.txt",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice([each.value for each in Form]),
    help="[default: as the file looks]",
)
@click.option("--name", metavar="NAME", help="What to call the one key of a PAM file.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option(
    "--replace-default",
    is_flag=True,
    help="Let a key called default replace the one of the first start, if no code of it was ever used.",
)
@click.option("--skip-bad", is_flag=True, help="Take the good lines though others are bad.")
@_passphrase
@as_json
@placed
def import_(  # noqa: PLR0913 - options
    *,
    settings: Settings,
    file: Path,
    form: str | None,
    name: str | None,
    dry_run: bool,
    replace_default: bool,
    skip_bad: bool,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Take the keys of FILE over; they are in use at once, for they were confirmed elsewhere.

    FILE is a list of otpauth:// lines, a google-authenticator PAM file, CSV with the header
    name,secret[,issuer,account,algorithm,digits,period,kind,counter,window,last_step,drift], or a
    sealed export. All of it is taken, or nothing: exit status 1 says that lines are bad.
    """
    raw = _read(file)
    parsed = _parse(raw, form, name, passphrase_file)
    # With bad lines, looked at all the same, so that all of them can be mended at once.
    blocked = bool(parsed.bad) and not skip_bad
    taken = with_ledger(
        settings,
        lambda ledger: take_over(
            ledger,
            parsed.entries,
            Caller(actor()),
            replace_default=replace_default,
            skip_bad=skip_bad,
            dry_run=dry_run or blocked,
        ),
    )
    _show_taken(parsed, taken, is_done=not (dry_run or blocked), skip_bad=skip_bad, as_json=as_json)


@click.command(
    epilog=examples(
        "export keys.json",
        "export keys.json --passphrase-file passphrase.txt",
        "export keys.csv --plain",
        "export keys.txt --plain --format otpauth",
    )
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--plain", is_flag=True, help="Not sealed: whoever reads the file has every key.")
@click.option(
    "--format",
    "form",
    type=click.Choice([Form.CSV.value, Form.OTPAUTH.value]),
    default=Form.CSV.value,
    help="How to write them with --plain. [default: csv]",
)
@_passphrase
@click.option("--force", is_flag=True, help="Replace the file.")
@with_yes
@as_json
@placed
def export(  # noqa: PLR0913 - options
    *,
    settings: Settings,
    file: Path,
    plain: bool,
    form: str,
    passphrase_file: Path | None,
    force: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Write all keys in use to FILE, mode 0600, sealed by a passphrase; - is standard output.

    Recovery codes and tokens are not in it.
    """
    is_stdout = str(file) == "-"
    if not is_stdout:
        refuse_own_files(settings, file)
    passphrase = None
    if plain:
        if is_stdout and sys.stdout.isatty() and not yes:
            message = "secrets are not shown on a terminal; name a file, or add --yes"
            raise UserError(message)
        confirm("Write every secret unsealed?", yes=yes)
    else:
        passphrase = _new_passphrase(passphrase_file)
    how = "sealed" if passphrase is not None else "plain"
    keys = with_ledger(settings, lambda ledger: read_keys(ledger, how, actor()))
    if passphrase is not None:
        content = seal_keys(as_sealed(keys), passphrase)
    else:
        text = as_csv(keys) if form == Form.CSV else as_otpauth(keys, settings.issuer)
        content = text.encode()
    if plain and form == Form.OTPAUTH:
        click.echo(
            "These lines cannot tell what was used: a code used here in the last minute counts again"
            " where they are imported. CSV and sealed exports tell it.",
            err=True,
        )
    if is_stdout:
        click.echo(content, nl=False)
        return
    with private_stream(file, force=force) as stream:
        stream.write(content)
    if as_json:
        show_json({"file": str(file), "keys": len(keys), "sealed": passphrase is not None})
    else:
        click.echo(f"{count(len(keys), 'key')} written to {file}, {how}.")


def _read(file: Path) -> bytes:
    try:
        if str(file) == "-":
            raw = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with file.open("rb") as stream:
                raw = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise UserError(f"cannot read {file}: {why(error)}") from None
    if len(raw) > MAX_FILE:
        message = f"{file} has more than {MAX_FILE:,} bytes; split it"
        raise UserError(message)
    return raw


def _parse(raw: bytes, form: str | None, name: str | None, passphrase_file: Path | None) -> Parsed:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        message = "the file is not UTF-8 text; save it as such"
        raise UserError(message) from None
    match form or form_of(text):
        case Form.SEALED:
            return open_keys(raw, _passphrase_from(passphrase_file))
        case Form.PAM:
            if name is None:
                message = (
                    "a PAM file does not tell whose key it is; say it with --name, as in --name alice"
                )
                raise UserError(message)
            require_name(name, "a key")
            return parse_pam(text, name)
        case Form.CSV:
            return parse_csv(text)
        case _:
            return parse_otpauth(text)


def _show_taken(
    parsed: Parsed, taken: TakenOver, *, is_done: bool, skip_bad: bool, as_json: bool
) -> None:
    bad = sorted([*parsed.bad, *taken.bad], key=lambda each: each.line)
    is_refused = bool(bad) and not skip_bad
    done = [] if is_refused else [entry.name for entry in taken.entries]
    unknown = [entry.name for entry in taken.entries if not entry.tells_use]
    if as_json:
        show_json(
            {
                "imported": done if is_done else [],
                "would_import": [] if is_done or is_refused else done,
                "use_unknown": [] if is_refused else unknown,
                "bad": [{"line": each.line, "message": each.message} for each in bad],
                "notices": [
                    {"line": entry.line, "name": entry.name, "notices": entry.notices}
                    for entry in taken.entries
                    if entry.notices
                ],
            }
        )
    else:
        for each in bad:
            click.echo(f"line {each.line}: {each.message}", err=True)
        for entry in taken.entries:
            for notice in entry.notices:
                click.echo(f"line {entry.line}, {entry.name}: {notice}", err=True)
        if is_refused:
            click.echo("Nothing is imported; mend these lines, or add --skip-bad.")
        else:
            click.echo(f"{count(len(done), 'key')} {'imported' if is_done else 'would be imported'}.")
            if unknown:
                click.echo(
                    f"For {count(len(unknown), 'key')} the file does not tell what was used: a code"
                    " accepted elsewhere in the last minute is accepted here once more.",
                    err=True,
                )
    if is_refused:
        found_wrong()


def _new_passphrase(path: Path | None) -> str:
    if path is None and sys.stdin.isatty():
        text: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    else:
        text = _passphrase_from(path)
    if len(text) < _MIN_PASSPHRASE:
        message = f"the passphrase has fewer than {_MIN_PASSPHRASE} characters; choose a longer one"
        raise UserError(message)
    return text


def _passphrase_from(path: Path | None) -> str:
    if path is None:
        if not sys.stdin.isatty():
            message = "there is no terminal to ask for the passphrase; use --passphrase-file"
            raise UserError(message)
        asked: str = click.prompt("Passphrase", hide_input=True, err=True)
        return asked
    try:
        return path.read_text(encoding="utf-8").split("\n")[0].rstrip("\r")
    except OSError as error:
        raise UserError(f"cannot read {path}: {why(error)}") from None
    except UnicodeDecodeError:
        message = f"{path} is not UTF-8 text; save it as such"
        raise UserError(message) from None


COMMANDS = {"import": import_, "export": export}

"""`watchword import`: accounts from other apps' files, shown before they are written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watchword_otp.value import Value
from watchword_tui.commands.asking import confirm
from watchword_tui.commands.changing import save
from watchword_tui.commands.common import (
    EXITS,
    FILE,
    common_options,
    count_words,
    json_option,
    say,
    settings_of,
    yes_option,
)
from watchword_tui.commands.opening import opened, opened_or_new
from watchword_tui.commands.tables import columns
from watchword_tui.errors import WatchwordError
from watchword_tui.settings import usage_path
from watchword_tui.usage import UsageBook

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Entry
    from watchword_tui.exchange.plan import Accepted, ImportPlan, PlannedRow
    from watchword_tui.keeper import Keeper
    from watchword_tui.settings import Settings
    from watchword_tui.vault.document import Document

_CHANGED = {"skip": "skip", "replace": "replace", "both": "add"}
"""What `--changed` may say, and the choice that it is."""


class _Request(Value, frozen=True, kw_only=True):
    """What the options say."""

    files: tuple[Path, ...]
    format_name: str
    changed: str
    yes: bool
    dry_run: bool
    as_json: bool
    import_passphrase_file: Path | None
    allow_costly: bool
    plain: bool


def _show_formats(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from watchword_tui.exchange.registry import FORMATS  # noqa: PLC0415 - loads every format

    titles: dict[str, list[str]] = {}
    for one in FORMATS:
        titles.setdefault(one.name, []).append(one.title)
    rows = [(name, ", ".join(dict.fromkeys(found))) for name, found in sorted(titles.items())]
    for line in columns(("FORMAT", "APP"), rows):
        click.echo(line)
    ctx.exit()


@click.command("import", epilog=EXITS)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_name", default="", metavar="NAME", help="Not by content: as this format."
)
@click.option(
    "--formats",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_formats,
    help="List the formats that can be read.",
)
@click.option(
    "--changed",
    type=click.Choice(list(_CHANGED)),
    default="skip",
    show_default=True,
    help="For accounts that the vault has otherwise: leave them, replace them, keep both.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option(
    "--import-passphrase-file",
    type=FILE,
    metavar="FILE",
    help="The passphrase of the files, in a file that only you can read.",
)
@click.option("--allow-costly", is_flag=True, help="Do not ask before work of many seconds.")
@click.option("--plain", is_flag=True, help="If there is no vault yet, make one without a passphrase.")
@yes_option
@json_option("One JSON object a row; without --yes nothing is written.")
@common_options
@click.pass_context
def import_files(ctx: click.Context, /, **request: Any) -> None:  # noqa: ANN401 - as _Request has them
    """Take over the accounts in FILEs of other apps; - is standard input.

    What a file is, is told by its content: exports and backups of Aegis, 2FAS, andOTP, Bitwarden,
    Ente, FreeOTP, Google Authenticator, KeePassXC, Proton, Stratum and others, lists of otpauth://
    lines, pictures of QR codes; see --formats. Encrypted ones ask for their passphrase.

    First every row is shown: new, duplicate, changed, kept for other apps, invalid and why. Nothing
    is written before you agree. The parts of an export over several QR codes belong into one call.

    \b
    Examples:
      watchword import aegis-backup.json
      watchword import page1.png page2.png page3.png
      watchword import backup.zip --changed replace --dry-run
      gpg -d andotp.json.gpg | watchword import - --yes
    """  # noqa: D301 - \b is click's own mark
    settings = settings_of(ctx)
    _run(settings, _Request(**request))


def _run(settings: Settings, request: _Request) -> None:
    from watchword_tui.exchange.plan import Choice, plan_import  # noqa: PLC0415 - not for --help
    from watchword_tui.exchange.taking import kept_keys  # noqa: PLC0415 - as above

    entries = _read(request)
    keeper = opened(settings)
    kept = kept_keys(keeper.vault.document) if keeper else ()
    plan = plan_import(entries, keeper.accounts if keeper else (), kept)
    accepted = plan.accepted(plan.choices(Choice(_CHANGED[request.changed])))
    _show(plan, request)
    count = len(accepted.new) + len(accepted.replaced)
    if not count:
        say("there is nothing to write")
        return
    if request.dry_run or (request.as_json and not request.yes):
        say(f"would write {_words(accepted)}; nothing was written")
        return
    confirm(f"Write {_words(accepted)} to the vault?", yes=request.yes, default=True)
    _write(keeper or opened_or_new(settings, plain=request.plain), accepted)
    say(f"wrote {_words(accepted)}")


def _read(request: _Request) -> tuple[Entry, ...]:
    """The entries of all files; what concerns a file and not a row is said.

    Raises:
        ForeignFileError: One cannot be read.
        WatchwordError: They hold nothing.
    """
    from watchword_tui.commands.reading import read_file  # noqa: PLC0415 - loads every format
    from watchword_tui.exchange.reading import gather  # noqa: PLC0415 - as above

    readings = []
    for path in request.files:
        found = read_file(
            path,
            request.format_name,
            passphrase_file=request.import_passphrase_file,
            allow_costly=request.allow_costly,
        )
        readings.append(found.reading)
        say(f"{path}: {found.format.title}, {count_words(len(found.reading.entries), 'row')}")
    entries, problems = gather(readings)
    for problem in problems:
        say(problem)
    if not entries:
        raise WatchwordError("there are no accounts in it", "export them again in the other app")
    return entries


def _show(plan: ImportPlan, request: _Request) -> None:
    if request.as_json:
        for row in plan.rows:
            click.echo(_json(row))
    else:
        rows = [
            (str(row.verdict), row.entry.issuer, row.entry.name, row.entry.where, "; ".join(row.remarks))
            for row in plan.rows
        ]
        head = ("ROW IS", "ISSUER", "NAME", "WHERE", "REMARK")
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in columns(head, rows, labels=("ISSUER", "NAME"), width=width):
            click.echo(line)
    say(plan.summary)


def _json(row: PlannedRow) -> str:
    entry = row.entry
    fields = {
        "verdict": str(row.verdict),
        "issuer": entry.issuer,
        "name": entry.name,
        "where": entry.where,
        "remarks": row.remarks,
        "notices": entry.notices,
        "groups": entry.groups,
    }
    return json.dumps(fields, ensure_ascii=False)


def _write(keeper: Keeper, accepted: Accepted) -> None:
    from watchword_tui.exchange.taking import taken  # noqa: PLC0415 - not for --help

    uses: dict[str, int] = {}

    def edit(document: Document) -> Document:
        found = taken(document, accepted)
        uses.update(found.uses)
        return found.document

    save(keeper, "Import", edit)
    UsageBook(usage_path()).take_over(uses)


def _words(accepted: Accepted) -> str:
    parts = []
    if accepted.new:
        parts.append(count_words(len(accepted.new), "new account"))
    if accepted.replaced:
        parts.append(count_words(len(accepted.replaced), "replaced account"))
    return " and ".join(parts)


COMMANDS = {"import": import_files}

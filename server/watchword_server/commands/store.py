"""`watchword-server store`: check the database, back it up, restore it, move it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from watchword_server.backup import back_up
from watchword_server.commands.common import as_json, confirm, examples, found_wrong, placed, with_yes
from watchword_server.commands.found import show_findings
from watchword_server.commands.opened import (
    actor,
    can_be_read,
    check_itself,
    database_of,
    database_to_read,
    keyring_of,
    read_ledger,
    refuse_own_files,
    run_on,
    with_ledger,
)
from watchword_server.commands.shown import count, show_json
from watchword_server.commands.storecopy import copy, reopen
from watchword_server.datadir import hold, prepare_data_dir
from watchword_server.errors import UserError, why
from watchword_server.restore import burn_codes, prepare_copy, put_in_place, scratch
from watchword_server.sqlitefile import compact, opened
from watchword_server.store.schema import schema_of
from watchword_server.storecheck import check_content
from watchword_server.stores import database_file

if TYPE_CHECKING:
    from watchword_server.ledger import Ledger
    from watchword_server.restore import Restored
    from watchword_server.restoresince import Since
    from watchword_server.settings import Settings

_NAMED = 20
"""Keys named one by one to people."""

_path = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def store() -> None:
    """Check the database, back it up, restore it, move it."""


store.add_command(copy)
store.add_command(reopen)


@store.command(epilog=examples("store check", "store check --full --json"))
@click.option("--full", is_flag=True, help="Look at every index and every audit row, too: slower.")
@as_json
@placed
def check(*, settings: Settings, full: bool, as_json: bool) -> None:
    """Look whether database, schema, seals and audit log are whole. Exit status 1: one is not."""
    if settings.address is None:
        with database_to_read(settings) as database:
            found = list(check_itself(settings, database, full=full))
    else:
        found = list(check_itself(settings))
    if can_be_read(found):
        found += read_ledger(settings, lambda ledger: check_content(ledger, full=full))
    show_findings(found, as_json=as_json)


@store.command(epilog=examples("store backup /mnt/backups/watchword-monday.db"))
@_path
@click.option("--force", is_flag=True, help="Replace the file.")
@as_json
@placed
def backup(*, settings: Settings, file: Path, force: bool, as_json: bool) -> None:
    """Copy the database to FILE, mode 0600, as it is at one moment; the server goes on meanwhile.

    The sealing keys are not in it: keep a copy of them elsewhere. Neither is of use without the other.
    """
    database = database_of(settings)
    refuse_own_files(settings, file)
    with hold(settings.data_path):
        size = back_up(database, file, force=force)
    source = keyring_of(settings).source
    if as_json:
        show_json({"file": str(file), "bytes": size, "sealing_keys": source})
        return
    click.echo(f"{file}: {count(size, 'byte')}, verified.")
    click.echo(f"It opens only with the sealing keys, which are in {source}: keep a copy elsewhere.")


@store.command(epilog=examples("store restore /mnt/backups/watchword-monday.db"))
@_path
@with_yes
@as_json
@placed
def restore(*, settings: Settings, file: Path, yes: bool, as_json: bool) -> None:
    """Put the backup FILE in the database's place; the server must be stopped.

    The database before is kept beside it. No code accepted since the backup is accepted again: keys
    that count by time refuse every code up to now, and the next one is good.
    """
    database = database_file(settings)
    prepare_data_dir(settings.data_path)
    confirm(f"Replace {database} by {file}?", yes=yes)
    try:
        restored, kept = _restored(settings, database, file)
    except OSError as error:
        message = f"cannot write to {settings.data_path}: {why(error)}; nothing was replaced"
        raise UserError(message) from None
    if as_json:
        show_json(
            {
                "keys": restored.keys,
                "keys_by_use": restored.hotp,
                "since": restored.since,
                "replaced_was_read": restored.knew_newer,
                "replaced": None if kept is None else str(kept),
            }
        )
        return
    click.echo(f"{count(restored.keys, 'key')} restored; codes up to now are refused.")
    if kept is not None:
        click.echo(f"The database before is kept as {kept}; delete it when it is no longer needed.")
    if restored.since is not None:
        _show_since(restored.since)
    else:
        click.echo("What happened since the backup could not be read. Therefore:")
        click.echo("  keys rotated since have their old secret again; whoever knows it can use it")
        click.echo("  keys made since are gone, those deleted since are back; see keys list")
        click.echo("  recovery codes are void; make new ones with keys recovery-codes NAME")
        click.echo("  tokens revoked since count again; see tokens list")
        if restored.hotp:
            keys = count(restored.hotp, "key")
            click.echo(f"  {keys} that count by use moved on; a few codes may be refused at first")


@store.command(epilog=examples("store migrate"))
@as_json
@placed
def migrate(*, settings: Settings, as_json: bool) -> None:
    """Bring the database to this version's schema, as serve does too; a copy is kept beside it.

    PostgreSQL is brought up to date by whichever command or server of a newer version comes first.
    """
    database = database_of(settings)
    with opened(database) as connection:
        before = schema_of(connection)

    with_ledger(settings, _opened)
    with opened(database) as connection:
        after = schema_of(connection)
    if as_json:
        show_json({"before": before, "after": after})
    elif before == after:
        click.echo(f"The schema is number {after} already.")
    else:
        click.echo(f"The schema was number {before} and is number {after}.")
        click.echo(f"The database before is kept as {database}.before-{after}.")


@store.command("compact", epilog=examples("store compact"))
@placed
def compact_(*, settings: Settings) -> None:
    """Write the database anew, without what was deleted; checks wait meanwhile."""
    database = database_of(settings)
    before = database.stat().st_size
    with hold(settings.data_path):
        is_done = compact(database)
    click.echo(f"{count(before, 'byte')} before, {database.stat().st_size:,} now.")
    if not is_done:
        click.echo("Its log is busy and may hold old copies for a while; run this again later.")
        found_wrong()


@store.command("accept-clock", epilog=examples("store accept-clock"))
@with_yes
@placed
def accept_clock(*, settings: Settings, yes: bool) -> None:
    """Vouch for a clock that is before the last row of the audit log; the server then goes on.

    Codes that were used stay used. A key that took a code while the clock was ahead refuses all codes
    up to that time until it comes.
    """
    heads = with_ledger(settings, lambda ledger: ledger.store.audit_heads())
    latest = max(head.at for head in heads)
    now = time.time()
    if now >= latest:
        click.echo("The clock is not behind the audit log; there is nothing to accept.")
        return
    confirm(f"Go on with a clock that is {latest - now:,.0f} s before the last audit row?", yes=yes)

    detail = f"{latest - now:.0f} s before the row before"
    with_ledger(
        settings,
        lambda ledger: ledger.note("clock.accept", actor(), detail, whatever_the_clock=True),
    )
    click.echo("The clock is accepted. Keys used in the wrong future refuse codes until it comes.")


def _show_since(since: Since) -> None:
    for names, told in (
        (since.rotated, "rotated since: the old secret counts again; rotate them anew"),
        (since.changed, "with another secret since: the old one counts again"),
        (since.created, "made since, and gone now: make them again"),
        (since.deleted, "deleted since, and back now: delete them again"),
        (since.confirmed, "confirmed since: they wait for their first code again"),
    ):
        if names:
            more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
            click.echo(f"{count(len(names), 'key')} {told}: {', '.join(names[:_NAMED])}{more}")


def _restored(settings: Settings, database: Path, file: Path) -> tuple[Restored, Path | None]:
    now = time.time()
    with hold(settings.data_path, alone=True), scratch(database) as made:
        prepare_copy(file, made)
        run_on(settings, made, _opened)
        replaced = database if database.exists() else None
        restored = burn_codes(made, replaced, now=now, window=settings.window)
        detail = f"{restored.keys} keys from {file.name}"
        run_on(settings, made, lambda ledger: ledger.note("store.restore", actor(), detail))
        return restored, put_in_place(made, database, now=now)


async def _opened(_: Ledger) -> None:
    """Opening the database was all: that brings it up to date."""


COMMANDS = {"store": store}

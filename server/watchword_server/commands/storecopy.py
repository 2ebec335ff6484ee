"""`watchword-server store copy` and `reopen`: move a live installation to PostgreSQL, and back."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from watchword_server.audit import Event
from watchword_server.commands.common import as_json, confirm, examples, found_wrong, with_yes
from watchword_server.commands.opened import actor, database_of, keyring_of
from watchword_server.commands.shown import count, show_json, show_table
from watchword_server.datadir import DATABASE_NAME, hold
from watchword_server.errors import UserError
from watchword_server.ledger import AUDIT_KEY, split_seal
from watchword_server.settings import Settings, load_settings
from watchword_server.store.postgres_address import parse_address
from watchword_server.store.protocol import StoreError
from watchword_server.store.sqlite_copy import open_source
from watchword_server.storecopy import Report, claim, copy_store, hand_over, take_back
from watchword_server.stores import require_driver

if TYPE_CHECKING:
    from watchword_server.store.postgres_address import Address
    from watchword_server.store.sqlite_copy import Source
    from watchword_server.storecopy import Progress

_PREFIX = "sqlite:"

_source = click.argument("source")
_target = click.argument("target", required=False)
_config = click.option("--config", type=click.Path(path_type=Path), help="The settings file, TOML.")


@click.command(
    epilog=examples(
        "store copy sqlite:/var/lib/watchword postgresql://watchword@db/watchword",
        "store copy sqlite:/var/lib/watchword postgresql://watchword@db/watchword --final",
    )
)
@_source
@_target
@click.option("--final", is_flag=True, help="The last run, with the server stopped: move.")
@_config
@with_yes
@as_json
def copy(  # noqa: PLR0913 - options
    *,
    source: str,
    target: str | None,
    final: bool,
    config: Path | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Copy SOURCE, a data folder with SQLite, into TARGET, an empty PostgreSQL database.

    Without --final the server goes on meanwhile, and nothing is moved. Run it as often as you like, then
    stop the server and run it with --final: it copies what changed since, verifies all of it, closes
    SOURCE to every server, and opens TARGET. A run that was killed is run again. Without TARGET the
    setting `store` says where. The sealing keys are not copied: every server needs the same ones.

    Exit status 1: the two are not the same in the end; nothing was moved.
    """
    settings, address = _places(source, target, config)
    database = database_of(settings)
    require_driver()
    if final:
        confirm(f"Move {database} to {address.shown}, and have it answer there only?", yes=yes)
    progress = _show_progress if sys.stderr.isatty() else None
    with hold(settings.data_path, alone=final):
        report, why = asyncio.run(_run(settings, database, address, progress, final=final))
    keys = keyring_of(settings).source
    if as_json:
        shown = None if report is None else msgspec.to_builtins(report)
        show_json(
            {"source": str(database), "target": address.shown, "sealing_keys": keys}
            | (shown or {"moved": True})
        )
    elif report is None:
        click.echo(f"{database} was moved to {address.shown} already.")
    else:
        _show(report, why, database, address, keys)
    if report is not None and report.faults:
        found_wrong()


@click.command(
    epilog=examples("store reopen sqlite:/var/lib/watchword postgresql://watchword@db/watchword")
)
@_source
@_target
@_config
@with_yes
def reopen(*, source: str, target: str | None, config: Path | None, yes: bool) -> None:
    """Take the move of SOURCE to TARGET back: SOURCE answers again, and TARGET no more.

    Refused as soon as a server has decided anything on TARGET, for SOURCE does not know of it.
    """
    settings, address = _places(source, target, config)
    database = database_of(settings)
    require_driver()
    confirm(f"Have {database} answer again, and {address.shown} no more?", yes=yes)
    with hold(settings.data_path, alone=True):
        asyncio.run(_take_back(settings, database, address))
    click.echo(f"{database} answers again; {address.shown} is closed, as before the last copy.")


def _places(source: str, target: str | None, config: Path | None) -> tuple[Settings, Address]:
    path = Path(source.removeprefix(_PREFIX)).expanduser()
    if path.name == DATABASE_NAME and not path.is_dir():
        path = path.parent
    if path.exists() and not path.is_dir():
        message = (
            f"{path} is no data folder; name the folder, or the {DATABASE_NAME} in it:"
            " what is in a backup may be older than codes that were used since"
        )
        raise UserError(message)
    settings = load_settings({"data_dir": str(path)}, os.environ, config)
    named = target or settings.store
    if named is None:
        message = "name the PostgreSQL to copy to, as in postgresql://watchword@db.example.net/watchword"
        raise UserError(message)
    return msgspec.structs.replace(settings, store=None), parse_address(named)


async def _run(
    settings: Settings, database: Path, address: Address, progress: Progress | None, *, final: bool
) -> tuple[Report | None, str | None]:
    """Give what was done, None if it was done before, and why the audit log could not be verified."""
    # Here, so that the other commands on SQLite do not need its driver.
    from watchword_server.store.postgres_copy import open_target  # noqa: PLC0415

    async with open_source(database, alone=final) as source, open_target(address) as target:
        mark = await claim(source, target, final=final)
        if mark is None:
            return None, None
        key, why = await _audit_key(settings, source)
        report = await copy_store(source, target, key, progress)
        if final and not report.faults:
            await hand_over(source, target, mark, key, _event("store.copy", "SQLite to PostgreSQL"))
            report.moved = True
        return report, why


async def _take_back(settings: Settings, database: Path, address: Address) -> None:
    from watchword_server.store.postgres_copy import open_target  # noqa: PLC0415 - as above

    async with open_source(database, alone=True) as source, open_target(address) as target:
        key, _ = await _audit_key(settings, source)
        await take_back(source, target, key, _event("store.reopen", "PostgreSQL to SQLite"))


def _event(name: str, detail: str) -> Event:
    return Event(at=time.time(), event=name, actor=actor(), detail=detail)


async def _audit_key(settings: Settings, source: Source) -> tuple[bytes | None, str | None]:
    number, sealed = split_seal((await source.meta())[AUDIT_KEY])
    keyring = keyring_of(settings)
    try:
        return await asyncio.to_thread(keyring.open, number, sealed, AUDIT_KEY), None
    except StoreError as error:
        return None, str(error)


def _show(report: Report, why: str | None, database: Path, address: Address, keys: str) -> None:
    show_table(
        ("TABLE", "ROWS", "NEW", "CHANGED", "GONE", "SHA-256"),
        (
            (
                name,
                *(f"{number:,}" for number in (each.rows, each.new, each.changed, each.gone)),
                each.sha256[:16],
            )
            for name, each in report.tables.items()
        ),
    )
    for fault in report.faults:
        click.echo(f"Not the same: {fault}")
    if report.faults:
        click.echo("This run moved nothing. See to that, and run it again: docs/moving.md says how.")
        return
    total = count(sum(each.rows for each in report.tables.values()), "row")
    click.echo(f"Both have the same {total}, up to audit row {report.end}")
    if report.is_chain_verified:
        click.echo("The audit log was verified by its key.")
    else:
        click.echo(f"The audit log was compared, but not verified by its key: {why}.")
    if not report.moved:
        click.echo("Nothing is moved yet. Stop the server and run this again with --final.")
        return
    click.echo(f"Moved: {database} is closed, and {address.shown} answers from now on.")
    click.echo(f"The sealing keys are in {keys}: every server needs the same ones.")


def _show_progress(doing: str, table: str, done: int, total: int) -> None:
    click.echo(f"\r{table}: {done:,} of {total:,} rows {doing}", err=True, nl=done >= total)

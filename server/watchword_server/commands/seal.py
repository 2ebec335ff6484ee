"""`watchword-server seal`: the keys that secrets are sealed by."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from watchword_server.commands.common import (
    PROGRAM,
    as_json,
    confirm,
    examples,
    found_wrong,
    placed,
    with_yes,
)
from watchword_server.commands.opened import actor, database_of, keyring_of, read_ledger, with_ledger
from watchword_server.commands.shown import count, show_json, show_table
from watchword_server.datadir import hold
from watchword_server.errors import UserError
from watchword_server.reseal import check_seal, new_line, prune_seal, rotate_seal, unused_keys
from watchword_server.sqlitefile import compact
from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from watchword_server.seal import Ring
    from watchword_server.settings import Settings


_SHOWN_EACH = 10_000

_SOON_COMPACTED = 64 * 1024 * 1024
"""Bytes of a database that is written anew in a second or so, while checks wait."""


@click.group()
def seal() -> None:
    """Change and check the keys that secrets are sealed by, while the server runs."""


@seal.command(epilog=examples("seal rotate", "seal rotate --yes"))
@with_yes
@as_json
@placed
def rotate(*, settings: Settings, yes: bool, as_json: bool) -> None:
    """Make a new sealing key and seal every secret by it; a running server goes on checking.

    If it is interrupted, run it again. Afterwards it offers to remove the old sealing keys; they are
    still needed to restore backups made before. With --yes they are removed without asking.
    """
    newest, done = with_ledger(
        settings, lambda ledger: rotate_seal(ledger, actor(), _progress("sealed"))
    )
    if settings.address is None and not _leave_nothing_behind(database_of(settings)):
        click.echo(
            "Unused parts of the database still hold old copies. When there is less to do, run:"
            f" {PROGRAM} store compact",
            err=True,
        )
    pruned = _prune(settings, yes=yes) if yes or sys.stdin.isatty() else None
    if as_json:
        show_json({"key": newest, "sealed": done, "removed": list(pruned or ())})
        return
    click.echo(f"{count(done, 'secret')} sealed by key {newest}.")
    if pruned is None:
        click.echo(f"The old keys are still there; to remove them: {PROGRAM} seal prune")
    elif pruned:
        click.echo(f"Removed: {', '.join(map(str, pruned))}.")


@seal.command(epilog=examples("seal prune", "seal prune --yes"))
@with_yes
@as_json
@placed
def prune(*, settings: Settings, yes: bool, as_json: bool) -> None:
    """Remove the sealing keys that nothing is sealed by; backups from before cannot be opened then."""
    pruned = _prune(settings, yes=yes)
    if as_json:
        show_json({"removed": list(pruned)})
    elif pruned:
        click.echo(f"Removed: {', '.join(map(str, pruned))}.")
    else:
        click.echo("Every sealing key is in use; none is removed.")


@seal.command(epilog=examples("seal check", "seal check --json"))
@as_json
@placed
def check(*, settings: Settings, as_json: bool) -> None:
    """Open every secret and the audit log's key. Exit status 1: something does not open."""
    report = read_ledger(settings, lambda ledger: check_seal(ledger, _progress("opened")))
    if as_json:
        show_json({"secrets": report.secrets, "faults": report.faults})
    else:
        for fault in report.faults:
            click.echo(fault)
        good = report.secrets - sum(fault.startswith("key ") for fault in report.faults)
        click.echo(f"{good:,} of {count(report.secrets, 'secret')} open.")
    if report.faults:
        found_wrong()


@seal.command(epilog=examples("seal status", "seal status --json"))
@as_json
@placed
def status(*, settings: Settings, as_json: bool) -> None:
    """Show which sealing keys there are, and how many secrets each has sealed."""
    report = read_ledger(settings, check_seal)
    rows = [
        (number, report.used.get(number, 0), number in report.present, number == report.active)
        for number in sorted({*report.used, *report.present, report.active})
    ]
    source = keyring_of(settings).source
    if as_json:
        members = ("key", "sealed", "present", "in_use")
        show_json({"source": source, "keys": [dict(zip(members, row, strict=True)) for row in rows]})
        return
    click.echo(f"The sealing keys are in {source}.")
    show_table(
        ("KEY", "SECRETS", "STATE"),
        (
            (str(number), f"{sealed:,}", _state(is_present=present, is_active=active))
            for number, sealed, present, active in rows
        ),
    )


@seal.command(epilog=examples("seal new"))
@placed
def new(*, settings: Settings) -> None:
    """Print a new sealing key as a line, for keys kept in a variable or a credential; stores nothing."""
    ring: Ring | None
    try:
        ring = keyring_of(settings).ring()
    except StoreError as error:
        if error.cause is not Cause.SEALING_KEY_MISSING:
            raise
        ring = None
    click.echo(new_line(ring), nl=False)


def _leave_nothing_behind(database: Path) -> bool:
    """Have no old copy in the database's unused parts, unless that would hold a busy server up."""
    try:
        with hold(database.parent, alone=True):
            return compact(database)
    except UserError:
        return database.stat().st_size <= _SOON_COMPACTED and compact(database)


def _prune(settings: Settings, *, yes: bool) -> Sequence[int]:
    unused = unused_keys(with_ledger(settings, check_seal))
    if not unused:
        return ()
    numbers = ", ".join(map(str, unused))
    confirm(f"Remove the old sealing keys {numbers}? Backups from before need them.", yes=yes)
    return with_ledger(settings, lambda ledger: prune_seal(ledger, actor()))


def _progress(done: str) -> Callable[[int], None] | None:
    if not sys.stderr.isatty():
        return None

    def show(number: int) -> None:
        if number % _SHOWN_EACH == 0:
            click.echo(f"{number:,} {done}", err=True)

    return show


def _state(*, is_present: bool, is_active: bool) -> str:
    if not is_present:
        return "missing"
    return "in use" if is_active else "old"


COMMANDS = {"seal": seal}

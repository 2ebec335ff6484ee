"""`watchword vault backups` and `watchword vault restore`: earlier versions of the vault."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from watchword_tui.commands.asking import confirm, somebody_there
from watchword_tui.commands.common import (
    EXITS,
    common_options,
    count_words,
    json_option,
    say,
    settings_of,
    yes_option,
)
from watchword_tui.commands.tables import columns
from watchword_tui.errors import CancelledError, VaultError
from watchword_tui.vault.store import VaultStore

if TYPE_CHECKING:
    from watchword_tui.settings import Settings
    from watchword_tui.vault.store import Backup

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"))


@click.command(epilog=EXITS, short_help="List the earlier versions of the vault.")
@click.option("--forget", is_flag=True, help="Delete them all, after a question.")
@yes_option
@json_option("One JSON object a line.")
@common_options
@click.pass_context
def backups(ctx: click.Context, /, *, forget: bool, yes: bool, as_json: bool) -> None:
    """List the earlier versions of the vault, the newest first; each change keeps one, up to five.

    They open with the passphrase they were saved with. After a change of passphrase, delete them if
    the old one may be known to others.

    \b
    Examples:
      watchword vault backups
      watchword vault backups --forget
    """  # noqa: D301 - \b is click's own mark
    store = _store(settings_of(ctx))
    found = store.backups()
    if forget and found:
        confirm(f"Delete {count_words(len(found), 'backup')} of {store.path}?", yes=yes)
        say(f"deleted {count_words(store.forget_backups(), 'backup')}")
        return
    if as_json:
        for one in found:
            fields = {"number": one.number, "file": str(one.path), "written_at": one.written_at}
            click.echo(json.dumps(fields | {"size": one.size}))
        return
    now = time.time()
    rows = [(str(one.number), _when(one), _ago(now - one.written_at), f"{one.size:,}") for one in found]
    for line in columns(("NUMBER", "SAVED", "AGO", "BYTES"), rows):
        click.echo(line)
    if not found:
        say("there are no backups yet: the first change makes one")


@click.command(epilog=EXITS, short_help="Put a backup in the vault's place.")
@click.argument("number", type=click.IntRange(min=1), default=1)
@yes_option
@common_options
@click.pass_context
def restore(ctx: click.Context, /, number: int, *, yes: bool) -> None:
    """Put the backup NUMBER, or the newest, in the vault's place; what was there becomes the newest.

    It also mends a vault that is damaged or gone.

    \b
    Examples:
      watchword vault restore               takes the last change back
      watchword vault restore 3             the third in: watchword vault backups
    """  # noqa: D301 - \b is click's own mark
    from watchword_tui.vault.recover import restore_backup  # noqa: PLC0415 - not for --help

    store = _store(settings_of(ctx))
    found = next((one for one in store.backups() if one.number == number), None)
    if found is None:
        raise VaultError(f"there is no backup {number}", "list them: watchword vault backups")
    confirm(f"Go back to the vault of {_when(found)} ({found.path})?", yes=yes)
    restore_backup(store, number)
    say("the backup is in place; watchword vault restore 1 undoes this")


def forget_after_change(store: VaultStore, why: str) -> None:
    """After what opens the vault changed: offer to delete the backups, or say how.

    `why` says what is wrong with them, such as "its earlier versions are not encrypted".
    """
    if not store.backups():
        return
    how = "watchword vault backups --forget deletes them"
    if not somebody_there():
        say(f"{why}: {how}")
        return
    try:
        confirm(f"{why[:1].upper()}{why[1:]}. Delete them?", yes=False)
    except CancelledError:
        say(f"kept; {how}")
    else:
        say(f"deleted {count_words(store.forget_backups(), 'backup')}")


def _store(settings: Settings) -> VaultStore:
    if settings.vault is None:
        raise VaultError("no vault is named", "name one: --vault FILE")
    return VaultStore(settings.vault)


def _when(backup: Backup) -> str:
    return datetime.fromtimestamp(backup.written_at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _ago(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return count_words(int(seconds // size), unit)
    return "just now"

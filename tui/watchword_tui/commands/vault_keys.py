"""`watchword vault passphrase` and `watchword vault keyring`: what opens the vault."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003 - click's options are typed by it
from typing import TYPE_CHECKING

import click

from watchword_otp import clean_label
from watchword_tui.commands.asking import ask_new_passphrase, confirm
from watchword_tui.commands.common import (
    EXITS,
    FILE,
    common_options,
    json_option,
    say,
    settings_of,
    yes_option,
)
from watchword_tui.commands.opening import opened_vault
from watchword_tui.commands.vault_backups import forget_after_change
from watchword_tui.errors import VaultError
from watchword_tui.private_file import read_passphrase

if TYPE_CHECKING:
    from watchword_tui.settings import Settings
    from watchword_tui.vault.vault import PassphraseSlot, Vault

_NEW_WAYS = "run it on a terminal, or name a file that holds it with --new-passphrase-file"

_new_passphrase_option = click.option(
    "--new-passphrase-file",
    "new_file",
    type=FILE,
    metavar="FILE",
    help="The new passphrase, in a file that only you can read.",
)


@click.group(epilog=EXITS, short_help="Add, change, remove and list the passphrases.")
def passphrase() -> None:
    """Add, change, remove and list the passphrases; each opens the whole vault.

    \b
    Examples:
      watchword vault passphrase change
      watchword vault passphrase add --name backup
      watchword vault passphrase list
    """  # noqa: D301 - \b is click's own mark


@passphrase.command("add", epilog=EXITS)
@click.option("--name", default="", metavar="TEXT", help="To tell it from the others.")
@_new_passphrase_option
@common_options
@click.pass_context
def add_passphrase(ctx: click.Context, /, *, name: str, new_file: Path | None) -> None:
    """Let one more passphrase open the vault.

    \b
    Examples:
      watchword vault passphrase add --name backup
    """  # noqa: D301 - \b is click's own mark
    vault = _encrypted(settings_of(ctx))
    name = clean_label(name)
    if name and any(slot.name == name for slot in vault.passphrases):
        raise VaultError(f"there is a passphrase called {name!r} already", "choose another name")
    vault.add_passphrase(_new(new_file), name)
    say(f"{len(vault.passphrases)} passphrases open the vault now")


@passphrase.command("change", epilog=EXITS, short_help="Put a new passphrase in one's place.")
@click.argument("which", metavar="[NAME]", required=False)
@_new_passphrase_option
@common_options
@click.pass_context
def change_passphrase(ctx: click.Context, /, which: str | None, *, new_file: Path | None) -> None:
    """Put a new passphrase in the place of NAME, or of the one that opened the vault.

    \b
    Examples:
      watchword vault passphrase change
      watchword vault passphrase change backup --new-passphrase-file new.txt
    """  # noqa: D301 - \b is click's own mark
    keeper = opened_vault(settings_of(ctx))
    vault = keeper.vault
    _require_encrypted(vault)
    slot = _slot(vault, which)
    vault.change_passphrase(slot.id, _new(new_file))
    say("the passphrase is changed")
    forget_after_change(keeper.store, "its earlier versions still open with the old passphrase")


@passphrase.command("remove", epilog=EXITS, short_help="Let a passphrase open it no more.")
@click.argument("which", metavar="NAME|NUMBER")
@yes_option
@common_options
@click.pass_context
def remove_passphrase(ctx: click.Context, /, which: str, *, yes: bool) -> None:
    """Let a passphrase open the vault no more; the last one stays.

    \b
    Examples:
      watchword vault passphrase remove backup
      watchword vault passphrase remove 2   by its number in the list
    """  # noqa: D301 - \b is click's own mark
    keeper = opened_vault(settings_of(ctx))
    vault = keeper.vault
    _require_encrypted(vault)
    slot = _slot(vault, which)
    confirm(f"Remove the passphrase {_title(vault, slot)}?", yes=yes)
    vault.remove_passphrase(slot.id)
    say("it does not open the vault any more")
    forget_after_change(keeper.store, "its earlier versions still open with it")


@passphrase.command("list", epilog=EXITS)
@json_option("One JSON object a line.")
@common_options
@click.pass_context
def list_passphrases(ctx: click.Context, /, *, as_json: bool) -> None:
    """List the passphrases by number and name, never themselves.

    \b
    Examples:
      watchword vault passphrase list
    """  # noqa: D301 - \b is click's own mark
    vault = _encrypted(settings_of(ctx))
    for number, slot in enumerate(vault.passphrases, start=1):
        if as_json:
            click.echo(json.dumps({"number": number, "name": slot.name, "in_use": slot.in_use}))
        else:
            used = " (opened the vault now)" if slot.in_use else ""
            click.echo(f"{number}\t{slot.name or 'without a name'}{used}")


@click.group(epilog=EXITS, short_help="Let this machine's keyring open the vault.")
def keyring() -> None:
    """Let this machine's keyring open the vault, without a passphrase.

    \b
    Examples:
      watchword vault keyring add
      watchword vault keyring remove
    """  # noqa: D301 - \b is click's own mark


@keyring.command("add", epilog=EXITS)
@common_options
@click.pass_context
def add_keyring(ctx: click.Context, /) -> None:
    """Put a key of the vault into this machine's keyring.

    Whoever is logged in here then opens the vault without a question. The passphrases stay.

    \b
    Examples:
      watchword vault keyring add
    """  # noqa: D301 - \b is click's own mark
    keeper = opened_vault(settings_of(ctx))
    keeper.vault.add_keyring(keeper.keychain)
    say("the keyring opens the vault now; keep the passphrase all the same")


@keyring.command("remove", epilog=EXITS)
@common_options
@click.pass_context
def remove_keyring(ctx: click.Context, /) -> None:
    """Let no keyring open the vault any more, here or elsewhere.

    \b
    Examples:
      watchword vault keyring remove
    """  # noqa: D301 - \b is click's own mark
    keeper = opened_vault(settings_of(ctx))
    if not keeper.vault.keyring_slots:
        raise VaultError("no keyring opens the vault", "watchword vault info shows what does")
    keeper.vault.remove_keyring(keeper.keychain)
    say("no keyring opens the vault any more")


def _encrypted(settings: Settings) -> Vault:
    vault = opened_vault(settings).vault
    _require_encrypted(vault)
    return vault


def _require_encrypted(vault: Vault) -> None:
    if not vault.encrypted:
        raise VaultError("the vault has no passphrase", "give it one: watchword vault encrypt")


def _new(path: Path | None) -> str:
    if path is not None:
        return read_passphrase(path)
    return ask_new_passphrase("the vault", _NEW_WAYS)


def _slot(vault: Vault, which: str | None) -> PassphraseSlot:
    """The passphrase with a name or number; without either the one that opened the vault, or the only.

    Raises:
        VaultError: It cannot be told which is meant.
    """
    slots = vault.passphrases
    if which is None:
        found = [slot for slot in slots if slot.in_use] or list(slots)
    else:
        found = [slot for slot in slots if slot.name == which]
        if not found and which.isdecimal() and 0 < int(which) <= len(slots):
            found = [slots[int(which) - 1]]
    if len(found) != 1:
        raise VaultError(
            "it is not clear which passphrase is meant",
            "name one, by name or number: watchword vault passphrase list",
        )
    return found[0]


def _title(vault: Vault, slot: PassphraseSlot) -> str:
    return repr(slot.name) if slot.name else f"number {vault.passphrases.index(slot) + 1}"

"""`watchword vault`: the vault itself: made, looked at, encrypted, decrypted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from watchword_otp import strip_controls
from watchword_tui.commands.asking import confirm
from watchword_tui.commands.common import (
    EXITS,
    common_options,
    count_words,
    json_option,
    say,
    settings_of,
    yes_option,
)
from watchword_tui.commands.opening import make_vault, new_passphrase, opened_vault
from watchword_tui.commands.vault_backups import backups, forget_after_change, restore
from watchword_tui.commands.vault_keys import keyring, passphrase
from watchword_tui.errors import VaultError

if TYPE_CHECKING:
    from watchword_tui.keeper import Keeper


@click.group(epilog=EXITS)
def vault() -> None:
    """Look after the vault: its passphrases, the keyring, its backups.

    The vault is one file, in the format of Aegis: Aegis on a phone opens it, too.

    \b
    Examples:
      watchword vault info
      watchword vault passphrase change
      watchword vault keyring add           open it without a question here
      watchword vault restore 1
    """  # noqa: D301 - \b is click's own mark


@vault.command(epilog=EXITS, short_help="Make an empty vault.")
@click.option("--plain", is_flag=True, help="Without a passphrase: whoever reads the file has it all.")
@common_options
@click.pass_context
def create(ctx: click.Context, /, *, plain: bool) -> None:
    """Make an empty vault; adding or importing accounts makes one by itself.

    \b
    Examples:
      watchword vault create
      watchword vault create --vault work.json
    """  # noqa: D301 - \b is click's own mark
    make_vault(settings_of(ctx), plain=plain)


@vault.command(epilog=EXITS)
@json_option("One JSON object.")
@common_options
@click.pass_context
def info(ctx: click.Context, /, *, as_json: bool) -> None:
    """Say where the vault is, what opens it, and what is in it.

    \b
    Examples:
      watchword vault info
      watchword vault info --json | jq .accounts
    """  # noqa: D301 - \b is click's own mark
    facts = _facts(opened_vault(settings_of(ctx)))
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        words = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        click.echo(strip_controls(f"{name.replace('_', ' ')}: {words}"))


@vault.command(epilog=EXITS)
@common_options
@click.pass_context
def encrypt(ctx: click.Context, /) -> None:
    """Encrypt a plain vault with a new passphrase.

    \b
    Examples:
      watchword vault encrypt
      watchword vault encrypt --passphrase-file new-passphrase.txt
    """  # noqa: D301 - \b is click's own mark
    settings = settings_of(ctx)
    keeper = opened_vault(settings)
    if keeper.vault.encrypted:
        raise VaultError("the vault is encrypted", "change it: watchword vault passphrase change")
    keeper.vault.add_passphrase(new_passphrase(settings))
    say("the vault is encrypted now")
    forget_after_change(keeper.store, "its earlier versions are not encrypted")


@vault.command(epilog=EXITS)
@yes_option
@common_options
@click.pass_context
def decrypt(ctx: click.Context, /, *, yes: bool) -> None:
    """Take the encryption off, after a question.

    \b
    Examples:
      watchword vault decrypt
      watchword vault encrypt               puts it back on
    """  # noqa: D301 - \b is click's own mark
    keeper = opened_vault(settings_of(ctx))
    if not keeper.vault.encrypted:
        raise VaultError("the vault is not encrypted", "encrypt it: watchword vault encrypt")
    confirm(
        f"Save {count_words(len(keeper.accounts), 'account')} without encryption?"
        " Whoever can read the file then has every secret.",
        yes=yes,
    )
    # A plain vault has no slots, and then nobody would know which key to take out of the keyring.
    if keeper.vault.keyring_slots:
        keeper.vault.remove_keyring(keeper.keychain)
    keeper.vault.decrypt()
    say("the vault is not encrypted any more: whoever can read the file has every secret")


def _facts(keeper: Keeper) -> dict[str, object]:
    vault = keeper.vault
    return {
        "file": str(keeper.store.path),
        "encrypted": vault.encrypted,
        "passphrases": len(vault.passphrases),
        "opened_by_keyring": bool(vault.keyring_slots),
        "accounts": len(keeper.accounts),
        "quarantined": len(keeper.quarantined),
        "groups": len(keeper.groups),
        "backups": len(keeper.store.backups()),
    }


for _command in (passphrase, keyring, backups, restore):
    vault.add_command(_command)

COMMANDS = {"vault": vault}

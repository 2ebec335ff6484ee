"""`watchword completion`: the shell fills in commands, options and the names of accounts."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING

import click

from watchword_tui.commands.common import EXITS, settings_of
from watchword_tui.errors import WatchwordError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from watchword_tui.accounts import Account

_INSTALL = {
    "bash": 'put into ~/.bashrc: eval "$(watchword completion bash)"',
    "zsh": 'put into ~/.zshrc, behind compinit: eval "$(watchword completion zsh)"',
    "fish": "run once: watchword completion fish > ~/.config/fish/completions/watchword.fish",
}
_VARIABLE = "_WATCHWORD_COMPLETE"
"""Where click's scripts say what they want; `main` looks at it."""

_SPECIAL = re.compile(r"[^\w@%+=:,./-]")
"""What a shell would take for its own."""


@click.command(epilog=EXITS)
@click.argument("shell", type=click.Choice(list(_INSTALL)))
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> None:
    """Print the script that completes commands, options and account names in a shell.

    Names are completed while the vault asks nothing: when it is plain or the keyring opens it.

    \b
    Examples:
      watchword completion bash
        into ~/.bashrc: eval "$(watchword completion bash)"
      watchword completion zsh
        into ~/.zshrc, behind compinit: eval "$(watchword completion zsh)"
      watchword completion fish > ~/.config/fish/completions/watchword.fish
    """  # noqa: D301 - \b is click's own mark
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only here

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    click.echo(f"# {_INSTALL[shell]}")
    click.echo(found(ctx.find_root().command, {}, "watchword", _VARIABLE).source())


def complete_account(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The accounts whose names begin with `incomplete`; asks nothing and says nothing."""
    wanted = incomplete.casefold()
    offers = (
        (next((word for word in words if word.casefold().startswith(wanted)), None), title)
        for words, title in _words(_accounts(ctx))
    )
    return [_item(word, title) for word, title in offers if word is not None]


def complete_group(
    ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The groups whose names begin with `incomplete`; asks nothing and says nothing."""
    groups = dict.fromkeys(group for account in _accounts(ctx) for group in account.groups)
    wanted = incomplete.casefold()
    return [_item(group) for group in groups if group.casefold().startswith(wanted)]


def _accounts(ctx: click.Context) -> Sequence[Account]:
    from watchword_tui.accounts import load_accounts  # noqa: PLC0415 - only while completing
    from watchword_tui.keeper import Keeper  # noqa: PLC0415 - as above
    from watchword_tui.vault.keychain import SystemKeychain  # noqa: PLC0415 - as above
    from watchword_tui.vault.store import VaultStore  # noqa: PLC0415 - as above

    try:
        settings = settings_of(ctx)
        accounts = load_accounts(settings).accounts
        if settings.vault is not None:
            keeper = Keeper(VaultStore(settings.vault), SystemKeychain())
            if keeper.store.exists() and keeper.open_quietly():
                accounts = (*keeper.accounts, *accounts)
    except WatchwordError:
        return ()
    return accounts


def _words(accounts: Sequence[Account]) -> list[tuple[list[str], str]]:
    """What names each account and no other, the shortest first, and its title."""
    labels = Counter(
        label.casefold() for account in accounts for label in {account.key.issuer, account.key.name}
    )
    return [
        (
            [
                *(label for label in (key.issuer, key.name) if label and labels[label.casefold()] == 1),
                key.title,
            ],
            key.title,
        )
        for key in (account.key for account in accounts)
    ]


def _item(word: str, title: str = "") -> CompletionItem:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only while completing

    if os.environ.get(_VARIABLE, "").startswith("bash"):
        # Other shells quote what they insert; here one backslash is for bash, one for click's script.
        word = _SPECIAL.sub(r"\\\\\g<0>", word)
    return CompletionItem(word, help=title or None)


COMMANDS = {"completion": completion}

"""The accounts a command works with; what was left out of them is said on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from watchword_tui.accounts import load_accounts
from watchword_tui.errors import AccountsError

if TYPE_CHECKING:
    from watchword_tui.accounts import Account
    from watchword_tui.settings import Settings


def usable_accounts(settings: Settings) -> tuple[Account, ...]:
    """Load the accounts and name what is wrong with their sources.

    Raises:
        AccountsError: A source cannot be read, or nothing in the sources could.
    """
    loaded = load_accounts(settings)
    for problem in loaded.problems:
        click.echo(f"watchword: {problem}", err=True)
    if loaded.problems and not loaded.accounts:
        raise AccountsError("no account could be read", "correct what is named above")
    return loaded.accounts

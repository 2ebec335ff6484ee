"""Saving what a command changes in the vault, together with what others changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.commands.common import say
from watchword_tui.errors import AccountsError
from watchword_tui.vault.store import VaultChangedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.accounts import Account
    from watchword_tui.commands.opening import Known
    from watchword_tui.keeper import Keeper
    from watchword_tui.vault.document import Document

_TRIES = 5
"""How often a counter is tried to be moved on while others save, too."""


def save(keeper: Keeper, what: str, edit: Callable[[Document], Document]) -> None:
    """Save what `edit` makes of the document; what another program saved meanwhile is kept, too.

    Raises:
        VaultError: It cannot be saved: the vault is as it was.
    """
    import asyncio  # noqa: PLC0415 - slow to load, and listing shares this module

    try:
        asyncio.run(keeper.change(what, edit))
    except VaultChangedError:
        merged = asyncio.run(keeper.merge())
        say("another program changed the vault meanwhile: both changes are saved")
        for title in merged.doubled:
            say(f"{title} was changed by both: it is there twice")
        for title in merged.revived:
            say(f"{title} was deleted by one and changed by the other: it is kept")


def use_counter(keeper: Keeper, account: Account) -> Account:
    """Move a HOTP account on, and give it as it was before: its code may be shown now.

    Raises:
        VaultError: The counter cannot be saved: no code may be shown.
    """
    import asyncio  # noqa: PLC0415 - as above

    for _ in range(_TRIES):
        try:
            return asyncio.run(keeper.advance(account.id))
        except VaultChangedError:
            # Not merged: the other program may have used this very counter.
            keeper.give_up_change()
    return asyncio.run(keeper.advance(account.id))


def require_own(known: Known, account: Account) -> Keeper:
    """See that an account can be changed; give the vault it is in.

    Raises:
        AccountsError: It comes from elsewhere.
    """
    if known.keeper is None or not account.id:
        raise AccountsError(
            f"{account.key.title} comes from {account.source}, which is not written to",
            "change it there, or bring it into the vault: watchword import FILE",
        )
    return known.keeper

"""What the writers of all formats share."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from watchword_otp import Key
    from watchword_tui.accounts import Account

UNNAMED = "Unnamed"
"""The name given to a key without any label: no app takes one without."""


def labelled(key: Key) -> Key:
    """The key with at least one label."""
    return key if key.title else replace(key, name=UNNAMED)


def titled(key: Key) -> Key:
    """The key with an issuer, for apps in which everything is called something: else its name moves."""
    shown = labelled(key)
    return shown if shown.issuer else replace(shown, issuer=shown.name, name="")


def group_ids(accounts: Iterable[Account]) -> dict[str, str]:
    """A fresh UUID for every group that an account is in, by the group's name, in order of use."""
    names = dict.fromkeys(name for account in accounts for name in account.groups)
    return {name: str(uuid.uuid4()) for name in names}


def first_group(account: Account, ids: dict[str, str]) -> str | None:
    """The UUID of the account's first group, for apps that keep an account in one group only."""
    return ids[account.groups[0]] if account.groups else None


def sort_out(
    accounts: Iterable[Account], why_not: Callable[[Key], str]
) -> tuple[list[Account], tuple[str, ...]]:
    """Part the accounts that a format can hold from those it cannot, which come as sentences.

    `why_not` says what hinders a key, or "".
    """
    held = []
    left_out = []
    for account in accounts:
        if reason := why_not(account.key):
            left_out.append(f"{labelled(account.key).title}: {reason}")
        else:
            held.append(account)
    return held, tuple(left_out)


def cut(text: str, cells: int) -> str:
    """The text, no wider than so many terminal cells; what was cut off leaves an ellipsis."""
    # Not at the top: it is there for Textual, and only pages of QR codes need it here.
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415

    return text if cell_len(text) <= cells else f"{set_cell_size(text, cells - 1)}…"

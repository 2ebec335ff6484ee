"""Backups put back in the vault's place, and what to do where there are none."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from watchword_tui.errors import DamagedVaultError
from watchword_tui.vault.envelope import read_envelope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_tui.vault.store import VaultStore


def restore_backup(store: VaultStore, number: int) -> None:
    """Put an earlier version in the vault's place; 1 is the newest.

    What was there, whole or damaged, becomes the newest backup, so restoring can be taken back. Works
    without a passphrase, and without a file too.

    Raises:
        VaultChangedError: Another program saved meanwhile; nothing was written.
        VaultError: There is no such backup, it is no vault itself, or it cannot be written.
    """
    current = store.digest()
    stored = store.read_backup(number)
    read_envelope(stored.data)
    store.write(stored.data, expected=current)


@contextlib.contextmanager
def remedied(store: VaultStore) -> Iterator[None]:
    """Let nobody be sent to backups that are not there.

    Raises:
        DamagedVaultError: As in the block, with a remedy that there is.
    """
    try:
        yield
    except DamagedVaultError as error:
        if not store.backups():
            error.remedy = (
                "there is no backup of it: put a copy of yours in its place,"
                f" or move {store.path} away to start anew"
            )
        raise

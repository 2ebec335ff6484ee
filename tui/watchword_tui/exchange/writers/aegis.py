"""Aegis exports, plain and encrypted: what a vault is, so the vault's own code writes them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from msgspec.structs import replace

from watchword_tui.exchange.model import Writer, Written
from watchword_tui.exchange.writers.parts import labelled
from watchword_tui.vault.document import Document
from watchword_tui.vault.envelope import new_envelope
from watchword_tui.vault.rows import new_id
from watchword_tui.vault.slots import MasterKey, passphrase_slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_tui.accounts import Account


def write_plain(accounts: Sequence[Account], _passphrase: str) -> Written:
    """Write a plain export; see `Writer`."""
    return Written(new_envelope().sealed(_content(accounts), None, ()))


def write_encrypted(accounts: Sequence[Account], passphrase: str) -> Written:
    """Write an export with one passphrase slot; see `Writer`."""
    master = MasterKey.generate()
    slot = passphrase_slot(master, passphrase)
    return Written(new_envelope().sealed(_content(accounts), master, (slot,)))


def _content(accounts: Sequence[Account]) -> bytes:
    shown = (replace(account, key=labelled(account.key), id=_uuid(account.id)) for account in accounts)
    return Document().with_added(shown).written()


def _uuid(identity: str) -> str:
    """The account's own id where it is a UUID: Aegis takes nothing else."""
    try:
        return str(uuid.UUID(identity))
    except ValueError:
        return new_id()


PLAIN = Writer(name="aegis", title="Aegis", suffix=".json", encrypts=False, write=write_plain)
ENCRYPTED = Writer(name="aegis", title="Aegis", suffix=".json", encrypts=True, write=write_encrypted)

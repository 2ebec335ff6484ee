"""What an open vault knows of its keys and of the file it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp.value import Value

if TYPE_CHECKING:
    from watchword_tui.vault.envelope import Envelope
    from watchword_tui.vault.slots import MasterKey, Slot


class Keys(Value, frozen=True):
    """What saves a vault."""

    master: MasterKey | None
    """None for a plain vault."""
    slot: Slot | None
    """The slot that opened the vault."""


class Seen(Value, frozen=True):
    """What a save replaces."""

    envelope: Envelope
    digest: bytes | None
    """None where there is no file any more."""

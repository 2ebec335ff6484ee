"""What an open vault knows of its keys and of the file it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword_tui.vault.envelope import Envelope
    from watchword_tui.vault.slots import MasterKey, Slot


@dataclass(frozen=True, slots=True)
class Keys:
    """What saves a vault."""

    master: MasterKey | None
    """None for a plain vault."""
    slot: Slot | None
    """The slot that opened the vault."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a save replaces."""

    envelope: Envelope
    digest: bytes | None
    """None where there is no file any more."""

"""A person who is asked while another app's file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.reading import Recognised, read_entries, source_of

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Cost


class Person:
    """Types one passphrase, and allows costly work or not; remembers what was asked.

    Args:
        passphrase: What they type.
        allows: What they answer when asked about costs.
    """

    def __init__(self, passphrase: str = "", *, allows: bool = False) -> None:
        self._passphrase = passphrase
        self._allows = allows
        self.asked_for_passphrase = 0
        self.asked_about: list[Cost] = []

    def passphrase(self) -> str:
        self.asked_for_passphrase += 1
        return self._passphrase

    def allow(self, cost: Cost) -> bool:
        self.asked_about.append(cost)
        return self._allows


def read_bytes(data: bytes, passphrase: str = "", *, name: str = "", allows: bool = False) -> Recognised:
    """Read content as a person with this passphrase would; `name` forces a format."""
    return read_entries(source_of("export", data), Person(passphrase, allows=allows), name)

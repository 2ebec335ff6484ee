"""Which of several processes this one is, where `serve --workers` runs more than one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.exposition import Family


class Seat(Protocol):
    """A worker's place among the others."""

    @property
    def number(self) -> int:
        """Which one, from 1."""
        ...

    @property
    def is_first(self) -> bool:
        """Whether it does what one of them has to do for all."""
        ...

    async def totals(self, own: Sequence[Family]) -> Sequence[Family]:
        """What all workers have counted together, of which `own` is this one's part."""
        ...

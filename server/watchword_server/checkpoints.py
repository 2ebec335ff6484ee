"""Checkpoints of the audit log: the end of each chain as a word, noted elsewhere and read again."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from watchword_server.audit import checkpoint
from watchword_server.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_server.ledger import Ledger

Checkpoints: TypeAlias = Mapping[tuple[int, int], str]
"""MACs by the chain's and the row's number."""

# Not from within a longer number or after a dot: 3.42 must not be taken for row 42 of chain 0.
_WORD = re.compile(r"(?<![0-9.])(?:([0-9]{1,9})\.)?([0-9]{1,18}):([0-9a-f]{64})(?![0-9a-f])")

_logger = logging.getLogger(__name__)


async def checkpoints_of(ledger: Ledger) -> Sequence[str]:
    """The end of each chain now, as words to note elsewhere.

    Raises:
        StoreError: The database failed.
    """
    return [checkpoint(head) for head in await ledger.store.audit_heads()]


async def log_checkpoints(ledger: Ledger) -> None:
    """Note the ends of the audit log in the server's own log, a line for each chain.

    Raises:
        StoreError: The database failed.
    """
    for word in await checkpoints_of(ledger):
        _logger.info("audit checkpoint %s", word)


def read_checkpoints(lines: Iterable[str]) -> Checkpoints:
    """Find checkpoints in lines of any text, such as the server's log.

    Raises:
        UserError: There is none, or two of one row differ.
    """
    found: dict[tuple[int, int], str] = {}
    for line in lines:
        for number, seq, mac in _WORD.findall(line):
            chain = int(number or 0)
            if found.setdefault((chain, int(seq)), mac) != mac:
                where = f"row {int(seq)} of chain {chain}" if chain else f"row {int(seq)}"
                message = f"there are two different checkpoints of {where}: one is forged"
                raise UserError(message)
    if not found:
        message = "there is no checkpoint; one looks like 42:MAC or 3.42:MAC, with 64 hexadecimal digits"
        raise UserError(message)
    return found

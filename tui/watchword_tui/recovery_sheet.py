"""A sheet of recovery codes, to print or to keep in a password manager."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def recovery_sheet(name: str, server: str, whose: str, codes: Sequence[str], now: float) -> str:
    """Write the sheet as plain text; `now` (Unix seconds) dates it.

    Args:
        name: The key's name on the server.
        server: What the server is called.
        whose: Issuer and account.
        codes: Each good once.
        now: When they were made.
    """
    made = datetime.fromtimestamp(now, UTC)
    lines = [
        f"Recovery codes of {name} on {server}",
        whose,
        f"Made {made:%Y-%m-%d %H:%M} UTC. Each lets you in once, when the phone is gone.",
        "",
        *(f"{number:>2}  {code}" for number, code in enumerate(codes, 1)),
    ]
    return "\n".join(lines) + "\n"

"""How the application meets the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What stands between the application and its clients; the defaults are for loopback."""

    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose word is taken for a sender's address; `unix` for the Unix socket."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call."""
    refusals_per_minute: int = 0
    """How often a sender may be refused before it is refused everything; 0 for no limit."""
    hsts: bool = False
    """Whether TLS ends here."""
    public_url: str | None = None
    """Where clients reach this server, for links; None for wherever a request came to."""
    data_path: Path | None = None
    """The folder whose disk must have room."""

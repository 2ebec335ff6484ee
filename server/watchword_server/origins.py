"""What an origin and a network look like in the settings."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

UNIX = "unix"
"""Stands among networks for the peers of the Unix socket, which have no address."""


def is_origin(text: str) -> bool:
    """Tell whether `text` is an origin as browsers send it (RFC 6454 section 6.2): no path, no user."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isascii():
        return False
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = f"{parts.scheme}://{host}" if port is None else f"{parts.scheme}://{host}:{port}"
    return text == shown and not set(text) & set(" ,;*\\\"'")


def is_network(text: str) -> bool:
    """Tell whether `text` is an address, a network in CIDR form without host bits, or `unix`."""
    if text == UNIX:
        return True
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True

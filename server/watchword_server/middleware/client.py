"""Whose request it is: the peer's, or the one a trusted proxy names."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from watchword_server.origins import UNIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiohttp import web

_MAX_HOPS = 32
_X_FORWARDED_FOR = "X-Forwarded-For"
_FORWARDED = "Forwarded"


class Proxies:
    """The proxies whose word is taken for who sent a request."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Trust the peers of these networks (CIDR), and with `unix` those of the Unix socket."""
        named = set(networks)
        self._trusts_unix = UNIX in named
        self._networks = [ipaddress.ip_network(text) for text in named - {UNIX}]

    def client_of(self, request: web.Request) -> str:
        """The sender's address: the last one, from right to left, that is no trusted proxy's.

        The peer's own address counts if the peer is not trusted, if the headers are no addresses, or
        if `Forwarded` (RFC 7239) and `X-Forwarded-For` disagree: one of them was not the proxy's.
        """
        peer = request.remote or ""
        if not (self._trusts_unix if peer == "" else self._trusts(peer)):
            return peer
        chains = [
            chain for chain in (_forwarded(request), _x_forwarded_for(request)) if chain is not None
        ]
        named = {self._sender(chain, peer) for chain in chains}
        return named.pop() if len(named) == 1 else peer

    def _sender(self, chain: Sequence[str], peer: str) -> str:
        if not 0 < len(chain) <= _MAX_HOPS:
            return peer
        address = peer
        for text in reversed(chain):
            found = _address(text)
            if found is None:
                return peer
            address = found
            if not self._trusts(address):
                break
        return address

    def _trusts(self, address: str) -> bool:
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)


def _x_forwarded_for(request: web.Request) -> list[str] | None:
    values = request.headers.getall(_X_FORWARDED_FOR, None)
    return None if values is None else [part.strip() for part in ",".join(values).split(",")]


def _forwarded(request: web.Request) -> list[str] | None:
    if _FORWARDED not in request.headers:
        return None
    # aiohttp reads them; an element without `for` names nobody, which is no address.
    return [element.get("for", "") for element in request.forwarded]


def _address(text: str) -> str | None:
    """The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`."""
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        port = port.removeprefix(":")
        if not closed or ":" not in host:
            return None
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    if port and not (port.isascii() and port.isdigit()):
        return None
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None:
            return None
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
    return str(found)

"""Where a PostgreSQL database is: its URI, checked, with safe defaults, and one that may be shown."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from watchword_server.errors import UserError

SCHEMES = ("postgresql", "postgres")

_MAX_PORT = 65_535
_UNENCRYPTED = {"disable", "allow", "prefer"}


@dataclass(frozen=True, slots=True)
class Address:
    """A database's address."""

    uri: str = field(repr=False)
    """For the driver: with the password, if there is one, and with what was not said."""
    shown: str
    """For people and logs: without password and options."""
    is_open: bool
    """Whether others can read and change what is said on the way: no TLS, and not this machine."""


def parse_address(text: str) -> Address:
    """Read a URI as libpq has it: `postgresql://user@host:port,host:port/database?sslmode=verify-full`.

    A host that is not this machine is asked for TLS with a certificate that fits, unless `sslmode` says
    otherwise; of several hosts the one that can be written is taken (`target_session_attrs`).

    Raises:
        UserError: It is no such URI.
    """
    try:
        parts = urlsplit(text)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _wrong() from None
    user, at, hosts = parts.netloc.rpartition("@")
    ports = [*map(_port, hosts.split(",")), *options.get("port", "").split(",")]
    if parts.scheme not in SCHEMES or parts.fragment or not all(map(_is_port, ports)):
        raise _wrong()
    named = [_host(each) for each in hosts.split(",")] if hosts else []
    named += options.get("host", "").split(",") if options.get("host") else []
    is_local = all(_is_local(each) for each in named)
    options.setdefault("target_session_attrs", "read-write")
    if not is_local:
        options.setdefault("sslmode", "verify-full")
    query = urlencode(options)
    name, _, _ = user.partition(":")
    return Address(
        uri=f"postgresql://{parts.netloc}{parts.path}?{query}",
        shown=f"postgresql://{name}{at}{hosts or options.get('host', '')}{parts.path}",
        is_open=not is_local and options["sslmode"] in _UNENCRYPTED,
    )


def _host(spec: str) -> str:
    """The host of `host`, `host:port` or `[address]:port`."""
    if spec.startswith("["):
        return spec[1:].partition("]")[0]
    return unquote(spec.partition(":")[0])


def _port(spec: str) -> str:
    """The port of what `_host` reads; empty for the usual one."""
    return spec.rpartition("]")[2].partition(":")[2]


def _is_port(text: str) -> bool:
    return not text or (text.isdecimal() and text.isascii() and 0 < int(text) <= _MAX_PORT)


def _is_local(host: str) -> bool:
    if host.startswith("/") or host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong() -> UserError:
    message = (
        "the store must be a URI such as postgresql://watchword@db.example.net/watchword;"
        " leave it out for SQLite in the data folder"
    )
    return UserError(message)

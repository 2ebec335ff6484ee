"""The sockets to listen on, bound before anything else is begun."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from typing import TYPE_CHECKING

from watchword_server.errors import UserError, why

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BACKLOG = 128
"""Connections that may wait to be accepted."""

UNIX_URL = "unix:"
"""How the address of a Unix socket begins; its path follows."""

_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def bind(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of `host`, all with the same port; 0 takes a free one.

    Raises:
        UserError: No address could be bound; the message says why.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        message = f"cannot listen on {host}: there is no such host; check --host"
        raise UserError(message) from None
    bound: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, (address, *rest) in found:
        # The first one's port serves the others too, when it was free to choose.
        wanted = bound[0].getsockname()[1] if bound else port
        try:
            # Never reuse_port: a second server would silently share the port.
            bound.append(
                socket.create_server((address, wanted, *rest[1:]), family=family, backlog=BACKLOG)
            )
        except OSError as error:
            if error.errno not in _ABSENT:
                close(bound)
                raise _refusal(host, port, error) from None
            # As ::1 for "localhost" on a machine without IPv6.
            absent = error
    if absent is not None and not bound:
        raise _refusal(host, port, absent)
    return bound


def bind_beside(family: int, name: tuple[str | int, ...]) -> socket.socket:
    """Bind a socket that will share an address with others of this user (SO_REUSEPORT).

    Each new connection goes to one of those that listen, by a hash of where it comes from. Whoever calls
    this has to know that nobody else has the address.

    Args:
        family: AF_INET or AF_INET6.
        name: The address, as `getsockname` of another socket gives it.

    Raises:
        UserError: Somebody else has it by now.
    """
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(name)
    except OSError as error:
        made.close()
        raise _refusal(str(name[0]), int(name[1]), error) from None
    return made


def bind_unix(path: Path) -> socket.socket:
    """Listen on a Unix socket that its owner and group may use (mode 0660).

    Raises:
        UserError: Somebody listens there, something else is there, or the folder cannot be used.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_way(path)
        # The mode that it is made with, so that it is never open to others, not even for a moment.
        before = os.umask(0o117)
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        message = f"cannot listen on {path}: {why(error)}; check --unix-socket"
        raise UserError(message) from None
    except UserError:
        listening.close()
        raise
    return listening


def close(sockets: Sequence[socket.socket]) -> None:
    """Close all of them."""
    for each in sockets:
        each.close()


def remove_unix(path: Path, made: os.stat_result) -> None:
    """Take the socket at `path` away, unless another has taken its place since it was `made`."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        if (found.st_dev, found.st_ino) == (made.st_dev, made.st_ino):
            path.unlink()


def url_of(bound: socket.socket, *, secure: bool = False) -> str:
    """The address a client on this machine reaches the socket by; `unix:` and the path of a Unix one."""
    if bound.family == socket.AF_UNIX:
        return f"{UNIX_URL}{bound.getsockname()}"
    text, port = bound.getsockname()[:2]
    address = ipaddress.ip_address(text.partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")  # noqa: PLR2004 - IPv4
    host = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6
    return f"{'https' if secure else 'http'}://{host}:{port}"


def is_local(bound: socket.socket) -> bool:
    """Tell whether only this machine can reach the socket."""
    if bound.family == socket.AF_UNIX:
        return True
    return ipaddress.ip_address(bound.getsockname()[0].partition("%")[0]).is_loopback


def _make_way(path: Path) -> None:
    """Remove a socket that was left behind; nobody listens there any more."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        message = f"{path} is there and is no socket; name another with --unix-socket"
        raise UserError(message)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    message = f"{path} is in use; stop what listens there, or name another with --unix-socket"
    raise UserError(message)


def _refusal(host: str, port: int, error: OSError) -> UserError:
    if error.errno == errno.EADDRINUSE:
        return UserError(
            f"port {port} on {host} is in use; stop what listens there, or choose another with --port"
        )
    if error.errno == errno.EACCES:
        return UserError(f"port {port} needs root; choose one from 1024 up with --port")
    if error.errno in _ABSENT:
        return UserError(f"cannot listen on {host}: this machine has no such address; check --host")
    return UserError(f"cannot listen on {host} port {port}: {why(error)}; check --host and --port")

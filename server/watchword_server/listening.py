"""Where the settings say to listen, bound before anything else is begun."""

from __future__ import annotations

import contextlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchword_server import sockets
from watchword_server.errors import UserError
from watchword_server.systemd import inherited_sockets

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from watchword_server.settings import Settings

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """The sockets to listen on."""

    sockets: Sequence[socket.socket]
    """One at least."""
    is_ours: bool
    """Whether they are of host and port, so that others like them can be bound beside them."""


@contextlib.contextmanager
def bound(settings: Settings) -> Iterator[Bound]:
    """The sockets that systemd passes, or else the Unix socket, or else host and port.

    Raises:
        UserError: They cannot be used, or other machines could reach them without TLS.
    """
    found: Sequence[socket.socket] = inherited_sockets(os.environ)
    path = made = None
    is_ours = False
    if not found and settings.unix_socket is not None:
        path = Path(settings.unix_socket).expanduser()
        found = [sockets.bind_unix(path)]
        made = path.lstat()
    elif not found:
        found = sockets.bind(settings.host, settings.port)
        is_ours = True
    try:
        _refuse_eavesdroppers(settings, found)
        yield Bound(found, is_ours)
    finally:
        sockets.close(found)
        if path is not None and made is not None:
            sockets.remove_unix(path, made)


def _refuse_eavesdroppers(settings: Settings, bound: Sequence[socket.socket]) -> None:
    if settings.tls_cert is not None or all(map(sockets.is_local, bound)):
        return
    if not settings.insecure_http:
        message = (
            "other machines could reach this server without TLS, and read tokens and codes on the way;"
            " set --tls-cert and --tls-key, or --insecure-http if a TLS proxy stands before it"
        )
        raise UserError(message)
    _logger.warning(
        "other machines can reach this server without TLS: tokens and codes can be read on the way,"
        " unless a TLS proxy stands before it"
    )

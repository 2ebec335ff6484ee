"""Looking at a server from outside: does it run, does it answer, how long is its certificate good.

Every function looks and changes nothing. Blocking: for the command line.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509

from watchword_server.datadir import hold
from watchword_server.errors import UserError
from watchword_server.findings import Finding, ok, warning, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchword_server.settings import Settings

_TIMEOUT = 3
_SOON_DAYS = 21


def look_at_certificate(settings: Settings, now: float) -> Iterator[Finding]:
    """The certificate, if one is set."""
    if settings.tls_cert is None:
        return
    path = Path(settings.tls_cert).expanduser()
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        yield wrong("certificate", f"{path} cannot be read as PEM", "mend tls_cert")
        return
    end = certificate.not_valid_after_utc
    days = (end - datetime.fromtimestamp(now, UTC)).total_seconds() / 86_400
    advice = "renew it, then send the server SIGHUP"
    if days < 0:
        yield wrong("certificate", f"expired on {end:%Y-%m-%d}", advice)
    elif days < _SOON_DAYS:
        yield warning("certificate", f"expires on {end:%Y-%m-%d}", advice)
    else:
        yield ok("certificate", f"good until {end:%Y-%m-%d}")


def look_at_server(settings: Settings) -> Iterator[Finding]:
    """Whether a server has the database open, and answers `GET /readyz` where the settings say."""
    try:
        with hold(settings.data_path, alone=True):
            yield ok("server", "none runs on this database")
            return
    except UserError:
        pass
    try:
        status, body = _get_readyz(settings)
    except (OSError, http.client.HTTPException, ValueError) as error:
        advice = "give the settings it was started with, or look at its log"
        reason = type(error).__name__
        yield warning("server", f"one runs, but does not answer where it should: {reason}", advice)
        return
    if status == http.client.OK:
        yield ok("server", "runs and is ready")
    else:
        yield wrong("server", f"runs and is not ready: {_faults(body)}", "look at its log")


def _get_readyz(settings: Settings) -> tuple[int, bytes]:
    connection: http.client.HTTPConnection
    if settings.unix_socket is not None:
        connection = _UnixConnection(str(Path(settings.unix_socket).expanduser()))
    elif settings.tls_cert is not None:
        # It is our own certificate, and nothing secret is sent.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
        connection = http.client.HTTPSConnection(
            _reachable(settings.host), settings.port, timeout=_TIMEOUT, context=context
        )
    else:
        connection = http.client.HTTPConnection(
            _reachable(settings.host), settings.port, timeout=_TIMEOUT
        )
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status, answer.read(65_536)
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(self._path)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared only


def _faults(body: bytes) -> str:
    try:
        checks = msgspec.json.decode(body)["checks"]
        return ", ".join(f"{name} {state}" for name, state in checks.items() if state != "ok")
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return "it does not say why"

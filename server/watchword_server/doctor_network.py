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
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from watchword_server.datadir import hold, is_read_only
from watchword_server.errors import UserError
from watchword_server.findings import Finding, ok, warning, wrong
from watchword_server.presence import find_server
from watchword_server.sockets import UNIX_URL

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


def look_at_server(folder: Path) -> Iterator[Finding]:
    """Whether a server runs on this data folder, and answers `GET /readyz` where it said it listens.

    Only that one is asked: another may listen where the settings say.
    """
    if is_read_only(folder):
        # Who holds it cannot be asked there.
        return
    server = find_server(folder)
    if server is None:
        try:
            with hold(folder, alone=True):
                yield ok("server", "none runs on this database")
        except UserError:
            advice = "see what runs: another command, or a server of an older version"
            yield warning("server", "a program uses the database and is no server known here", advice)
        return
    where = f"process {server.pid} at {server.url}"
    try:
        status, body = _get_readyz(server.url)
    except ssl.SSLError:
        advice = "ask it with a client certificate: GET /readyz"
        yield warning("server", f"{where} runs, and does not let this one in to ask", advice)
    except (OSError, http.client.HTTPException, ValueError) as error:
        advice = "look at its log, or start it again"
        yield wrong("server", f"{where} has the database, but nobody answers: {_named(error)}", advice)
    else:
        if status == http.client.OK:
            yield ok("server", f"{where} is ready")
        else:
            yield wrong("server", f"{where} is not ready: {_faults(body)}", "look at its log")


def _get_readyz(url: str) -> tuple[int, bytes]:
    connection: http.client.HTTPConnection
    parts = urlsplit(url)
    if url.startswith(UNIX_URL):
        connection = _UnixConnection(url.removeprefix(UNIX_URL))
    elif parts.scheme == "https":
        # It is our own certificate, and nothing secret is sent.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=_TIMEOUT, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
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


def _named(error: Exception) -> str:
    said = getattr(error, "strerror", None)
    return said.lower() if isinstance(said, str) else type(error).__name__


def _faults(body: bytes) -> str:
    try:
        checks = msgspec.json.decode(body)["checks"]
        return ", ".join(f"{name} {state}" for name, state in checks.items() if state != "ok")
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return "it does not say why"

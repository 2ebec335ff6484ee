"""Certificates for servers that tests run, and what a new connection is shown."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from watchword_server.tls import TlsFiles

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

    from server_processes import ServerProcess


def issue(authority: trustme.CA, folder: Path, name: str = "server") -> TlsFiles:
    """Write a certificate for this machine, or renew it."""
    made = authority.issue_cert("localhost", "127.0.0.1")
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return TlsFiles(cert, key)


def flags(files: TlsFiles) -> list[str]:
    found = ["--tls-cert", str(files.cert), "--tls-key", str(files.key)]
    return found if files.client_ca is None else [*found, "--tls-client-ca", str(files.client_ca)]


def trusting(authority: trustme.CA, own: TlsFiles | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    if own is not None:
        context.load_cert_chain(own.cert, own.key)
    return context


def serial_of(running: ServerProcess, context: ssl.SSLContext) -> str:
    """The certificate that a new connection is shown."""
    host, port = running.url.removeprefix("https://").split(":")
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert()
    assert shown is not None
    return str(shown["serialNumber"])


def wait_for_line(running: ServerProcess, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in running.log.read_text():
        assert time.monotonic() < deadline, running.log.read_text()

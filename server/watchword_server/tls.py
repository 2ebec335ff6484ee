"""TLS with certificates that can be renewed while the server runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchword_server.errors import UserError, why

if TYPE_CHECKING:
    from watchword_server.settings import Settings


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files that TLS needs."""

    cert: Path
    """The server's certificate, with those between it and the authority."""
    key: Path
    """Its private key, without a passphrase."""
    client_ca: Path | None = None
    """The authorities whose certificates clients must have; None if they need none."""


def tls_files(settings: Settings) -> TlsFiles | None:
    """The files the settings name; None if TLS is off."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    client_ca = None if settings.tls_client_ca is None else Path(settings.tls_client_ca).expanduser()
    return TlsFiles(Path(settings.tls_cert).expanduser(), Path(settings.tls_key).expanduser(), client_ca)


class Tls:
    """TLS 1.2 or newer, for new connections by the files as they were read last."""

    def __init__(self, files: TlsFiles) -> None:
        """Read the files.

        Raises:
            UserError: They cannot be read, or do not go together.
        """
        self._files = files
        self.context = self._current = _load(files)
        """What to listen with."""
        # Called in every handshake, whether or not the client names a server.
        self.context.sni_callback = self._choose

    def reload(self) -> None:
        """Read the files again; connections that are open stay as they are.

        Raises:
            UserError: They cannot be used; then what was read before stays in use.
        """
        self._current = _load(self._files)

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _listening: ssl.SSLContext) -> None:
        connection.context = self._current


def _load(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session would outlive the authorities that its certificate was checked by.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    try:
        # A key with a passphrase must not make the server ask a terminal.
        context.load_cert_chain(files.cert, files.key, password="")
    except (OSError, ValueError) as error:
        raise _refusal(f"tls_cert {files.cert} and tls_key {files.key}", error) from None
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ValueError) as error:
            raise _refusal(f"tls_client_ca {files.client_ca}", error) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _refusal(what: str, error: Exception) -> UserError:
    if isinstance(error, ssl.SSLError):
        said = {
            "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
            "NO_START_LINE": "that is no PEM file",
        }.get(error.reason or "", "that is no usable PEM")
    elif isinstance(error, OSError):
        said = why(error)
    else:
        said = "the key has a passphrase, which a server cannot type"
    return UserError(f"cannot use {what}: {said}; check the files")

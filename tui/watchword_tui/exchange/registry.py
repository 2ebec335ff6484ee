"""The formats that can be read, in the order in which a file is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.formats import (
    aegis,
    andotp,
    bitwarden,
    bitwarden_csv,
    google,
    lastpass,
    otpauth,
    proton,
    raivo,
    twofas,
    twofauth,
)

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Format

FORMATS: tuple[Format, ...] = (
    # The most telling first; then lists of lines, for other files may hold such lines too; and last
    # what has no mark of its own.
    aegis.FORMAT,
    twofas.FORMAT,
    bitwarden.FORMAT,
    bitwarden_csv.FORMAT,
    proton.FORMAT,
    twofauth.FORMAT,
    lastpass.FORMAT,
    raivo.FORMAT,
    andotp.FORMAT,
    google.FORMAT,
    otpauth.FORMAT,
    andotp.SEALED,
)

"""The formats that can be read, in the order in which a file is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.exchange.formats import (
    aegis,
    andotp,
    bitwarden,
    bitwarden_csv,
    cotp,
    ente,
    freeotp,
    freeotp_backup,
    google,
    images,
    kdbx,
    keepass_csv,
    lastpass,
    otpauth,
    otpclient,
    pam,
    proton,
    raivo,
    steam,
    stratum,
    totpcli,
    twofa,
    twofas,
    twofauth,
)

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Format

FORMATS: tuple[Format, ...] = (
    # The most telling first; then lists of lines, for other files may hold such lines too; and last
    # what has no mark of its own.
    images.FORMAT,
    kdbx.FORMAT,
    stratum.ENCRYPTED,
    otpclient.ENCRYPTED,
    freeotp_backup.FORMAT,
    totpcli.ENCRYPTED,
    freeotp.XML,
    aegis.FORMAT,
    twofas.FORMAT,
    bitwarden.FORMAT,
    bitwarden_csv.FORMAT,
    proton.FORMAT,
    twofauth.FORMAT,
    lastpass.FORMAT,
    raivo.FORMAT,
    cotp.PLAIN,
    andotp.FORMAT,
    ente.ENCRYPTED,
    ente.PLAIN,
    stratum.PLAIN,
    stratum.HTML,
    freeotp.JSON,
    cotp.ENCRYPTED,
    otpclient.PLAIN,
    steam.FORMAT,
    keepass_csv.FORMAT,
    google.FORMAT,
    otpauth.FORMAT,
    totpcli.PLAIN,
    pam.FORMAT,
    twofa.FORMAT,
    andotp.SEALED,
)

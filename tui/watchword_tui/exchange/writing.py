"""The formats that can be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.writers import aegis, bitwarden, ente, otpauth, qr_sheet, twofas

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Writer

WRITERS: tuple[Writer, ...] = (
    aegis.ENCRYPTED,
    aegis.PLAIN,
    twofas.ENCRYPTED,
    twofas.PLAIN,
    bitwarden.ENCRYPTED,
    bitwarden.PLAIN,
    ente.ENCRYPTED,
    ente.PLAIN,
    otpauth.WRITER,
    qr_sheet.WRITER,
)
"""Most apps have two with one name: under a passphrase, which stands first, and plain."""


def find_writer(name: str, *, plain: bool) -> Writer:
    """The writer of the format `name`, under a passphrase or plain.

    Raises:
        ForeignFileError: There is no such format, or it is only written the other way.
    """
    fitting = [writer for writer in WRITERS if writer.name == name]
    if not fitting:
        known = ", ".join(dict.fromkeys(writer.name for writer in WRITERS))
        raise ForeignFileError(f"there is no format {name!r} to write", f"known: {known}")
    for writer in fitting:
        if writer.encrypts is not plain:
            return writer
    encrypting = ", ".join(writer.name for writer in WRITERS if writer.encrypts)
    raise ForeignFileError(
        f"{fitting[0].title} files are not encrypted",
        f"agree to a plain one, or choose another format: {encrypting}",
    )

"""Raivo exports: JSON, as it comes out of the app in an AES-encrypted zip archive."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import damaged, passphrase_bytes, wrong_passphrase
from watchword_tui.exchange.fields import objects, rows, text
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import MAX_TEXT_BYTES, Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_NAMES = Names(kind="kind", period="timer")
_JSON_IN_ZIP = "raivo-otp-export.json"
_ZIP_MAGIC = b"PK\x03\x04"
_LARGEST_ZIP = 8 * 2**20
"""Bytes of the largest archive looked into; its directory alone can ask for much memory."""

_LARGEST_MEMBER = 2 * 2**20
"""Bytes of the packed JSON; the old cipher of zip archives is slow to undo."""


def recognise(source: Source) -> bool:
    """Whether it is a list of this app's objects, or an archive that holds its file."""
    if source.data.startswith(_ZIP_MAGIC):
        return _JSON_IN_ZIP.encode() in source.data[:_LARGEST_ZIP]
    return any({"secret", "kind", "timer"} <= row.keys() for row in objects(source.json))


def read(source: Source, ask: Ask) -> Reading:
    """Read an export; the archive's passphrase is Raivo's master password."""
    found = source.json
    if source.data.startswith(_ZIP_MAGIC):
        found = Source(_JSON_IN_ZIP, _unzipped(source.data, ask)).json
    return Reading(entries=tuple(_entry(row, place) for place, row in rows(found)))


def _unzipped(data: bytes, ask: Ask) -> bytes:
    try:
        import pyzipper  # type: ignore[import-untyped]  # noqa: PLC0415 - few come from this app
    except ImportError:
        raise ForeignFileError(
            "encrypted archives cannot be opened here",
            "unpack it with another program, such as 7-Zip, and import the JSON file inside",
        ) from None
    if len(data) > _LARGEST_ZIP:
        raise damaged()
    try:
        with pyzipper.AESZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo(_JSON_IN_ZIP)
            if info.compress_size > _LARGEST_MEMBER:
                raise damaged()
            if info.flag_bits & 1:
                archive.setpassword(passphrase_bytes(ask))
            with archive.open(info) as file:
                # What unpacks to more than is said, or to more than any export, is a bomb.
                content = bytes(file.read(MAX_TEXT_BYTES + 1))
    except NotImplementedError:  # a kind of RuntimeError: compression that nothing here undoes
        raise damaged() from None
    except RuntimeError:
        raise wrong_passphrase() from None
    except (
        pyzipper.BadZipFile,
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        OSError,
        EOFError,
    ):
        raise damaged() from None
    if len(content) > MAX_TEXT_BYTES:
        raise ForeignFileError("the archive unpacks to more than any export", "it is damaged or a trap")
    return content


def _entry(row: dict[str, object], place: int) -> Entry:
    about = About(
        where=f"entry {place}",
        issuer=text(row, "issuer"),
        name=text(row, "account"),
        favourite=text(row, "pinned").lower() == "true" or row.get("pinned") is True,
    )
    return entry_of_row(about, row, _NAMES)


FORMAT = Format(name="raivo", title="Raivo", recognise=recognise, read=read)

"""Zip archives that apps export: one member is read, whole and in bounded memory."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.ciphers import damaged, passphrase_bytes, wrong_passphrase
from watchword_tui.exchange.source import MAX_TEXT_BYTES

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask
    from watchword_tui.exchange.source import Source

_MAGIC = b"PK\x03\x04"
_SMALL = 8 * 2**20
"""Bytes of an archive whose directory, however made, cannot ask for much memory."""

_MAX_DIRECTORY = 2**20
"""Bytes of a larger archive's directory: some ten thousand members."""

_MAX_SEALED = 2 * 2**20
"""Bytes of a packed member under a passphrase; the old cipher of zip archives is slow to undo."""

_END, _END_BYTES = b"PK\x05\x06", 22
_LONG_END, _LONG_END_BYTES = b"PK\x06\x07", 20


def holds(source: Source, member: str) -> bool:
    """Whether the file is an archive with a member of this name, by its headers; cheap."""
    if not source.data.startswith(_MAGIC):
        return False
    name = member.encode()
    long = re.escape(len(name).to_bytes(2, "little"))
    # The header before each member, and the one in the directory (APPNOTE 4.3.7 and 4.3.12).
    local, central = rb"PK\x03\x04.{22}%b.." % long, rb"PK\x01\x02.{24}%b.{16}" % long
    return (
        re.search(rb"(?:%b|%b)%b" % (local, central, re.escape(name)), source.data, re.DOTALL)
        is not None
    )


def unpacked(source: Source, member: str, ask: Ask) -> bytes:
    """The content of one member; asks for the passphrase where it is encrypted.

    Raises:
        ForeignFileError: The archive is damaged, lacks the member, or unpacks without bound.
        WrongPassphraseError: The passphrase does not open it.
    """
    data = source.data
    if not data.startswith(_MAGIC) or (len(data) > _SMALL and not _has_short_directory(data)):
        raise damaged()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo(member)
            if info.flag_bits & 1:
                return _opened(data, info, ask)
            return _content(archive, member)
    except NotImplementedError:  # a kind of RuntimeError: compression that nothing here undoes
        raise damaged() from None
    except RuntimeError:
        raise wrong_passphrase() from None
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, OSError, EOFError):
        raise damaged() from None


def _has_short_directory(data: bytes) -> bool:
    """Whether the directory is short by what the archive's end says of it, which zipfile goes by."""
    at = data.rfind(_END, -0x10000 - _END_BYTES)
    if at < 0 or data[at - _LONG_END_BYTES : at].startswith(_LONG_END):
        return False
    return int.from_bytes(data[at + 12 : at + 16], "little") <= _MAX_DIRECTORY


def _opened(data: bytes, info: zipfile.ZipInfo, ask: Ask) -> bytes:
    try:
        import pyzipper  # type: ignore[import-untyped]  # noqa: PLC0415 - few archives are encrypted
    except ImportError:
        raise ForeignFileError(
            "encrypted archives cannot be opened here",
            "unpack it with another program, such as 7-Zip, and import the file inside",
        ) from None
    if info.compress_size > _MAX_SEALED:
        raise damaged()
    try:
        with pyzipper.AESZipFile(io.BytesIO(data)) as archive:
            archive.setpassword(passphrase_bytes(ask))
            return _content(archive, info.filename)
    except pyzipper.BadZipFile:
        raise damaged() from None


def _content(archive: Any, member: str) -> bytes:  # noqa: ANN401 - of one library or the other
    with archive.open(member) as file:
        # What unpacks to more than is said, or to more than any export, is a bomb.
        content = bytes(file.read(MAX_TEXT_BYTES + 1))
    if len(content) > MAX_TEXT_BYTES:
        raise ForeignFileError("the archive unpacks to more than any export", "it is damaged or a trap")
    return content

"""OTPClient's database: a JSON list, encrypted in one of three ways, and the list itself.

Version 1 has no mark: iv (16), salt (32) and AES-GCM under PBKDF2. Version 2 is the C struct as it
lay in memory: `OTPClient`, three bytes of padding, and little-endian numbers; version 3 packs the
same big-endian. What stands before the ciphertext is authenticated with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp.key import STEAM_DIGITS
from watchword_otp.value import Value
from watchword_tui.errors import ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import (
    Argon2,
    Pbkdf2,
    aes_gcm_open,
    damaged,
    passphrase_bytes,
    wrong_passphrase,
)
from watchword_tui.exchange.cost import require
from watchword_tui.exchange.fields import objects, text
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.ciphers import Derivation
    from watchword_tui.exchange.model import Ask, Entry

_MAGIC = b"OTPClient"
_NAMES = Names(algorithm="algo")
_V1_HEADER = 16 + 32
_V1_ITERATIONS = 100_000
_TAG_BYTES = 16


class _Sealed(Value, frozen=True):
    header: bytes
    iv: bytes
    derivation: Derivation
    content: bytes


def recognise_plain(source: Source) -> bool:
    """Whether the file is the list, which names the hash and the label as only this program does."""
    rows = list(objects(source.json))
    return bool(rows) and {"type", "label", "issuer", "secret", "algo"} <= rows[0].keys()


def read_plain(source: Source, _ask: Ask) -> Reading:
    """Read the list."""
    return _read_rows(source)


def recognise_encrypted(source: Source) -> bool:
    """Whether the file has the mark that versions 2 and 3 begin with."""
    return source.data.startswith(_MAGIC)


def read_encrypted(source: Source, ask: Ask) -> Reading:
    """Open a database of any version and read it."""
    data = source.data
    sealed = _parts(data) if data.startswith(_MAGIC) else _parts_of_1(data)
    if len(sealed.content) < _TAG_BYTES:
        raise damaged()
    require(ask, sealed.derivation.cost())
    opened = _open(sealed, ask)
    # Older versions seal the C string with its end.
    return _read_rows(Source(source.name, opened.rstrip(b"\x00")))


def _parts(data: bytes) -> _Sealed:
    version = int.from_bytes(data[9:13], "big")
    if version == 2:  # noqa: PLR2004 - so the padded struct looks, whose number stands at 12
        start, order = 16, "little"
    elif version == 3:  # noqa: PLR2004 - as said in the module's docstring
        start, order = 13, "big"
    else:
        raise ForeignFileError(
            "the database is of a version of OTPClient that is not known",
            "export it from OTPClient as Aegis or FreeOTP+ and import that",
        )
    end = start + 60
    passes, memory, lanes = (
        int.from_bytes(data[at : at + 4], "little" if order == "little" else "big")
        for at in (end - 12, end - 8, end - 4)
    )
    derivation = Argon2(data[start + 16 : start + 48], passes, memory * 1024, lanes)
    return _Sealed(data[:end], data[start : start + 16], derivation, data[end:])


def _parts_of_1(data: bytes) -> _Sealed:
    derivation = Pbkdf2(data[16:_V1_HEADER], _V1_ITERATIONS, "SHA512")
    return _Sealed(data[:_V1_HEADER], data[:16], derivation, data[_V1_HEADER:])


def _open(sealed: _Sealed, ask: Ask) -> bytes:
    """Try the passphrase as the program's versions took it.

    They gave the derivation as many bytes as the passphrase has characters, version 1 one more: that
    cuts all but ASCII. (The C string's end, which it gave for ASCII, changes nothing in an HMAC.)
    """
    whole = passphrase_bytes(ask)
    characters = len(whole.decode("utf-8", "surrogatepass"))
    attempts = [whole, whole[:characters]]
    if isinstance(sealed.derivation, Pbkdf2):
        attempts.append(whole[: characters + 1])
    for attempt in dict.fromkeys(attempts):
        key = sealed.derivation.derive(attempt)
        try:
            return aes_gcm_open(key, sealed.iv, sealed.content, aad=sealed.header)
        except WrongPassphraseError:
            continue
    raise wrong_passphrase()


def _read_rows(source: Source) -> Reading:
    if not isinstance(source.json, list):
        raise damaged()
    rows = enumerate(objects(source.json), start=1)
    return Reading(entries=tuple(_entry(row, f"entry {place}") for place, row in rows))


def _entry(row: dict[str, object], where: str) -> Entry:
    group = text(row, "group")
    about = About(
        where=where,
        issuer=text(row, "issuer"),
        name=text(row, "label"),
        groups=(group,) if group else (),
    )
    is_steam = about.issuer.lower() == "steam" and row.get("digits") == STEAM_DIGITS
    if is_steam and text(row, "type").upper() == "TOTP":
        row = {**row, "type": "steam"}
    return entry_of_row(about, row, _NAMES)


PLAIN = Format(name="otpclient", title="OTPClient", recognise=recognise_plain, read=read_plain)
ENCRYPTED = Format(
    name="otpclient", title="OTPClient", recognise=recognise_encrypted, read=read_encrypted
)

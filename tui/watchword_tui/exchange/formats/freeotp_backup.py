"""FreeOTP 2's backup: `externalBackup.xml`, which is a serialised Java map, or Android's preferences.

`masterKey` holds a random key under one that PBKDF2 derives from the passphrase; `<uuid>` holds a
token's secret under the master key, `<uuid>-token` the rest of it in the clear. Everything encrypted
is AES-GCM with the name of the inner key's algorithm as associated data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError, Secret, clean_label
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About
from watchword_tui.exchange.ciphers import Pbkdf2, aes_gcm_open, damaged, unlock
from watchword_tui.exchange.fields import child, number, text
from watchword_tui.exchange.formats.freeotp import token_entry
from watchword_tui.exchange.formats.java_map import MAGIC, read_map
from watchword_tui.exchange.formats.preferences import looks_like_preferences, read_preferences
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_MASTER = "masterKey"
_DETAILS = "-token"
_DERIVATIONS = {
    "pbkdf2withhmacsha1": "SHA1",
    "pbkdf2withhmacsha256": "SHA256",
    "pbkdf2withhmacsha512": "SHA512",
}
_CIPHER = "aes/gcm/nopadding"
_KEY_BYTES = 32
_SEQUENCE, _OCTETS = 0x30, 0x04


def recognise(source: Source) -> bool:
    """Whether the file is a Java object, or preferences with a master key."""
    if source.data.startswith(MAGIC):
        return True
    return looks_like_preferences(source) and b'name="masterKey"' in source.data


def read(source: Source, ask: Ask) -> Reading:
    """Open the master key, then each token's secret."""
    is_java = source.data.startswith(MAGIC)
    table = read_map(source.data) if is_java else read_preferences(source.data)
    if _MASTER not in table:
        raise ForeignFileError(
            "the file is no backup of FreeOTP 2: it has no master key",
            'make one in the app with "Backup"',
        )
    master = _open_master(_json(table[_MASTER]), ask)
    tokens = [name for name in table if name.endswith(_DETAILS)]
    return Reading(
        entries=tuple(
            _entry(table, name, master, f"token {place}") for place, name in enumerate(tokens, start=1)
        )
    )


def _open_master(table: dict[str, object], ask: Ask) -> bytes:
    algorithm = _DERIVATIONS.get(text(table, "mAlgorithm").lower())
    if algorithm is None:
        raise ForeignFileError(
            "the backup was encrypted in a way that is not known",
            "update FreeOTP, make a new backup and import that",
        )
    try:
        iterations = number(table, "mIterations", 0)
    except InvalidKeyError:
        raise damaged() from None
    derivation = Pbkdf2(_signed_bytes(table.get("mSalt")), iterations, algorithm, _KEY_BYTES)
    master = _open(child(table, "mEncryptedKey"), unlock(ask, derivation), verified=False)
    if len(master) not in {16, 24, 32}:
        raise damaged()
    return master


def _entry(table: dict[str, str], name: str, master: bytes, where: str) -> Entry:
    token = _json(table[name])
    sealed = _json(table.get(name.removesuffix(_DETAILS), ""))
    about = About(where=where, issuer=text(token, "issuerExt"), name=clean_label(text(token, "label")))
    try:
        secret = Secret(_open(_json(text(sealed, "key")), master, verified=True))
    except ForeignFileError:
        return about.entry(reason="the secret is damaged or missing")
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    return token_entry(token, where, secret)


def _open(sealed: dict[str, object], key: bytes, *, verified: bool) -> bytes:
    if text(sealed, "mCipher").lower() != _CIPHER:
        raise damaged()
    return aes_gcm_open(
        key,
        _nonce(_signed_bytes(sealed.get("mParameters"))),
        _signed_bytes(sealed.get("mCipherText")),
        aad=text(sealed, "mToken").encode("utf-8", "surrogatepass"),
        verified=verified,
    )


def _nonce(parameters: bytes) -> bytes:
    """The nonce in GCM's parameters (RFC 5084 section 3.2), which are DER and short."""
    # Tag, length, tag, length, nonce; a length of up to 127 is one byte.
    if len(parameters) < 4 or parameters[0] != _SEQUENCE or parameters[2] != _OCTETS:  # noqa: PLR2004 - as said
        raise damaged()
    nonce = parameters[4 : 4 + parameters[3]]
    if len(nonce) != parameters[3]:
        raise damaged()
    return nonce


def _signed_bytes(value: object) -> bytes:
    if not isinstance(value, list) or not all(
        isinstance(byte, int) and -128 <= byte <= 127  # noqa: PLR2004 - Java's bytes
        for byte in value
    ):
        raise damaged()
    return bytes(byte & 0xFF for byte in value)


def _json(content: str) -> dict[str, object]:
    return Source("", content.encode("utf-8", "surrogatepass")).json_object()


FORMAT = Format(name="freeotp", title="FreeOTP", recognise=recognise, read=read)

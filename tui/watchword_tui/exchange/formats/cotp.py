"""The terminal app cotp: its database, encrypted, and its own JSON export.

Encrypted: XChaCha20-Poly1305 under Argon2id with parameters that are fixed in the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError
from watchword_tui.exchange.build import About, entry_of_row
from watchword_tui.exchange.ciphers import Argon2, damaged, from_base64, unlock, wrong_passphrase
from watchword_tui.exchange.fields import objects, text
from watchword_tui.exchange.formats.encodings import secret_from_hex
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_FIELDS = {"secret", "label", "type", "pin", "counter"}
_NONCE_BYTES = 24
_TAG_BYTES = 16


def recognise_plain(source: Source) -> bool:
    """Whether the file is the JSON export, or the bare list of the first versions."""
    table = source.json_object()
    if isinstance(table.get("elements"), list) and "version" in table:
        return True
    # andOTP writes lists of such objects too, with more in each; a pin for every key is cotp's.
    rows = list(objects(source.json))
    return bool(rows) and rows[0].keys() >= _FIELDS and "tags" not in rows[0]


def read_plain(source: Source, _ask: Ask) -> Reading:
    """Read the JSON export."""
    return _read_elements(source)


def recognise_encrypted(source: Source) -> bool:
    """Whether the file is a JSON object with the program's four parts."""
    return source.json_object().keys() == {"version", "nonce", "salt", "cipher"}


def read_encrypted(source: Source, ask: Ask) -> Reading:
    """Open the database and read it."""
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt  # noqa: PLC0415 - plain needs none
    from nacl.exceptions import CryptoError  # noqa: PLC0415 - as above

    table = source.json_object()
    nonce, salt, sealed = (from_base64(text(table, part)) for part in ("nonce", "salt", "cipher"))
    if len(nonce) != _NONCE_BYTES or len(sealed) < _TAG_BYTES:
        raise damaged()
    key = unlock(ask, Argon2(salt, passes=4, memory=2**25, lanes=4))
    try:
        opened = crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, None, nonce, key)
    except CryptoError:
        raise wrong_passphrase() from None
    return _read_elements(Source(source.name, opened))


def _read_elements(source: Source) -> Reading:
    listed = source.json_object().get("elements", source.json)
    if not isinstance(listed, list):
        raise damaged()
    rows = enumerate(objects(listed), start=1)
    return Reading(entries=tuple(_entry(row, f"element {place}") for place, row in rows))


def _entry(row: dict[str, object], where: str) -> Entry:
    about = About(where=where, issuer=text(row, "issuer"), name=text(row, "label"))
    try:
        is_motp = text(row, "type").upper() == "MOTP"
        secret = secret_from_hex(text(row, "secret")) if is_motp else ""
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    return entry_of_row(about, row, secret=secret)


PLAIN = Format(name="cotp", title="cotp", recognise=recognise_plain, read=read_plain)
ENCRYPTED = Format(name="cotp", title="cotp", recognise=recognise_encrypted, read=read_encrypted)

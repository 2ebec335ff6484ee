"""andOTP backups: plain, and encrypted under a password in the new and the old way.

An encrypted backup has no mark to tell it by: it is what looks random and is nothing else.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError
from watchword_tui.errors import WrongPassphraseError
from watchword_tui.exchange.build import About, entry_of_row
from watchword_tui.exchange.ciphers import (
    Pbkdf2,
    aes_gcm_open,
    damaged,
    passphrase_bytes,
    wrong_passphrase,
)
from watchword_tui.exchange.cost import require
from watchword_tui.exchange.fields import number, objects, rows, text, texts
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.other_kinds import other_kind
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_NONCE, _TAG, _SALT, _INT = 12, 16, 12, 4
_MAX_ITERATIONS = 1_000_000
"""Iterations beyond which the first four bytes are not a count: the app takes up to 160,000."""

_SAMPLE = 4096
_RANDOM_SHARE = 0.8
"""Share of the different bytes to expect among random ones; text and pictures' headers have less."""


def recognise(source: Source) -> bool:
    """Whether it is a plain backup: a list of objects with this app's fields."""
    return isinstance(source.json, list) and any(_is_row(row) for row in objects(source.json))


def recognise_sealed(source: Source) -> bool:
    """Whether it can be an encrypted backup: random bytes that are nothing else that is known."""
    if source.text is not None or len(source.data) <= _NONCE + _TAG:
        return False
    return _looks_random(source.data[:_SAMPLE]) and other_kind(source) is None


def read(source: Source, ask: Ask) -> Reading:
    """Read a plain or an encrypted backup."""
    found = source.json if source.json is not None else _opened(source.data, ask)
    return Reading(entries=tuple(_entry(row, place) for place, row in rows(found)))


def _is_row(row: dict[str, object]) -> bool:
    return {"secret", "label"} <= row.keys() and row.keys().isdisjoint({"algo", "kind"})


def _looks_random(data: bytes) -> bool:
    expected = 256 * (1 - (255 / 256) ** len(data))
    return len(set(data)) > _RANDOM_SHARE * expected


def _opened(data: bytes, ask: Ask) -> object:
    if len(data) <= _NONCE + _TAG:
        raise damaged()
    iterations = int.from_bytes(data[:_INT], "big")
    new = 1 <= iterations <= _MAX_ITERATIONS
    derivation = Pbkdf2(data[_INT : _INT + _SALT], iterations, "SHA1")
    if new:
        require(ask, derivation.cost())
    passphrase = passphrase_bytes(ask)
    if new and (found := _tried(derivation.derive(passphrase), data[_INT + _SALT :])) is not None:
        return found
    # The old way: no derivation at all. Its first bytes, a nonce, may look like a count.
    found = _tried(hashlib.sha256(passphrase).digest(), data)
    if found is None:
        raise wrong_passphrase()
    return found


def _tried(key: bytes, data: bytes) -> object:
    """The backup as JSON, or None where the key is another."""
    try:
        opened = aes_gcm_open(key, data[:_NONCE], data[_NONCE:])
    except WrongPassphraseError:
        return None
    found = Source("backup", opened).json
    if found is None:
        raise damaged()
    return found


def _entry(row: dict[str, object], place: int) -> Entry:
    issuer, label = text(row, "issuer"), text(row, "label")
    if "issuer" not in row:
        # The first versions had one label only, "Issuer - label".
        first, dash, rest = label.partition(" - ")
        issuer, label = (first, rest) if dash else ("", label)
        if issuer and label.startswith(f"{issuer}:"):
            label = label[len(issuer) + 1 :]
    about = About(
        where=f"entry {place}",
        issuer=issuer,
        name=label,
        groups=texts(row.get("tags")),
        uses=_uses(row),
    )
    return entry_of_row(about, row)


def _uses(row: dict[str, object]) -> int:
    try:
        return number(row, "used_frequency", 0)
    except InvalidKeyError:
        return 0


FORMAT = Format(name="andotp", title="andOTP", recognise=recognise, read=read)
SEALED = Format(name="andotp", title="andOTP", recognise=recognise_sealed, read=read, guessed=True)
"""To be tried last."""

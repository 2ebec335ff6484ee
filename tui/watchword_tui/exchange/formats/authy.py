"""Authy: its tokens as its servers send them or its Android app keeps them, encrypted or not.

The app exports nothing: people capture the servers' answer (`authenticator_tokens.json`), run a
program that decrypts it, or copy the app's preferences. Each secret is base32 in AES-CBC under PBKDF2
of the backup password, with the salt as the text it is. Authy's own tokens have their secret in
hexadecimal and change every 10 seconds.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError, Secret
from watchword_tui.errors import ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.build import About, entry_of_row
from watchword_tui.exchange.ciphers import (
    Pbkdf2,
    aes_cbc_open,
    from_base64,
    from_hex,
    passphrase_bytes,
    wrong_passphrase,
)
from watchword_tui.exchange.cost import require
from watchword_tui.exchange.fields import number, objects, rows, text
from watchword_tui.exchange.formats.encodings import secret_from_hex
from watchword_tui.exchange.formats.preferences import looks_like_preferences, read_preferences
from watchword_tui.exchange.model import Cost, Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_LISTS = ("authenticator_tokens", "decrypted_authenticator_tokens", "apps")
_PREFERENCES = ("com.authy.storage.tokens.authenticator.key", "com.authy.storage.tokens.authy.key")
_SEALED, _PLAIN, _OWN = "encrypted_seed", "decrypted_seed", "secret_seed"
_NAMES = {
    "encryptedSecret": _SEALED,
    "decryptedSecret": _PLAIN,
    "secretSeed": _OWN,
    "originalName": "original_name",
    "originalIssuer": "issuer",
}
"""What the Android app calls the fields, and the servers."""

_OLD_ITERATIONS = 1000
_OWN_PERIOD = 10


def recognise(source: Source) -> bool:
    """Whether it is one of the app's preferences, or JSON with its tokens."""
    if looks_like_preferences(source):
        return any(name.encode() in source.data for name in _PREFERENCES)
    return any(not {_SEALED, _PLAIN, _OWN}.isdisjoint(row) for row in _tokens(source))


def read(source: Source, ask: Ask) -> Reading:
    """Read all tokens; the passphrase is Authy's backup password."""
    tokens = list(_tokens(source))
    if not tokens:
        raise ForeignFileError("the file holds no tokens", "copy it from the app once more")
    sealed = [row for row in tokens if _SEALED in row and _PLAIN not in row]
    secrets = _opened(sealed, ask) if sealed else {}
    entries = [_entry(row, place, secrets.get(id(row), "")) for place, row in rows(tokens)]
    return Reading(entries=tuple(entries))


def _tokens(source: Source) -> list[dict[str, object]]:
    if looks_like_preferences(source):
        kept = read_preferences(source.data)
        lists = [Source("", kept.get(name, "").encode("utf-8", "replace")).json for name in _PREFERENCES]
    elif isinstance(source.json, list):
        lists = [source.json]
    else:
        lists = [source.json_object().get(name) for name in _LISTS]
    found = chain.from_iterable(objects(one) for one in lists)
    return [{_NAMES.get(name, name): value for name, value in row.items()} for row in found]


def _opened(tokens: list[dict[str, object]], ask: Ask) -> dict[int, Secret | str]:
    """The secrets by their token, "" for one that was encrypted under another password.

    Raises:
        WrongPassphraseError: The passphrase opens none.
    """
    derivations = [_derivation(token) for token in tokens]
    costs = [one.cost() for one in derivations]
    require(ask, Cost(costs[0].what, 0, sum(cost.seconds for cost in costs)))
    passphrase = passphrase_bytes(ask)
    found: dict[int, Secret | str] = {}
    for token, derivation in zip(tokens, derivations, strict=True):
        try:
            iv = from_hex(text(token, "unique_iv")) or bytes(16)
            sealed = from_base64(text(token, _SEALED))
            plain = aes_cbc_open(derivation.derive(passphrase), iv, sealed)
            found[id(token)] = Secret.from_base32(plain.decode("ascii"))
        except (WrongPassphraseError, ForeignFileError, InvalidKeyError, UnicodeDecodeError):
            continue
    if not found:
        raise wrong_passphrase()
    return found


def _derivation(token: dict[str, object]) -> Pbkdf2:
    try:
        iterations = number(token, "key_derivation_iterations", _OLD_ITERATIONS)
    except InvalidKeyError:
        iterations = _OLD_ITERATIONS
    return Pbkdf2(text(token, "salt").encode("utf-8", "replace"), max(1, iterations), "SHA1")


def _entry(row: dict[str, object], place: int, secret: Secret | str) -> Entry:
    issuer, name = _labels(row)
    about = About(where=f"token {place}", issuer=issuer, name=name)
    if _SEALED in row and _PLAIN not in row and not secret:
        return about.entry(reason="the token is damaged, or encrypted under another backup password")
    period = _OWN_PERIOD if _OWN in row else 30
    try:
        opened = secret_from_hex(text(row, _OWN)) if _OWN in row else secret or text(row, _PLAIN)
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    fields = {"digits": row.get("digits"), "period": row.get("period") or period}
    return entry_of_row(about, fields, secret=opened)


def _labels(row: dict[str, object]) -> tuple[str, str]:
    """Issuer and account: a token is called "Issuer: account", "Issuer - account" or just anything."""
    original = text(row, "original_name")
    name = text(row, "name") or original
    issuer = text(row, "issuer") or (original.partition(":")[0] if ":" in original else "")
    if not issuer:
        first, dash, rest = name.partition(" - ")
        return (first, rest) if dash else ("", name)
    for sign in (":", " - "):
        if name.lower().startswith(f"{issuer}{sign}".lower()):
            return issuer, name[len(issuer) + len(sign) :].strip()
    return issuer, "" if name == issuer else name


FORMAT = Format(name="authy", title="Authy", recognise=recognise, read=read)

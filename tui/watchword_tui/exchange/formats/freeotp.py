"""FreeOTP 1 (`tokens.xml`) and FreeOTP+ (JSON, and the same XML): tokens as JSON objects.

Secrets are lists of signed bytes. The stored counter is that of the next code the app shows; it is
one less than in the app's own URIs, which count from one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp import InvalidKeyError, Secret
from watchword_otp.key import STEAM_DIGITS
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.build import About, Names, entry_of_row
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import objects, text
from watchword_tui.exchange.formats.preferences import looks_like_preferences, read_preferences
from watchword_tui.exchange.model import Format, Reading
from watchword_tui.exchange.source import Source

if TYPE_CHECKING:
    from watchword_tui.exchange.model import Ask, Entry

_ORDER = "tokenOrder"
_NAMES = Names(algorithm="algo")


def recognise_json(source: Source) -> bool:
    """Whether the file is a JSON object with the app's list of tokens."""
    table = source.json_object()
    return isinstance(table.get("tokens"), list) and (
        _ORDER in table or any("issuerExt" in token for token in objects(table["tokens"]))
    )


def read_json(source: Source, _ask: Ask) -> Reading:
    """Read FreeOTP+'s JSON."""
    tokens = source.json_object().get("tokens")
    if not isinstance(tokens, list):
        raise damaged()
    numbered = enumerate(objects(tokens), start=1)
    return Reading(entries=tuple(token_entry(token, f"token {place}") for place, token in numbered))


def recognise_xml(source: Source) -> bool:
    """Whether the file is Android's preferences with tokens in them."""
    if not looks_like_preferences(source):
        return False
    return b"tokenOrder" in source.data or b"issuerExt" in source.data


def read_xml(source: Source, _ask: Ask) -> Reading:
    """Read `tokens.xml` as it lies in the app's folder."""
    entries: list[Entry] = []
    for name, content in read_preferences(source.data).items():
        if name == _ORDER:
            continue
        token = Source("", content.encode("utf-8", "surrogatepass")).json_object()
        if "secret" in token:
            entries.append(token_entry(token, f"token {len(entries) + 1}"))
    if not entries:
        raise ForeignFileError("the file holds no tokens", "export it again from the app")
    return Reading(entries=tuple(entries))


def token_entry(token: dict[str, object], where: str, secret: Secret | None = None) -> Entry:
    """The entry of one token.

    Args:
        token: As the app keeps it.
        where: How to find it.
        secret: The secret, where it is not in the token.
    """
    # A person's own names for it, where there are any, are what the apps show.
    issuer = text(token, "issuerExt") or text(token, "issuerInt")
    shown = text(token, "issuerAlt") or issuer
    name = text(token, "labelAlt") or text(token, "label")
    about = About(where=where, issuer=shown, name=name)
    # Both apps show Steam's letters for this issuer; five characters are what Steam takes.
    is_steam = issuer.lower() == "steam" and token.get("digits") == STEAM_DIGITS
    if is_steam and text(token, "type", "TOTP").upper() == "TOTP":
        token = {**token, "type": "steam"}
    try:
        return entry_of_row(about, token, _NAMES, secret=secret or _secret(token.get("secret")))
    except InvalidKeyError as error:
        return about.entry(reason=str(error))


def _secret(value: object) -> Secret:
    if isinstance(value, str):
        return Secret.from_base32(value)
    if not isinstance(value, list):
        raise InvalidKeyError("the token has no secret")
    # Java's bytes are signed, from -128 to 127.
    if not all(isinstance(byte, int) and -128 <= byte <= 255 for byte in value):  # noqa: PLR2004 - as said
        raise InvalidKeyError("the secret is no list of bytes")
    return Secret(bytes(byte & 0xFF for byte in value))


JSON = Format(name="freeotp-plus", title="FreeOTP+", recognise=recognise_json, read=read_json)
XML = Format(name="freeotp", title="FreeOTP", recognise=recognise_xml, read=read_xml)

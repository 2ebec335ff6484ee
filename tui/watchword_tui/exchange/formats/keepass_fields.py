"""How KeePass, its plugins and KeePassXC keep one-time passwords in an entry's fields.

In the order in which KeePassXC looks: `otp` (an otpauth:// URI, or KeeOtp's `key=...&size=...`), the
plugins' `TOTP Seed` with `TOTP Settings`, KeePass' own `TimeOtp-*` and `HmacOtp-*`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote

from msgspec.structs import replace

from watchword_otp import InvalidKeyError, Secret
from watchword_otp.uri import MAX_URI_LENGTH
from watchword_tui.exchange.build import About, Names, entry_of, entry_of_row, entry_of_uri
from watchword_tui.exchange.formats.encodings import secret_from_base64, secret_from_hex
from watchword_tui.exchange.formats.otpauth import is_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.model import Entry

_SEED, _SETTINGS = "TOTP Seed", "TOTP Settings"
_TIME, _HMAC = "TimeOtp-", "HmacOtp-"
_URI_LABEL = re.compile(r"^(otpauth://[a-z]+)/?([^?#]*)(\?.*)$", re.IGNORECASE | re.DOTALL)
_KEEOTP = Names("key", "type", "otpHashMode", "size", "step", "counter")
_KEEOTP_NAMES = {name.lower(): name for name in (*_KEEOTP[:6], "encoding")}


def entry_of_fields(about: About, fields: Mapping[str, str]) -> Entry | None:
    """Make an entry of what the fields hold, or None where they hold no one-time password.

    Args:
        about: The entry's own title and user name stand in for labels that a URI lacks.
        fields: All fields by name.
    """
    try:
        if written := fields.get("otp", "").strip():
            return _of_otp(about, written)
        if seed := fields.get(_SEED, "").strip():
            return _of_seed(about, seed, fields.get(_SETTINGS, ""))
        if (secret := _secret(fields, _TIME)) is not None:
            return entry_of(
                about,
                secret,
                algorithm=fields.get(f"{_TIME}Algorithm", ""),
                digits=_number(fields.get(f"{_TIME}Length"), 6),
                period=_number(fields.get(f"{_TIME}Period"), 30),
            )
        if (secret := _secret(fields, _HMAC)) is not None:
            counter = _number(fields.get(f"{_HMAC}Counter"), 0)
            return entry_of(about, secret, kind="hotp", counter=counter)
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    return None


def _of_otp(about: About, written: str) -> Entry:
    if is_uri(written):
        return _of_uri(about, written)
    # KeeOtp's names are as good in any case; a bare secret has no "=" but at its end.
    values = {
        _KEEOTP_NAMES.get(name.lower(), name): found[0]
        for name, found in parse_qs(written.replace("+", "%2B")).items()
    }
    if "key" not in values:
        return entry_of(about, written)
    encoding = values.get("encoding", "").lower()
    return entry_of_row(about, dict(values), _KEEOTP, secret=_decoded(values["key"], encoding))


def _of_uri(about: About, uri: str) -> Entry:
    found = _URI_LABEL.match(uri) if len(uri) <= MAX_URI_LENGTH else None
    if found and not unquote(found[2]).strip(" :/"):
        label = f"{quote(about.issuer, safe='')}:{quote(about.name, safe='')}".rstrip(":")
        uri = f"{found[1]}/{label}{found[3]}"
    entry = entry_of_uri(about, uri)
    # What KeePassXC writes where there is no user name.
    if entry.key is not None and entry.key.name == "none" and not about.name.strip():
        nameless = replace(entry.key, name="")
        return replace(entry, name="", key=nameless)
    return entry


def _of_seed(about: About, seed: str, settings: str) -> Entry:
    """The plugins' pair; the settings are "period;digits", or "period;S" for Steam, and maybe a URL."""
    parts = [part.strip() for part in settings.split(";")]
    period = _number(parts[0], 30)
    length = parts[1] if len(parts) > 1 else ""
    if length.upper() == "S":
        return entry_of(about, seed, kind="steam", period=period)
    return entry_of(about, seed, digits=_number(length, 6), period=period)


def _secret(fields: Mapping[str, str], prefix: str) -> Secret | None:
    for ending, encoding in (("-Base32", ""), ("-Hex", "hex"), ("-Base64", "base64"), ("", "utf8")):
        if written := fields.get(f"{prefix}Secret{ending}", "").strip():
            return _decoded(written, encoding)
    return None


def _decoded(written: str, encoding: str) -> Secret:
    if encoding == "hex":
        return secret_from_hex(written)
    if encoding == "base64":
        return secret_from_base64(written)
    if encoding == "utf8":
        return Secret(written.encode("utf-8", "surrogatepass"))
    return Secret.from_base32(written)


def _number(written: str | None, default: int) -> int:
    plain = (written or "").strip()
    if not plain:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", plain):
        raise InvalidKeyError("the settings of the code are no whole numbers")
    return int(plain)

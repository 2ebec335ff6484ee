"""otpauth:// URIs in and out (Google Authenticator's "Key URI Format", as apps really write it).

The apps disagree on many points. What is read here:

* The issuer in front of the account name wins over a different `issuer` parameter, as in Aegis and
  Stratum; but Microsoft writes the tenant's name there, so an `issuer=Microsoft` parameter wins.
* A bare label is the account's name, not its issuer.
* A HOTP key without a counter starts at 0; the standard requires one, some exporters forget it.
* Steam is told by its host, by `encoder=steam`, or by the issuer Steam together with five digits;
  never by the issuer alone.
* `%3A` separates like `:`; a raw `#` belongs to the label; `+` is a space in parameters only.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, unquote_plus

from watchword_otp.key import STEAM_DIGITS, Algorithm, InvalidKeyError, Key, Kind, Secret
from watchword_otp.text import clean_label
from watchword_otp.value import Value

MAX_URI_LENGTH = 8192
"""Longest URI read, in characters: a real one has under 400, the longest `Key` some 5,300."""

# Left readable in a label: RFC 3986 section 3.3's pchar without "+" (some readers make it a space)
# and ":" (which separates).
_LABEL_SAFE = "@!$'()*,;"
_ISSUER_SAFE = "@!$'()*,;:/"
_TENANT_ISSUERS = frozenset({"microsoft"})
# Some exporters lose the "&" behind the issuer. A raw "=" tells: in a whole issuer it is encoded.
_LOST_AMPERSAND = re.compile(
    r"(?<=issuer=)([^&=]+?)(?=(?:period|digits|counter)=[0-9]+(?:&|$))", re.IGNORECASE
)
_KNOWN_FIELDS = frozenset({"secret", "issuer", "algorithm", "digits", "period", "counter", "encoder"})
_UNSUPPORTED = {
    "motp": "mOTP",
    "yaotp": "Yandex",
}


class UriError(ValueError):
    """Text that is not a usable otpauth:// URI; the message says why and never shows the secret."""


class ReadUri(Value, frozen=True):
    """What `read_uri` found."""

    key: Key
    """The key."""
    notices: tuple[str, ...]
    """What was unusual and how it was read, one sentence each."""


def parse_uri(text: str) -> Key:
    """Read one otpauth:// (or steam://) URI.

    `parse_uri(format_uri(key)) == key` for every key that `format_uri` takes, but for one: a TOTP
    key with five digits whose issuer is called Steam comes back as the Steam key it must be.

    Raises:
        UriError: `text` is not such a URI. No other exception leaves this function.
    """
    return read_uri(text).key


def read_uri(text: str) -> ReadUri:
    """Read one otpauth:// (or steam://) URI, with what a person should know about it.

    Raises:
        UriError: `text` is not such a URI.
    """
    if len(text) > MAX_URI_LENGTH:
        message = f"the URI has more than {MAX_URI_LENGTH} characters"
        raise UriError(message)
    scheme, found, rest = text.strip().partition("://")
    scheme = scheme.lower()
    if not found:
        message = "not an otpauth:// URI"
        raise UriError(message)
    try:
        if scheme == "steam":
            secret = Secret.from_base32(unquote(rest))
            key = Key(secret=secret, kind=Kind.STEAM, digits=STEAM_DIGITS, issuer="Steam")
            return ReadUri(key, key.warnings())
        if scheme == "otpauth":
            return _read_otpauth(rest)
    except InvalidKeyError as error:
        raise UriError(str(error)) from None
    if scheme == "otpauth-migration":
        message = "this is a Google Authenticator export of several keys, not one otpauth:// URI"
    elif scheme in _UNSUPPORTED:
        message = f"{_UNSUPPORTED[scheme]} keys are not supported"
    else:
        message = "the URI must begin with otpauth://"
    raise UriError(message)


def format_uri(key: Key, *, issuer_once: bool = False) -> str:
    """Write a key as an otpauth:// URI, as short as every app can read.

    Parameters with their default value are left out: a shorter URI makes a smaller QR.

    Args:
        key: With an issuer or a name.
        issuer_once: Name the issuer in one place. The format recommends two, the label and a parameter;
            apps take either. It is the parameter, whose spaces all of them keep, but for a name that
            is empty or has a colon: such a label needs the issuer before it.

    Raises:
        InvalidKeyError: The key has neither issuer nor name: no app takes a URI without a label.
    """
    if not key.title:
        message = "the key needs an issuer or a name before it can be a URI"
        raise InvalidKeyError(message)
    # An issuer with a colon cannot stand before the separating one; the parameter alone holds it.
    prefix = "" if ":" in key.issuer else key.issuer
    named_by_label = bool(prefix) and (not key.name or ":" in key.name)
    if issuer_once and not named_by_label:
        prefix = ""
    label = quote(key.name, safe=_LABEL_SAFE)
    if prefix or ":" in key.name:
        label = f"{quote(prefix, safe=_LABEL_SAFE)}:{label}"
    fields = [f"secret={key.secret.base32()}"]
    if key.issuer and not (issuer_once and named_by_label):
        fields.append(f"issuer={quote(key.issuer, safe=_ISSUER_SAFE)}")
    if key.algorithm is not Algorithm.SHA1:
        fields.append(f"algorithm={key.algorithm}")
    if key.kind is not Kind.STEAM and key.digits != 6:  # noqa: PLR2004 - the field's default
        fields.append(f"digits={key.digits}")
    if key.period != 30:  # noqa: PLR2004 - the field's default
        fields.append(f"period={key.period}")
    if key.kind is Kind.HOTP:
        fields.append(f"counter={key.counter}")
    return f"otpauth://{key.kind}/{label}?{'&'.join(fields)}"


def _read_otpauth(rest: str) -> ReadUri:
    path, _, query = rest.partition("?")
    host, _, label = path.partition("/")
    host = host.lower()
    if host in _UNSUPPORTED:
        message = f"{_UNSUPPORTED[host]} keys are not supported"
        raise UriError(message)
    if host not in set(Kind):
        message = "the URI must begin with otpauth://totp/, otpauth://hotp/ or otpauth://steam/"
        raise UriError(message)
    notices: list[str] = []
    fields = _fields(query, notices)
    issuer, name = _labels(label, fields.get("issuer", ""), notices)
    if not issuer and not name:
        message = "the URI names no account"
        raise UriError(message)
    if "secret" not in fields:
        message = "the URI has no secret"
        raise UriError(message)
    secret = Secret.from_base32(fields["secret"])
    digits = _number(fields, "digits", 6)
    if _is_steam(host, fields, issuer, digits):
        period = _number(fields, "period", 30)
        key = Key(
            secret=secret, kind=Kind.STEAM, digits=STEAM_DIGITS, period=period, issuer=issuer, name=name
        )
    elif host == Kind.HOTP:
        if "counter" not in fields:
            notices.append("the URI has no counter: it starts at 0")
        key = Key(
            secret=secret,
            kind=Kind.HOTP,
            algorithm=_algorithm(fields),
            digits=digits,
            counter=_number(fields, "counter", 0),
            issuer=issuer,
            name=name,
        )
    else:
        key = Key(
            secret=secret,
            algorithm=_algorithm(fields),
            digits=digits,
            period=_number(fields, "period", 30),
            issuer=issuer,
            name=name,
        )
    return ReadUri(key, (*notices, *key.warnings()))


def _fields(query: str, notices: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in _LOST_AMPERSAND.sub(r"\1&", query).split("&"):
        raw_name, _, raw_value = part.partition("=")
        name = unquote_plus(raw_name).strip().lower()
        if not name:
            continue
        if name in fields:
            # Only a known name is repeated: in a damaged URI an unknown one can be the secret.
            shown = name if name in _KNOWN_FIELDS else "parameter of one name"
            notices.append(f"the URI has more than one {shown}: the first counts")
            continue
        fields[name] = unquote_plus(raw_value).strip()
    return fields


def _labels(label: str, issuer_field: str, notices: list[str]) -> tuple[str, str]:
    first, colon, second = unquote(label).partition(":")
    prefix, name = (clean_label(first), clean_label(second)) if colon else ("", clean_label(first))
    issuer = clean_label(issuer_field)
    if not prefix or prefix == issuer:
        return issuer, name
    if not issuer:
        return prefix, name
    chosen = issuer if issuer.lower() in _TENANT_ISSUERS else prefix
    notices.append(f"the URI names two issuers, {prefix} and {issuer}: {chosen} is used")
    return chosen, name


def _is_steam(host: str, fields: dict[str, str], issuer: str, digits: int) -> bool:
    if host == Kind.HOTP:
        return False
    if host == Kind.STEAM or "steam" in fields or fields.get("encoder", "").lower() == "steam":
        return True
    return issuer.lower() == "steam" and digits == STEAM_DIGITS


def _algorithm(fields: dict[str, str]) -> Algorithm:
    text = fields.get("algorithm") or Algorithm.SHA1
    plain = text.upper().rpartition(".")[2].removeprefix("HMAC").replace("-", "").replace("_", "")
    try:
        return Algorithm(plain)
    except ValueError:
        message = "the algorithm must be SHA1, SHA256 or SHA512"
        raise UriError(message) from None


def _number(fields: dict[str, str], name: str, default: int) -> int:
    text = fields.get(name, "")
    if not text:
        return default
    # ASCII digits only, and few: int() takes other scripts' digits and unbounded lengths.
    if not re.fullmatch(r"[0-9]{1,20}", text):
        message = f"the {name} is not a whole number"
        raise UriError(message)
    return int(text)

"""How phone apps read the URI in a QR code, written down from their public sources, faults and all.

Nothing here is ours but the names: each reader is what its app does, so that a test can say what a
person would see there. What an app knows of single issuers (icons, other names) is left out.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Entry:
    """An account as an app keeps it."""

    secret: bytes
    issuer: str
    account: str
    algorithm: str
    digits: int
    period: int


class RefusedError(Exception):
    """The app says that this is no code for it."""


class AndroidUri:
    """What android.net.Uri makes of a text: cut first, decoded later, part by part."""

    def __init__(self, text: str) -> None:
        self.scheme, _, rest = text.partition(":")
        before_fragment = rest.partition("#")[0]
        hierarchy, _, self._query = before_fragment.partition("?")
        self.host, slash, path = hierarchy.removeprefix("//").partition("/")
        self.path = _decoded(slash + path)

    def parameter(self, name: str) -> str | None:
        """The first of this name, "+" being a space; in names case counts."""
        for part in self._query.split("&"):
            key, _, value = part.partition("=")
            if _decoded(key) == name:
                return _decoded(value.replace("+", " "))
        return None


def aegis(text: str) -> Entry:
    """Aegis: one colon at most splits the label, and then the `issuer` parameter is not looked at."""
    uri = AndroidUri(text)
    if uri.scheme != "otpauth" or uri.host != "totp":
        raise RefusedError(text)
    label = uri.path[1:]
    issuer, account = "", label
    if ":" in label:
        # As Java splits: empty parts at the end are dropped.
        parts = re.split(":", label)
        while parts and not parts[-1]:
            parts.pop()
        if len(parts) == 2:
            issuer, account = parts
    else:
        issuer = uri.parameter("issuer") or ""
    algorithm = uri.parameter("algorithm") or "SHA1"
    if algorithm not in {"SHA1", "SHA256", "SHA512", "MD5"}:
        raise RefusedError(text)
    return Entry(
        secret=_secret(uri.parameter("secret")),
        issuer=issuer,
        account=account,
        algorithm=algorithm,
        digits=int(uri.parameter("digits") or 6),
        period=int(uri.parameter("period") or 30),
    )


def google(text: str) -> Entry:
    """Google Authenticator, and those after its "Key Uri Format": the parameter names the issuer.

    Where the name begins with it, it is taken off; without the parameter what stands before the first
    colon is the issuer, as that document has it. (The app shows "issuer:name" either way.)
    """
    uri = AndroidUri(text)
    if uri.scheme.lower() != "otpauth" or uri.host != "totp" or not uri.path[1:].strip():
        raise RefusedError(text)
    name = uri.path[1:].strip()
    issuer = uri.parameter("issuer") or ""
    if not issuer and ":" in name:
        issuer, _, name = name.partition(":")
    account = name.removeprefix(f"{issuer}:") if issuer else name
    return Entry(
        secret=_secret(uri.parameter("secret")),
        issuer=issuer,
        account=account.strip(),
        algorithm=(uri.parameter("algorithm") or "SHA1").upper(),
        digits=int(uri.parameter("digits") or 6),
        period=int(uri.parameter("period") or 30),
    )


def two_fas(text: str) -> Entry:
    """2FAS: decodes the whole URI before it takes it apart, so a "%3F" in a label ends the label.

    It keeps 30 characters of the issuer and 50 of the account, and an account only beside an issuer;
    an issuer that stands in the label alone loses its spaces there, and is none if it has an "@".
    """
    uri = AndroidUri(_decoded(text).replace("#", "-"))
    if uri.scheme.lower() != "otpauth" or uri.host.lower() != "totp":
        raise RefusedError(text)
    label = uri.path.removeprefix("/")
    parts = label.split(":")
    first, second = label.replace(" ", ""), ""
    if len(parts) == 2:
        first, second = parts[0].replace(" ", ""), parts[1].strip()
    issuer = uri.parameter("issuer") or ""
    alone = first if first.strip() and first != issuer else ""
    account = second or alone
    name = issuer or ("" if "@" in first else first)
    return Entry(
        secret=_secret(uri.parameter("secret")),
        issuer=name[:30],
        account="" if account == name else account[:50],
        algorithm=(uri.parameter("algorithm") or "SHA1").upper(),
        digits=int(uri.parameter("digits") or 6),
        period=int(uri.parameter("period") or 30),
    )


APPS: dict[str, Callable[[str], Entry]] = {"Aegis": aegis, "Google": google, "2FAS": two_fas}


def _decoded(text: str) -> str:
    """Percent-decoding as Android does it: what is not hexadecimal, or not UTF-8, becomes U+FFFD."""
    return unquote(re.sub(r"%(?![0-9A-Fa-f]{2})", "\ufffd", text), errors="replace")


def _secret(text: str | None) -> bytes:
    if not text:
        raise RefusedError("no secret")
    plain = text.upper().rstrip("=")
    return base64.b32decode(plain + "=" * (-len(plain) % 8))

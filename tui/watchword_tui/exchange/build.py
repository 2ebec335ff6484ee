"""Entries made from the parts that every app keeps, by the same rules for all formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from msgspec.structs import replace

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret, UriError, clean_label, read_uri
from watchword_otp.key import STEAM_DIGITS
from watchword_otp.value import Value
from watchword_tui.accounts import clean_note
from watchword_tui.exchange.fields import number, text
from watchword_tui.exchange.foreign_uris import read_foreign_uri
from watchword_tui.exchange.model import Entry, ForeignKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_tui.exchange.foreign_uris import ForeignUri

_NO_LABEL = re.compile(r"\s*(otpauth://(?:totp|hotp|steam))/?:?(?=\?)", re.IGNORECASE)
_UNNAMED = "{unnamed}"
"""Stands for the label that some password managers leave out, for a URI must have one."""

# Without "=", for in a URI that is mangled what looks like the label may hold the secret.
_LABELLED = re.compile(r"\s*otpauth://[a-z]+/([^?#=]*)\?", re.IGNORECASE)
_URI_INSIDE = re.compile(
    r"(?:otpauth|otpauth-migration|steam|motp)://.*|secret=[a-z2-7]{16}.*", re.IGNORECASE | re.DOTALL
)
_SCHEME_LENGTH = 20
_RAW_LABEL = 1000
"""Characters of a label looked at; the rest would be cut anyway, after much work."""

_FOREIGN = {"motp": "mOTP", "yandex": "Yandex", "yaotp": "Yandex"}
_NAMES_OF_TOTP = {"", "totp", "timebased", "time"}
_NAMES_OF_STEAM = {"steam", "steamtotp", "steamguard"}


class About(Value, frozen=True, kw_only=True):
    """What stands beside a key, not yet cleaned."""

    where: str
    """How to find the row in its file, such as "entry 3"."""
    issuer: str = ""
    name: str = ""
    note: str = ""
    groups: Iterable[str] = ()
    favourite: bool = False
    uses: int = 0

    def entry(
        self,
        key: Key | None = None,
        *,
        foreign: ForeignKey | None = None,
        reason: str = "",
        notices: tuple[str, ...] = (),
    ) -> Entry:
        """An entry with this beside it; a key's own labels win over these."""
        return Entry(
            where=self.where,
            issuer=key.issuer if key else _label(self.issuer),
            name=key.name if key else _label(self.name),
            key=key,
            foreign=foreign,
            reason=reason,
            notices=notices,
            note=clean_note(self.note),
            groups=tuple(dict.fromkeys(clean for group in self.groups if (clean := _label(group)))),
            favourite=self.favourite,
            uses=max(0, self.uses),
        )


class Names(NamedTuple):
    """What an app calls the fields of a key in its JSON."""

    secret: str = "secret"  # noqa: S105 - a field's name
    kind: str = "type"
    algorithm: str = "algorithm"
    digits: str = "digits"
    period: str = "period"
    counter: str = "counter"
    pin: str = "pin"


_COMMON = Names()


def kind_of(text: str) -> Kind | str:
    """The kind of key that an app calls `text`; "motp" or "yandex" where it is one not made here.

    Raises:
        InvalidKeyError: No kind is called so.
    """
    plain = text.strip().lower().replace("_", "").replace("-", "")
    if plain in _NAMES_OF_TOTP:
        return Kind.TOTP
    if plain in {"hotp", "counterbased", "counter"}:
        return Kind.HOTP
    if plain in _NAMES_OF_STEAM:
        return Kind.STEAM
    if plain in _FOREIGN:
        return _FOREIGN[plain].lower()
    raise InvalidKeyError("keys of this type are not known")


def algorithm_of(text: str) -> Algorithm:
    """The hash that an app calls `text`, such as "sha-256" or "HmacSHA1"; SHA1 where it says nothing.

    Raises:
        InvalidKeyError: Another hash, such as MD5.
    """
    plain = (
        text.strip().upper().rpartition(".")[2].replace("-", "").replace("_", "").removeprefix("HMAC")
    )
    try:
        return Algorithm(plain or "SHA1")
    except ValueError:
        raise InvalidKeyError("the algorithm must be SHA1, SHA256 or SHA512") from None


def entry_of(  # noqa: PLR0913 - the parts of a key
    about: About,
    secret: Secret | str,
    *,
    kind: str = "totp",
    algorithm: str = "",
    digits: int = 6,
    period: int = 30,
    counter: int = 0,
    pin: str = "",
) -> Entry:
    """Make an entry of what an app keeps; where that is no key, the entry says why.

    Args:
        about: Labels, note, groups.
        secret: The secret, or its base32 as people write it.
        kind: As the app calls it; see `kind_of`.
        algorithm: As the app calls it; see `algorithm_of`. Steam is always SHA1.
        digits: The code's length; Steam is always 5.
        period: Seconds; not looked at for HOTP.
        counter: HOTP only.
        pin: mOTP and Yandex only.
    """
    try:
        known = kind_of(kind)
        opened = secret if isinstance(secret, Secret) else Secret.from_base32(secret)
        if not isinstance(known, Kind):
            foreign = ForeignKey(
                kind=known, secret=opened, algorithm=algorithm, digits=digits, period=period, pin=pin
            )
            reason = f"{_FOREIGN[known]} codes are not made here; the key is kept for apps that do"
            return about.entry(foreign=foreign, reason=reason)
        steam = known is Kind.STEAM
        key = Key(
            secret=opened,
            kind=known,
            algorithm=Algorithm.SHA1 if steam else algorithm_of(algorithm),
            digits=STEAM_DIGITS if steam else digits,
            period=30 if known is Kind.HOTP else period,
            counter=counter if known is Kind.HOTP else 0,
            issuer=_label(about.issuer),
            name=_label(about.name),
        )
    except InvalidKeyError as error:
        return about.entry(reason=str(error))
    return about.entry(key, notices=key.warnings())


def entry_of_row(
    about: About, row: dict[str, object], names: Names = _COMMON, *, secret: Secret | str = ""
) -> Entry:
    """Make an entry of an object of JSON; absent and null fields mean TOTP, SHA1, 6 digits, 30 s, 0.

    Args:
        about: Labels, note, groups.
        row: The object.
        names: What the app calls the fields.
        secret: The secret, where it does not stand in `row` as base32.
    """
    try:
        return entry_of(
            about,
            secret or text(row, names.secret),
            kind=text(row, names.kind),
            algorithm=text(row, names.algorithm),
            digits=number(row, names.digits, 6),
            period=number(row, names.period, 30),
            counter=number(row, names.counter, 0),
            pin=text(row, names.pin),
        )
    except InvalidKeyError as error:
        return about.entry(reason=str(error))


def entry_of_uri(about: About, uri: str) -> Entry:
    """Make an entry of an otpauth://, steam:// or motp:// URI.

    Its own labels win over those of `about`, which fill in for what the URI lacks.
    """
    try:
        if (foreign := read_foreign_uri(uri)) is not None:
            return _foreign_entry(about, foreign)
        read = read_uri(_NO_LABEL.sub(rf"\1/{_UNNAMED}", uri))
    except (UriError, InvalidKeyError) as error:
        return _named_by(about, uri).entry(reason=str(error))
    named = "" if read.key.name == _UNNAMED else read.key.name
    key = replace(
        read.key, issuer=read.key.issuer or _label(about.issuer), name=named or _label(about.name)
    )
    if not key.title:
        return about.entry(reason="the URI names no account")
    return about.entry(key, notices=read.notices)


def entry_of_totp_field(about: About, field: str) -> Entry:
    """Make an entry of what password managers keep for a login: a URI, or the secret's base32 alone.

    Args:
        about: The login's own title as issuer, and its user's name.
        field: The URI or the secret.
    """
    plain = field.strip()
    if "://" not in plain[:_SCHEME_LENGTH]:
        return entry_of(about, plain)
    if plain[:_SCHEME_LENGTH].lower().startswith("steam://"):
        return _steam_entry(about, plain)
    entry = entry_of_uri(about, plain)
    key = entry.key
    if key is not None and about.name and key.name == key.issuer == _label(about.issuer):
        # A label that only repeats the title says nothing of whose key it is.
        named = replace(key, name=_label(about.name))
        return replace(entry, key=named, name=named.name)
    return entry


def _steam_entry(about: About, uri: str) -> Entry:
    """steam://SECRET has no labels: a title that speaks of Steam is the issuer, another one the name."""
    if "steam" not in about.issuer.lower():
        return entry_of_uri(replace(about, name=about.name or about.issuer), uri)
    entry = entry_of_uri(about, uri)
    if entry.key is None:
        return entry
    return about.entry(replace(entry.key, issuer=_label(about.issuer)), notices=entry.notices)


def _named_by(about: About, uri: str) -> About:
    """With the label of a URI that cannot be used, so that people see which account it is."""
    found = _LABELLED.match(uri[:_RAW_LABEL])
    if found is None:
        return about
    first, colon, rest = unquote(found[1]).partition(":")
    issuer, name = (first, rest) if colon else ("", first)
    return replace(about, issuer=issuer or about.issuer, name=name or about.name)


def _foreign_entry(about: About, uri: ForeignUri) -> Entry:
    labelled = replace(about, issuer=uri.issuer or about.issuer, name=uri.name or about.name)
    return entry_of(
        labelled,
        uri.secret,
        kind=uri.kind,
        algorithm=uri.algorithm,
        digits=uri.digits,
        period=uri.period,
        pin=uri.pin,
    )


def _label(text: str) -> str:
    # A damaged file may put a URI where a label belongs; on the screen it would show its secret.
    return clean_label(_URI_INSIDE.sub("", text[:_RAW_LABEL]))

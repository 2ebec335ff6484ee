"""An account as it is typed: read into a key, or into words about what is missing. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from watchword_otp import (
    Algorithm,
    InvalidKeyError,
    Key,
    Kind,
    Secret,
    UriError,
    clean_label,
    read_uri,
)
from watchword_otp.key import STEAM_DIGITS
from watchword_otp.value import Value
from watchword_tui.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.accounts import Account
    from watchword_tui.exchange.model import Entry
    from watchword_tui.vault.rows import Row

_Member = TypeVar("_Member", bound=StrEnum)
_URI = re.compile(r"\s*(otpauth|steam)://", re.IGNORECASE)
_NOT_BASE32 = re.compile(r"[^A-Za-z2-7\s\-=]")
_MIGRATION = re.compile(r"\s*otpauth-migration://", re.IGNORECASE)
_NOTHING_TYPED = "type or paste the secret that the issuer shows"
_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")


class Draft(Value, frozen=True, kw_only=True):
    """What stands in the fields of a form."""

    HIDDEN = frozenset({"secret"})

    issuer: str = ""
    name: str = ""
    secret: str = ""
    """As typed; empty where `kept` stays."""
    kept: Secret | None = None
    """The secret that stays unless another is typed."""
    kind: Kind = Kind.TOTP
    algorithm: Algorithm = Algorithm.SHA1
    digits: str = "6"
    period: str = "30"
    counter: str = "0"
    groups: tuple[str, ...] = ()
    note: str = ""
    favourite: bool = False

    def judged(self) -> Judged:
        """What it comes to."""
        troubles: dict[str, str] = {}  # in the order of the fields
        issuer, name = clean_label(self.issuer), clean_label(self.name)
        if not issuer and not name:
            troubles["issuer"] = "type an issuer or a name"
        secret = self._secret(troubles)
        numbers: dict[str, int] = {
            what: self._number(what, troubles)
            for what in ("digits", "period", "counter")
            if what in self.fields
        }
        key = None
        if secret is not None and not troubles:
            try:
                key = self._key(secret, issuer, name, numbers)
            except InvalidKeyError as error:
                troubles[_place(str(error))] = str(error)
        return Judged(secret, key, troubles)

    @property
    def fields(self) -> tuple[str, ...]:
        """The parameters that this kind of key has, besides its secret."""
        return {
            Kind.TOTP: ("algorithm", "digits", "period"),
            Kind.HOTP: ("algorithm", "digits", "counter"),
            Kind.STEAM: ("period",),
        }[self.kind]

    def _secret(self, troubles: dict[str, str]) -> Secret | None:
        if not self.secret.strip():
            if self.kept is None:
                troubles["secret"] = _NOTHING_TYPED
            return self.kept
        if (found := _NOT_BASE32.search(self.secret)) is not None:
            # It is hidden as it is typed, so its place helps.
            troubles["secret"] = f"character {found.start() + 1} is not base32: only A to Z and 2 to 7"
            return None
        try:
            return Secret.from_base32(self.secret)
        except InvalidKeyError as error:
            troubles["secret"] = str(error)
            return None

    def _number(self, what: str, troubles: dict[str, str]) -> int:
        text = str(getattr(self, what)).strip()
        # ASCII digits only: int() takes other scripts' too.
        if not _WHOLE_NUMBER.fullmatch(text):
            troubles[what] = f"the {what} must be a whole number"
            return 0
        return int(text)

    def _key(self, secret: Secret, issuer: str, name: str, numbers: Mapping[str, int]) -> Key:
        steam = self.kind is Kind.STEAM
        return Key(
            secret=secret,
            kind=self.kind,
            algorithm=Algorithm.SHA1 if steam else self.algorithm,
            digits=STEAM_DIGITS if steam else numbers["digits"],
            period=numbers.get("period", 30),
            counter=numbers.get("counter", 0),
            issuer=issuer,
            name=name,
        )


class Judged(Value, frozen=True):
    """What a draft comes to."""

    secret: Secret | None
    """The secret, where it is one."""
    key: Key | None
    """The key, where nothing is missing."""
    troubles: dict[str, str]
    """What is wrong, by the field's name: one clause each, without a full stop."""


def draft_of(account: Account) -> Draft:
    """An account of the vault, to be changed; its secret stays unless another is typed."""
    key = account.key
    return Draft(
        issuer=key.issuer,
        name=key.name,
        kept=key.secret,
        groups=account.groups,
        note=account.note,
        favourite=account.favourite,
        **_parameters(key),
    )


def draft_of_key(key: Key) -> Draft:
    """A key that was read elsewhere, or just made; the secret is not typed, and stays."""
    return Draft(issuer=key.issuer, name=key.name, kept=key.secret, **_parameters(key))


def draft_of_entry(entry: Entry, key: Key) -> Draft:
    """An entry that was read elsewhere, whose key is `key`."""
    return replace(draft_of_key(key), groups=entry.groups, note=entry.note, favourite=entry.favourite)


def draft_of_row(row: Row, groups: tuple[str, ...]) -> Draft:
    """A quarantined row, as far as it can be understood; `groups` are the names of its groups."""
    fields = row.fields
    info = fields.get("info")
    info = info if isinstance(info, dict) else {}
    return Draft(
        issuer=clean_label(_text(fields, "issuer")),
        name=clean_label(_text(fields, "name")),
        secret=_text(info, "secret"),
        kind=_one_of(Kind, _text(fields, "type").lower(), Kind.TOTP),
        algorithm=_one_of(Algorithm, _text(info, "algo").upper(), Algorithm.SHA1),
        digits=_text(info, "digits") or "6",
        period=_text(info, "period") or "30",
        counter=_text(info, "counter") or "0",
        groups=groups,
        note=_text(fields, "note"),
        favourite=fields.get("favorite") is True,
    )


def differ(before: Draft, after: Draft) -> bool:
    """Whether something would be lost; a secret that was only shown makes no difference."""
    if after.secret and after.judged().secret == after.kept is not None:
        after = replace(after, secret=before.secret)
    return before != after


def is_uri(text: str) -> bool:
    """Whether something that was typed or pasted is a URI with a key, and no label or secret."""
    return _URI.match(text) is not None


def key_of_uri(text: str) -> Key:
    """The key of a URI.

    Raises:
        InvalidKeyError: It is not usable; the message says why and never shows the secret.
    """
    try:
        return read_uri(text).key
    except UriError as error:
        raise InvalidKeyError(str(error)) from None


def trouble_of_line(line: str) -> str:
    """Why a line that was pasted can hold no key, in a sentence that shows none of it; or ""."""
    if _MIGRATION.match(line):
        return ""
    if not is_uri(line):
        return "That is no otpauth:// line."
    try:
        key_of_uri(line)
    except InvalidKeyError as error:
        return sentence(str(error))
    return ""


def _parameters(key: Key) -> dict[str, Any]:
    return {
        "kind": key.kind,
        "algorithm": key.algorithm,
        "digits": str(key.digits),
        "period": str(key.period),
        "counter": str(key.counter),
    }


def _place(message: str) -> str:
    """The field that a message about a key belongs to."""
    return next((what for what in ("digits", "period", "counter") if what in message), "secret")


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _one_of(kind: type[_Member], text: str, default: _Member) -> _Member:
    return next((one for one in kind if one == text), default)

"""What password managers call the parts of a login, in CSV's columns and in JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Names in small letters and without signs, the more telling first.
_CODES = (
    *("logintotp", "totp", "otpauth", "otpurl", "otpsecret", "totpsecret", "totpuri", "otpuri", "otp"),
    *("onetimepassword", "onetimecode", "timeotpsecretbase32", "totpsecretkey", "2fa", "twofactor"),
)
_SECRETS = ("secret", "secretkey")
_ISSUERS = ("issuer", "title", "service")
_NAMES = ("name", "accountname", "itemname")
_USERS = ("loginusername", "username", "user", "login", "account", "email", "username2", "username3")
_NOTES = ("notes", "note", "extra", "comments")
_GROUPS = ("folder", "grouping", "group", "category", "vault")
_TAGS = ("collections", "tags")
_FAVOURITES = ("favorite", "favourite", "fav")
_NOTHING = {"", "0", "null"}
"""What stands where a login has no one-time password."""

CODES = frozenset((*_CODES, *_SECRETS))
"""Names of what holds a one-time password."""

LABELS = frozenset((*_ISSUERS, *_NAMES, *_USERS))
"""Names of what says whose it is."""

_SIGNS = re.compile(r"[^a-z0-9]+")
_SEPARATORS = re.compile(r"[,;]")


def plain(name: str) -> str:
    """A name as it is compared: small letters and digits only."""
    return _SIGNS.sub("", name.lower())


class Login:
    """One login, by what its parts are called.

    Args:
        parts: Its texts by their names, as the app writes them.
    """

    def __init__(self, parts: Mapping[str, str]) -> None:
        self.cells = {plain(name): value.strip() for name, value in parts.items()}

    def code(self) -> str:
        """The one-time password's URI or secret; empty where there is none."""
        return self._first(_CODES)

    def secret(self) -> str:
        """What may be the secret of an authenticator's account; empty where there is none."""
        return self._first(_SECRETS)

    def about(self, where: str) -> About:
        """What stands beside the one-time password."""
        issuer, name, user = self._first(_ISSUERS), self._first(_NAMES), self._first(_USERS)
        # Where there is no other title, a login's name is one; beside an issuer it is the account.
        if "issuer" not in self.cells and not issuer:
            issuer, name = name, user
        tags = (part.strip() for value in self._values(_TAGS) for part in _SEPARATORS.split(value))
        return About(
            where=where,
            issuer=issuer,
            name=user or name,
            note=self._first(_NOTES),
            groups=(*self._values(_GROUPS), *tags),
            favourite=self._first(_FAVOURITES).lower() in {"1", "true", "yes"},
        )

    def _values(self, names: Iterable[str]) -> Iterator[str]:
        return (value for name in names if (value := self.cells.get(name, "")).lower() not in _NOTHING)

    def _first(self, names: Iterable[str]) -> str:
        return next(self._values(names), "")

"""Accounts: keys in a person's hands, from the prototype's .env and from files of otpauth:// lines."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from watchword_otp import (
    InvalidKeyError,
    Key,
    Kind,
    Secret,
    UriError,
    clean_label,
    code_at,
    read_uri,
    seconds_left,
    step_at,
)
from watchword_otp.value import Value
from watchword_tui.errors import AccountsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from watchword_tui.settings import Settings

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest file of accounts that is read; some 40,000 lines."""

_NAMED = 8
"""Candidates that an error names at most."""

NOTE_LIMIT = 10_000
"""Most characters kept of a note."""


class Account(Value, frozen=True, gc=False):
    """A key in a person's hands with what they keep beside it."""

    key: Key
    source: str
    """Where it comes from: the vault, a file's name, `.env`, or a server's profile."""
    notices: tuple[str, ...] = ()
    """What is unusual about it, one sentence each."""
    id: str = ""
    """Its UUID in the vault; empty for an account that is in none and so cannot be changed."""
    note: str = ""
    """What the person wrote about it; may have several lines."""
    favourite: bool = False
    """Whether it is listed before the others."""
    groups: tuple[str, ...] = ()
    """Names of the groups it is in."""

    @property
    def issuer(self) -> str:
        """Who handed the key out; the account's name where no issuer is known."""
        return self.key.issuer or self.key.name

    @property
    def name(self) -> str:
        """The account at the issuer; empty where it is shown as the issuer already."""
        return self.key.name if self.key.issuer else ""


class LiveCode(Value, frozen=True):
    """What an account shows at one moment."""

    code: str
    next_code: str
    moving_factor: int
    """The step (TOTP, Steam) or counter (HOTP) of `code`."""
    seconds_left: float | None
    """Until the next step; None for HOTP, whose codes do not expire."""
    expires_at: int | None
    """Unix seconds at which the next step begins; None for HOTP."""

    def is_current(self, key: Key, now: float) -> bool:
        """Whether this is still what `key`, whose code it is, shows at `now` (Unix seconds)."""
        return key.kind is Kind.HOTP or step_at(key, now) == self.moving_factor


class Loaded(Value, frozen=True):
    """What the sources gave."""

    accounts: tuple[Account, ...]
    problems: tuple[str, ...]
    """Lines that were left out and files that others can read, one sentence each."""


def live_code(key: Key, now: float) -> LiveCode:
    """The code of `key` at `now` (Unix seconds), and the one after it."""
    if key.kind is Kind.HOTP:
        counter = key.counter
        return LiveCode(code_at(key, counter), code_at(key, counter + 1), counter, None, None)
    step = step_at(key, now)
    return LiveCode(
        code_at(key, step),
        code_at(key, step + 1),
        step,
        seconds_left(key, now),
        (step + 1) * key.period,
    )


def grouped(text: str) -> str:
    """Put spaces into a code or a manual key, in groups people can carry in mind."""
    if len(text) < 6:  # noqa: PLR2004 - short codes are one group
        return text
    size = 3 if len(text) in {6, 9} else 4
    if len(text) == 7:  # noqa: PLR2004 - 3 and 4
        size = 3
        return f"{text[:size]} {text[size:]}"
    return " ".join(text[start : start + size] for start in range(0, len(text), size))


def clean_note(text: str) -> str:
    """A note from outside, line by line made safe to keep and show, at most `NOTE_LIMIT` long."""
    if not text:
        return ""
    lines = text[: 2 * NOTE_LIMIT].splitlines()
    return "\n".join(clean_label(line, NOTE_LIMIT) for line in lines).strip()[:NOTE_LIMIT].rstrip()


def load_accounts(settings: Settings) -> Loaded:
    """Read the accounts of every source, each key once, in the order of the sources.

    Raises:
        AccountsError: A file cannot be read, or the .env secret is no secret.
    """
    accounts: list[Account] = []
    problems: list[str] = []
    if settings.dotenv_secret is not None:
        accounts.append(_from_dotenv(settings.dotenv_secret))
    for path in settings.account_files:
        found = read_uri_lines(_read(path, problems), clean_label(path.name))
        accounts += found.accounts
        problems += found.problems
    unique = {account.key: account for account in reversed(accounts)}
    return Loaded(tuple(dict.fromkeys(unique[account.key] for account in accounts)), tuple(problems))


def read_uri_lines(text: str, source: str) -> Loaded:
    """Read otpauth:// lines; blank lines and lines that begin with "#" are skipped.

    A line that cannot be read is named by its number, never shown: it may hold a secret.
    """
    accounts = []
    problems = []
    # As editors count: splitlines() ends a line at form feeds and U+2028 too.
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            read = read_uri(stripped)
        except UriError as error:
            problems.append(f"{source}, line {number}: {error}")
            continue
        accounts.append(Account(read.key, source, read.notices))
    return Loaded(tuple(accounts), tuple(problems))


def find_account(accounts: Sequence[Account], query: str | None) -> Account:
    """The one account that `query` names: any part of issuer and name, case ignored.

    A query that is the whole issuer, name or title of one account means that one. Without a query
    there must be a single account.

    Raises:
        AccountsError: None or several fit; the candidates are named.
    """
    if not accounts:
        raise AccountsError(
            "there are no accounts",
            "name a file of otpauth:// lines with --accounts, or set accounts in the settings file",
        )
    fitting = matching_accounts(accounts, query) if query else list(accounts)
    if len(fitting) == 1:
        return fitting[0]
    candidates = fitting or accounts
    shown = ", ".join(account.key.title for account in candidates[:_NAMED])
    if len(candidates) > _NAMED:
        shown += f" and {len(candidates) - _NAMED} more"
    if not fitting:
        raise AccountsError(f"no account fits {query!r}", f"there are: {shown}")
    if not query:
        raise AccountsError(f"there are {len(accounts)} accounts", f"name one of: {shown}")
    raise AccountsError(f"{len(fitting)} accounts fit {query!r}", f"name one of: {shown}")


def matching_accounts(accounts: Sequence[Account], query: str) -> list[Account]:
    """The accounts that `query` names, exactly if one does, else by any part."""
    wanted = query.casefold()
    exact = [
        account
        for account in accounts
        if wanted
        in {account.key.issuer.casefold(), account.key.name.casefold(), account.key.title.casefold()}
    ]
    return exact or [account for account in accounts if wanted in account.key.title.casefold()]


def _from_dotenv(text: str) -> Account:
    try:
        key = Key(secret=Secret.from_base32(text), issuer="Watchword", name="default")
    except InvalidKeyError as error:
        raise AccountsError(
            f"TOTP_BASE32_SECRET: {error}", "correct it in .env or the environment"
        ) from None
    return Account(key, ".env", key.warnings())


def _read(path: Path, problems: list[str]) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            # A pipe has no size to ask for, so the limit is on what comes.
            content = file.read(MAX_FILE_BYTES + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AccountsError(f"{path} is not UTF-8 text", "export otpauth:// lines into it") from None
    except OSError as error:
        raise AccountsError(f"cannot read the accounts in {path}: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise AccountsError(f"{path} is too large for a file of accounts")
    if stat.S_ISREG(mode) and mode & 0o077:
        problems.append(f"{path} can be read by others: run chmod 600 {path}")
    return text

"""What `add` and `edit` may be told of an account, and the account made of it.

Secrets come from standard input or a prompt: a command line is seen by every user of the machine,
and shells keep it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click
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
from watchword_otp.uri import MAX_URI_LENGTH
from watchword_otp.value import Value
from watchword_tui.accounts import clean_note
from watchword_tui.commands.asking import ask_hidden, first_line
from watchword_tui.commands.completion import complete_group
from watchword_tui.errors import WatchwordError

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.accounts import Account

_Function = TypeVar("_Function", bound="Callable[..., object]")


class Fields(Value, frozen=True, kw_only=True):
    """What the options say; None, or nothing, where they say nothing."""

    issuer: str | None
    name: str | None
    kind: str | None
    algorithm: str | None
    digits: int | None
    period: int | None
    counter: int | None
    note: str | None
    group: tuple[str, ...]
    favourite: bool | None
    secret: bool
    """Whether the secret comes from standard input or a prompt."""
    uri: bool
    """Whether an otpauth:// URI does."""

    def key(self, base: Key) -> Key:
        """`base` with what is given in the place of what it has.

        Raises:
            WatchwordError: Such a key cannot be.
        """
        kind = Kind(self.kind) if self.kind else base.kind
        if kind is not base.kind:
            # What another kind has means nothing for this one.
            base = Key(secret=base.secret, issuer=base.issuer, name=base.name)
        steam = kind is Kind.STEAM
        try:
            return Key(
                secret=base.secret,
                kind=kind,
                algorithm=Algorithm(self.algorithm) if self.algorithm else base.algorithm,
                digits=_first(self.digits, STEAM_DIGITS if steam else base.digits),
                period=_first(self.period, base.period),
                counter=_first(self.counter, base.counter),
                issuer=base.issuer if self.issuer is None else clean_label(self.issuer),
                name=base.name if self.name is None else clean_label(self.name),
            )
        except InvalidKeyError as error:
            raise WatchwordError(str(error), "change the options") from None

    def account(self, base: Account) -> Account:
        """`base` with what is given in the place of what it has.

        Raises:
            WatchwordError: Such a key cannot be, or it would have no label.
        """
        key = self.key(base.key)
        if not key.title:
            raise WatchwordError("an account needs an issuer or a name", "use --issuer or --name")
        groups = tuple(dict.fromkeys(clean for name in self.group if (clean := clean_label(name))))
        return replace(
            base,
            key=key,
            notices=key.warnings(),
            note=base.note if self.note is None else clean_note(self.note),
            groups=groups if self.group else base.groups,
            favourite=base.favourite if self.favourite is None else self.favourite,
        )

    @property
    def given(self) -> bool:
        """Whether any option was."""
        return any(
            getattr(self, name) not in {None, ()}
            for name in self.__struct_fields__
            if name not in {"secret", "uri"}
        ) or (self.secret or self.uri)


def field_options(command: _Function) -> _Function:
    """Add the options of `Fields`, and refuse secrets on the command line."""
    options = [
        click.option("--issuer", metavar="TEXT", help="Who handed the key out, such as GitHub."),
        click.option("--name", metavar="TEXT", help="The account there, such as alice@example.com."),
        click.option(
            "--secret", metavar="-", callback=_only_dash, help="Read the base32 secret: -"
        ),
        click.option("--uri", metavar="-", callback=_only_dash, help="Read an otpauth:// URI: -"),
        click.option("--kind", type=click.Choice([str(kind) for kind in Kind]), help="[default: totp]"),
        click.option(
            "--algorithm",
            type=click.Choice([str(one) for one in Algorithm], case_sensitive=False),
            help="[default: SHA1]",
        ),
        click.option("--digits", type=int, help="4 to 10. [default: 6]"),
        click.option("--period", type=int, metavar="SECONDS", help="[default: 30]"),
        click.option("--counter", type=int, help="HOTP: the next code's. [default: 0]"),
        click.option("--note", metavar="TEXT", help="Whatever helps; it is shown beside the code."),
        click.option(
            "--group", multiple=True, metavar="NAME", shell_complete=complete_group,
            help="A group it is in; may be repeated.",
        ),
        click.option("--favourite/--no-favourite", default=None, help="List it before the others."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def read_secret() -> Secret | Key:
    """A secret from standard input, or asked for without showing it; of a URI the whole key.

    Raises:
        WatchwordError: It is no secret, or there is none.
    """
    text = _hidden_line("Secret, or otpauth:// URI").strip()
    if "://" in text:
        return _key_of(text)
    if not text:
        raise WatchwordError("there is no secret", "type the letters that the site shows below its QR")
    try:
        return Secret.from_base32(text)
    except InvalidKeyError as error:
        raise WatchwordError(str(error), "type it again, or scan it: --image FILE") from None


def read_key() -> Key:
    """A key from an otpauth:// URI on standard input, or asked for without showing it.

    Raises:
        WatchwordError: It is no such URI.
    """
    return _key_of(_hidden_line("otpauth:// URI").strip())


def refuse_secrets(_ctx: click.Context, _parameter: click.Parameter, value: tuple[str, ...]) -> None:
    """Refuse what stands behind the command's name; the words may be a secret and are not repeated."""
    if any("://" in word for word in value):
        _refuse("--uri -")
    if value:
        raise WatchwordError(
            "more was given than the options say", "put labels into quotes; see: watchword add --help"
        )


def _only_dash(_ctx: click.Context, parameter: click.Parameter, value: str | None) -> bool:
    if value not in {None, "-"}:
        _refuse(f"{parameter.opts[0]} -")
    return value == "-"


def _refuse(way: str) -> NoReturn:
    raise WatchwordError(
        "a secret on the command line can be read by every user of this machine,"
        " and stands in the shell's history now",
        f"delete it there, and use {way}, which asks for it or reads standard input",
    )


def _hidden_line(question: str) -> str:
    if sys.stdin is not None and not sys.stdin.isatty():
        return first_line(MAX_URI_LENGTH + 2)
    return ask_hidden(question, "pipe it in")


def _key_of(text: str) -> Key:
    try:
        return read_uri(text).key
    except UriError as error:
        raise WatchwordError(str(error), "of a file with several, use: watchword import") from None


def _first(given: int | None, else_: int) -> int:
    return else_ if given is None else given

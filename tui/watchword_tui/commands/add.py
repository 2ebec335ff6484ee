"""`watchword add`: one account more, typed, from a URI, from an image, or with a new random key."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - click's options are typed by it
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from watchword_otp import Key, Secret
from watchword_tui.accounts import Account
from watchword_tui.commands.asking import ask, somebody_there
from watchword_tui.commands.changing import save
from watchword_tui.commands.common import EXITS, FILE, common_options, say, settings_of
from watchword_tui.commands.fields import Fields, field_options, read_key, read_secret, refuse_secrets
from watchword_tui.commands.opening import opened_or_new
from watchword_tui.errors import AccountsError, WatchwordError
from watchword_tui.vault.rows import SOURCE, new_id

if TYPE_CHECKING:
    from watchword_tui.keeper import Keeper


@click.command(epilog=EXITS)
@click.argument("refused", nargs=-1, metavar="", expose_value=False, callback=refuse_secrets)
@field_options
@click.option("--image", type=FILE, metavar="FILE", help="Take the QR code in this picture.")
@click.option("--random", "fresh", is_flag=True, help="Make a new random key of 160 bits.")
@click.option("--qr", "drawn", is_flag=True, help="Draw the new key for a phone to scan, too.")
@click.option("--plain", is_flag=True, help="If there is no vault yet, make one without a passphrase.")
@common_options
@click.pass_context
def add(
    ctx: click.Context,
    /,
    *,
    image: Path | None,
    fresh: bool,
    drawn: bool,
    plain: bool,
    **fields: Any,  # noqa: ANN401 - as Fields has them
) -> None:
    """Add an account to the vault, which is made on first use.

    Without options it asks for issuer, name and secret. Secrets are typed unseen or piped in, never
    given as arguments: those can be seen by others, and shells remember them.

    \b
    Examples:
      watchword add                                 asks
      watchword add --issuer GitHub --name alice    asks for the secret only
      watchword add --uri - < uri.txt               an otpauth:// line
      watchword add --image screenshot.png          the QR code of a site
      watchword add --issuer Door --random --qr     a new key for both sides
    """  # noqa: D301 - \b is click's own mark
    given = Fields(**fields)
    if sum((given.secret, given.uri, image is not None, fresh)) > 1:
        raise WatchwordError(
            "the key comes from one place", "use one of --secret --uri --image --random"
        )
    if drawn and not fresh:
        raise WatchwordError("--qr draws a key that --random made", "see: watchword qr ACCOUNT")
    settings = settings_of(ctx)
    account = _account(given, image, fresh=fresh)
    keeper = opened_or_new(settings, plain=plain)
    _require_new(account, keeper)
    save(keeper, "Add", lambda document: document.with_added([account]))
    say(f"added {account.key.title}")
    for notice in account.notices:
        say(notice)
    if drawn:
        from watchword_tui.commands.qr import draw  # noqa: PLC0415 - brings the QR library

        draw(account.key)


def _account(given: Fields, image: Path | None, *, fresh: bool) -> Account:
    if image is not None:
        base = _from_image(image)
    elif given.uri:
        base = _of_key(read_key())
    elif fresh:
        base = _of_key(Key(secret=Secret.generate()))
    elif given.secret or not _can_ask_labels(given):
        base = _of_secret(read_secret())
    else:
        issuer, name = ask("Issuer, such as GitHub"), ask("Name there, such as alice@example.com")
        given = replace(given, issuer=issuer, name=name)
        base = _of_secret(read_secret())
    return given.account(base)


def _can_ask_labels(given: Fields) -> bool:
    """Whether labels are missing, and there is somebody to ask for them and a secret."""
    typed = sys.stdin is not None and sys.stdin.isatty()
    return given.issuer is None and given.name is None and typed and somebody_there()


def _of_secret(found: Secret | Key) -> Account:
    return _of_key(found if isinstance(found, Key) else Key(secret=found))


def _of_key(key: Key) -> Account:
    return Account(key, SOURCE, key.warnings(), id=new_id())


def _from_image(path: Path) -> Account:
    """The account in a picture's QR code.

    Raises:
        ForeignFileError: It cannot be read, or has no QR code.
        AccountsError: It has several, or none that is an account.
    """
    # Slow to load, and only for pictures.
    from watchword_tui.commands.reading import FileAsk  # noqa: PLC0415
    from watchword_tui.exchange.plan import account_of  # noqa: PLC0415
    from watchword_tui.exchange.reading import read_entries, read_source  # noqa: PLC0415

    source = read_source(path)
    entries = read_entries(source, FileAsk(source.name), "image").reading.entries
    if len(entries) != 1:
        raise AccountsError(
            f"{path} holds {len(entries)} accounts", f"take them with: watchword import {path}"
        )
    if entries[0].key is None:
        raise AccountsError(f"{path}: {entries[0].reason}", "it cannot be used here")
    return account_of(entries[0], SOURCE, new_id())


def _require_new(account: Account, keeper: Keeper) -> None:
    for known in keeper.accounts:
        if known.key == account.key:
            raise AccountsError(
                f"{known.key.title} is in the vault already, with the same key",
                "change it with: watchword edit",
            )


COMMANDS = {"add": add}

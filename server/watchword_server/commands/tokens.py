"""`watchword-server tokens`: make, list, rotate and revoke tokens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from watchword_server.audit import Caller
from watchword_server.commands.common import as_json, confirm, examples, placed, require_name, with_yes
from watchword_server.commands.opened import actor, with_ledger
from watchword_server.commands.shown import instant, moment, show_json, show_table
from watchword_server.commands.spans import SPAN
from watchword_server.errors import UserError
from watchword_server.tokenadmin import (
    MadeToken,
    NewToken,
    create_token,
    find_token,
    revoke_token,
    rotate_token,
)
from watchword_server.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_server.settings import Settings
    from watchword_server.tokens import Token

_DEFAULT_GRACE = 3600.0


@click.group()
def tokens() -> None:
    """Make, list, rotate and revoke tokens; a running server knows within a second."""


@tokens.command(
    epilog=examples(
        "tokens create admin --scope tokens:admin",
        "tokens create laptop --scope check --scope check:detail --scope qr",
        "tokens create door --scope check --key alice --key bob --expires 90d --rate-limit 60",
    )
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the token may do; give it once for each.",
)
@click.option("--key", "keys", multiple=True, metavar="NAME", help="A key it may touch. [default: all]")
@click.option("--expires", type=SPAN, help="When it ends, as in 90d, 12h or 30m. [default: never]")
@click.option("--rate-limit", type=click.IntRange(1, 1_000_000), metavar="N", help="Requests a minute.")
@as_json
@placed
def create(  # noqa: PLR0913 - options
    *,
    settings: Settings,
    name: str,
    scopes: Sequence[str],
    keys: Sequence[str],
    expires: float | None,
    rate_limit: int | None,
    as_json: bool,
) -> None:
    """Make a token called NAME and show it, this once, on standard output."""
    for what, given in (("a token", [name]), ("a key", keys)):
        for each in given:
            require_name(each, what)
    if expires == 0:
        message = "a token that ends at once is of no use: say a longer --expires, as in 90d"
        raise UserError(message)
    new = NewToken(
        name=name,
        scopes=frozenset(map(Scope, scopes)),
        keys=frozenset(keys) or None,
        rate_limit=rate_limit,
        lifetime=expires,
    )
    _show_made(with_ledger(settings, lambda ledger: create_token(ledger, new, Caller(actor()))), as_json)


@tokens.command("list", epilog=examples("tokens list", "tokens list --json"))
@as_json
@placed
def list_(*, settings: Settings, as_json: bool) -> None:
    """List all tokens there ever were; the tokens themselves are not stored."""
    found = with_ledger(settings, lambda ledger: ledger.store.tokens())
    now = time.time()
    if as_json:
        show_json([_members(token, now) for token in found])
        return
    show_table(
        ("NAME", "STATE", "SCOPES", "KEYS", "A MINUTE", "MADE", "EXPIRES", "LAST USED"),
        (
            (
                token.name,
                _state(token, now),
                " ".join(sorted(token.scopes)),
                "all" if token.keys is None else " ".join(sorted(token.keys)),
                "-" if token.rate_limit is None else str(token.rate_limit),
                moment(token.created_at),
                moment(token.expires_at, "never"),
                moment(token.last_used_at, "never"),
            )
            for token in found
        ),
    )


@tokens.command(epilog=examples("tokens rotate door", "tokens rotate door --grace 0s"))
@click.argument("name")
@click.option(
    "--grace", type=SPAN, default=_DEFAULT_GRACE, help="How long the old one counts. [default: 1h]"
)
@as_json
@placed
def rotate(*, settings: Settings, name: str, grace: float, as_json: bool) -> None:
    """Replace the token called NAME by a new one that may do the same, and show it, this once."""
    made = with_ledger(settings, lambda ledger: rotate_token(ledger, name, Caller(actor()), grace=grace))
    _show_made(made, as_json)


@tokens.command(epilog=examples("tokens revoke door", "tokens revoke door --yes"))
@click.argument("name")
@with_yes
@placed
def revoke(*, settings: Settings, name: str, yes: bool) -> None:
    """Make the token called NAME, and any it replaced, count no more."""
    find_token(with_ledger(settings, lambda ledger: ledger.store.tokens()), name, time.time())
    confirm(f"Revoke the token {name} for good?", yes=yes)
    with_ledger(settings, lambda ledger: revoke_token(ledger, name, Caller(actor())))
    click.echo(f"{name} is revoked.")


def _show_made(made: MadeToken, as_json: bool) -> None:  # noqa: FBT001 - the option
    if as_json:
        show_json({"token": made.text, **_members(made.token, made.token.created_at)})
        return
    click.echo(made.text)
    click.echo("Shown this once: keep it where only you can read it.", err=True)


def _state(token: Token, now: float) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if not token.counts(now):
        return "expired"
    return "active" if token.replaced_at is None else "replaced"


def _members(token: Token, now: float) -> dict[str, object]:
    return {
        "name": token.name,
        "state": _state(token, now),
        "scopes": sorted(token.scopes),
        "keys": None if token.keys is None else sorted(token.keys),
        "rate_limit": token.rate_limit,
        "created_at": instant(token.created_at),
        "expires_at": instant(token.expires_at),
        "last_used_at": instant(token.last_used_at),
        "replaced_at": instant(token.replaced_at),
        "revoked_at": instant(token.revoked_at),
    }


COMMANDS = {"tokens": tokens}

"""`watchword edit`: an account of the vault changed."""

from __future__ import annotations

from typing import Any

import click
from msgspec.structs import replace

from watchword_otp import Key, Secret
from watchword_tui.commands.asking import ask
from watchword_tui.commands.changing import require_own, save
from watchword_tui.commands.common import EXITS, common_options, say, settings_of
from watchword_tui.commands.completion import complete_account
from watchword_tui.commands.fields import Fields, field_options, read_key, read_secret, refuse_secrets
from watchword_tui.commands.opening import known_accounts
from watchword_tui.errors import WatchwordError


@click.command(epilog=EXITS)
@click.argument("account", shell_complete=complete_account)
@click.argument("refused", nargs=-1, metavar="", expose_value=False, callback=refuse_secrets)
@field_options
@click.option("--no-groups", is_flag=True, help="Take it out of all groups.")
@common_options
@click.pass_context
def edit(
    ctx: click.Context,
    /,
    account: str,
    *,
    no_groups: bool,
    **fields: Any,  # noqa: ANN401 - as Fields has them
) -> None:
    """Change ACCOUNT in the vault; without options it asks for issuer, name and note.

    Groups that are given take the place of those it is in.

    \b
    Examples:
      watchword edit github                         asks
      watchword edit github --name bob --favourite
      watchword edit vpn --group Work --group Home
      watchword edit vpn --secret -                 another secret, typed unseen
    """  # noqa: D301 - \b is click's own mark
    given = Fields(**fields)
    if given.secret and given.uri:
        raise WatchwordError("the key comes from one place", "use --secret or --uri")
    known = known_accounts(settings_of(ctx))
    before = known.find(account)
    keeper = require_own(known, before)
    if not given.given and not no_groups:
        given = _asked(given, before.key, before.note)
    base = before
    if given.uri or given.secret:
        found = read_key() if given.uri else read_secret()
        base = replace(base, key=_with(before.key, found))
    if no_groups:
        base = replace(base, groups=())
    changed = given.account(base)
    save(keeper, "Edit", lambda document: document.with_changed([changed]))
    say(f"changed {changed.key.title}" if changed != before else "nothing was changed")


def _asked(given: Fields, key: Key, note: str) -> Fields:
    answers = {
        "issuer": ask("Issuer", key.issuer),
        "name": ask("Name", key.name),
        "note": ask("Note", note) if "\n" not in note else note,
    }
    return replace(given, **answers)


def _with(key: Key, found: Secret | Key) -> Key:
    """The key with another secret; a URI brings its parameters, and the labels stay."""
    if isinstance(found, Key):
        return replace(found, issuer=key.issuer, name=key.name)
    return replace(key, secret=found)


COMMANDS = {"edit": edit}

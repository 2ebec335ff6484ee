"""`watchword list` and `watchword remove`: what accounts there are, and one fewer."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from watchword_otp import Kind
from watchword_tui.accounts import matching_accounts
from watchword_tui.commands.asking import confirm
from watchword_tui.commands.changing import require_own, save
from watchword_tui.commands.common import (
    EXITS,
    common_options,
    count_words,
    json_option,
    say,
    settings_of,
    yes_option,
)
from watchword_tui.commands.completion import complete_account, complete_group
from watchword_tui.commands.opening import known_accounts
from watchword_tui.commands.tables import columns
from watchword_tui.errors import AccountsError
from watchword_tui.settings import usage_path
from watchword_tui.usage import UsageBook

if TYPE_CHECKING:
    from watchword_tui.accounts import Account
    from watchword_tui.commands.opening import Known
    from watchword_tui.vault.rows import Row


@click.command("list", epilog=EXITS)
@click.argument("query", required=False, shell_complete=complete_account)
@click.option("--group", metavar="NAME", shell_complete=complete_group, help="Only those in this group.")
@json_option("One JSON object a line, with note, parameters and uses; never a secret.")
@common_options
@click.pass_context
def list_accounts(ctx: click.Context, /, query: str | None, *, group: str | None, as_json: bool) -> None:
    """List the accounts, or those that QUERY fits: issuer, name, kind, groups, ★ for favourites.

    No code and no secret is shown. What stands in the vault and cannot be used is named with the
    reason.

    \b
    Examples:
      watchword list
      watchword list alice --group Work
      watchword list --json | jq -r .issuer
    """  # noqa: D301 - \b is click's own mark
    known = known_accounts(settings_of(ctx))
    found = matching_accounts(known.accounts, query) if query else list(known.accounts)
    found = [account for account in found if group is None or _in_group(account, group)]
    uses = UsageBook(usage_path())
    if as_json:
        for account in found:
            click.echo(_json(account, uses))
    else:
        _print(found)
    for row in known.quarantined:
        say(f"{row.title} cannot be used and is kept as it is: {row.reason}")
    if not found and (query or group):
        raise AccountsError("no account fits", "watchword list shows all")


@click.command(epilog=EXITS)
@click.argument("account", shell_complete=complete_account)
@yes_option
@common_options
@click.pass_context
def remove(ctx: click.Context, /, account: str, *, yes: bool) -> None:
    """Take ACCOUNT out of the vault, after a question.

    Its secret is gone with it: have another way to log in there first. The vault as it was before
    stays as a backup.

    \b
    Examples:
      watchword remove "GitHub (alice)"
      watchword vault restore 1             takes the last change back
    """  # noqa: D301 - \b is click's own mark
    known = known_accounts(settings_of(ctx))
    row = _quarantined(known, account)
    if row is None:
        found = known.find(account)
        keeper, identity, title = require_own(known, found), found.id, found.key.title
    else:
        assert known.keeper is not None  # noqa: S101 - the row is in it
        keeper, identity, title = known.keeper, row.id, row.title
    confirm(f"Remove {title}? Without its key you may not get in there any more.", yes=yes)
    save(keeper, "Remove", lambda document: document.without([identity]))
    say(f"removed {title}; watchword vault restore 1 takes it back, if nothing else is changed")


def _quarantined(known: Known, query: str) -> Row | None:
    """The one row that cannot be used and that `query` names, where no account does."""
    if matching_accounts(known.accounts, query):
        return None
    wanted = query.casefold()
    found = [row for row in known.quarantined if wanted in row.title.casefold()]
    return found[0] if len(found) == 1 else None


def _in_group(account: Account, name: str) -> bool:
    return name.casefold() in (group.casefold() for group in account.groups)


def _print(accounts: list[Account]) -> None:
    rows = [
        (
            "★" if account.favourite else "",
            account.key.issuer,
            account.key.name,
            _kind_words(account),
            ", ".join(account.groups),
        )
        for account in accounts
    ]
    if not sys.stdout.isatty():
        # For programs: no padding, and always as many fields.
        for row in rows:
            click.echo("\t".join(row))
        return
    head, width = ("", "ISSUER", "NAME", "KIND", "GROUPS"), shutil.get_terminal_size().columns
    for line in columns(head, rows, labels=("ISSUER", "NAME", "GROUPS"), width=width):
        click.echo(line)
    say(count_words(len(accounts), "account"))


def _kind_words(account: Account) -> str:
    key = account.key
    if key.kind is Kind.HOTP:
        return f"HOTP, counter {key.counter}"
    return "Steam" if key.kind is Kind.STEAM else "TOTP"


def _json(account: Account, uses: UsageBook) -> str:
    key = account.key
    use = uses.use_of(account.id)
    fields: dict[str, object] = {
        "id": account.id,
        "issuer": key.issuer,
        "name": key.name,
        "kind": str(key.kind),
        "algorithm": str(key.algorithm),
        "digits": key.digits,
    }
    if key.kind is Kind.HOTP:
        fields["counter"] = key.counter
    else:
        fields["period"] = key.period
    fields |= {
        "groups": account.groups,
        "favourite": account.favourite,
        "note": account.note,
        "notices": account.notices,
        "source": account.source,
        "uses": use.count,
        "last_used": use.last or None,
    }
    return json.dumps(fields, ensure_ascii=False)


COMMANDS = {"list": list_accounts, "remove": remove}

"""`watchword code`: live codes as plain lines."""

from __future__ import annotations

import json
import math
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from watchword_otp import Kind
from watchword_otp.value import Value
from watchword_tui.accounts import Account, LiveCode, live_code
from watchword_tui.commands.common import EXITS, common_options, hint, json_option, settings_of
from watchword_tui.commands.completion import complete_account
from watchword_tui.commands.opening import Known, known_accounts
from watchword_tui.errors import AccountsError, WatchwordError
from watchword_tui.settings import usage_path
from watchword_tui.usage import UsageBook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword_tui.settings import Settings

_LONGEST_WAIT = 1.0
"""Seconds between looks at the clock."""


@click.command(epilog=EXITS)
@click.argument("account", required=False, shell_complete=complete_account)
@click.option("--follow", is_flag=True, help="Go on: print each new code when it begins.")
@click.option("--next", "following", is_flag=True, help="The code after the live one.")
@json_option("One JSON object a line, with expires_at.")
@common_options
@click.pass_context
def code(
    ctx: click.Context, /, account: str | None, *, follow: bool, following: bool, as_json: bool
) -> None:
    """Print the live code of ACCOUNT, or of all accounts.

    ACCOUNT is any part of the issuer or name. For one account only the code is printed; for
    several, a line each: code, seconds left, account.

    A code that is counted (HOTP) is printed for one account of the vault at a time: its counter is
    moved on first, so no code comes twice.

    \b
    Examples:
      watchword code github
      watchword code github --next          when this one is about to end
      watchword code --follow               log each new code
      watchword code --json | jq -r .code
    """  # noqa: D301 - \b is click's own mark
    if following and (follow or as_json):
        raise WatchwordError(
            "--next prints one code", "--json has next_code, --follow prints it in time"
        )
    show = Codes(follow=follow, as_json=as_json, following=following, clock=time.time, wait=time.sleep)
    show.print(settings_of(ctx), account)


class Codes(Value, frozen=True):
    """Prints live codes.

    Attributes:
        follow: Go on for ever: print each new code when its step begins.
        as_json: One JSON object a line instead of words.
        following: The code after the live one instead of it.
        clock: Gives Unix seconds.
        wait: Waits for that many seconds.
    """

    follow: bool
    as_json: bool
    clock: Callable[[], float]
    wait: Callable[[float], None]
    following: bool = False

    def print(self, settings: Settings, query: str | None) -> None:
        """Print the code of the account that `query` names, or of all.

        Raises:
            AccountsError: There is no account, none fits, or several do.
            VaultError: The vault cannot be opened, or a counter cannot be saved.
        """
        known = known_accounts(settings)
        if query or len(known.accounts) <= 1:
            account = known.find(query)
            if self.following and account.id and account.key.kind is Kind.HOTP:
                raise AccountsError(
                    f"{account.key.title} counts its codes", "its next code comes after this one is used"
                )
            self._print_one(self._used(account, known))
            return
        shown = []
        for account in known.accounts:
            if account.id and account.key.kind is Kind.HOTP:
                hint(f"{account.key.title} counts its codes: name it to use its next one")
            else:
                shown.append(account)
        if self.follow:
            self._follow(shown)
        else:
            self._print_all(shown)

    def _used(self, account: Account, known: Known) -> Account:
        """Count the use; a counter in the vault is saved before its code is shown."""
        if not account.id or known.keeper is None:
            if account.key.kind is Kind.HOTP:
                hint(
                    f"{account.source} is not written to: this code comes again;"
                    " in the vault each comes once"
                )
            return account
        if account.key.kind is Kind.HOTP:
            from watchword_tui.commands.changing import use_counter  # noqa: PLC0415 - few are HOTP

            account = use_counter(known.keeper, account)
        UsageBook(usage_path()).note(account.id, self.clock())
        return account

    def _print_one(self, account: Account) -> None:
        if self.follow:
            self._follow((account,))
            return
        live = live_code(account.key, self.clock())
        if self.as_json:
            click.echo(_json(account, live))
        else:
            click.echo(live.next_code if self.following else live.code)

    def _print_all(self, accounts: Sequence[Account]) -> None:
        now = self.clock()
        for account in accounts:
            live = live_code(account.key, now)
            if self.as_json:
                click.echo(_json(account, live))
            else:
                left = "-" if live.seconds_left is None else str(math.ceil(live.seconds_left))
                shown = live.next_code if self.following else live.code
                click.echo(f"{shown}\t{left}\t{account.key.title}")

    def _follow(self, accounts: Sequence[Account]) -> None:
        shown: dict[Account, int] = {}
        while True:
            now = self.clock()
            waits = []
            for account in accounts:
                live = live_code(account.key, now)
                if live.seconds_left is not None:
                    waits.append(live.seconds_left)
                if shown.get(account) == live.moving_factor:
                    continue
                shown[account] = live.moving_factor
                if self.as_json:
                    click.echo(_json(account, live))
                else:
                    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                    click.echo(f"{stamp} {live.code} {account.key.title}")
            sys.stdout.flush()
            if not waits:
                return
            # A little past the edge: waiting may end early by the clock's grain. And never long: it
            # knows nothing of a machine that slept or a clock that was set.
            self.wait(min(*waits, _LONGEST_WAIT) + 0.01)


def _json(account: Account, live: LiveCode) -> str:
    fields: dict[str, object] = {
        "issuer": account.key.issuer,
        "name": account.key.name,
        "kind": str(account.key.kind),
        "code": live.code,
    }
    counted = account.key.kind is Kind.HOTP
    if not (counted and account.id):
        # Of a counter in the vault the next code is not told: it would come again when its turn is.
        fields["next_code"] = live.next_code
    if counted:
        fields["counter"] = live.moving_factor
    else:
        fields |= {"step": live.moving_factor, "expires_at": live.expires_at}
    return json.dumps(fields, ensure_ascii=False)


COMMANDS = {"code": code}

"""`watchword code`: live codes as plain lines."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from watchword_otp import Kind
from watchword_tui.accounts import Account, LiveCode, find_account, live_code
from watchword_tui.command_accounts import usable_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword_tui.settings import Settings

_LONGEST_WAIT = 1.0
"""Seconds between looks at the clock."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Prints live codes.

    Attributes:
        follow: Go on for ever: print each new code when its step begins.
        as_json: One JSON object a line instead of words.
        clock: Gives Unix seconds.
        wait: Waits for that many seconds.
    """

    follow: bool
    as_json: bool
    clock: Callable[[], float]
    wait: Callable[[float], None]

    def print(self, settings: Settings, query: str | None) -> None:
        """Print the code of the account that `query` names, or of all.

        Raises:
            AccountsError: There is no account, none fits, or several do.
        """
        accounts = usable_accounts(settings)
        single = bool(query) or len(accounts) <= 1
        if single:
            accounts = (find_account(accounts, query),)
        if self.follow:
            self._follow(accounts)
            return
        now = self.clock()
        for account in accounts:
            live = live_code(account.key, now)
            if self.as_json:
                click.echo(_json(account, live))
            elif single:
                click.echo(live.code)
            else:
                left = "-" if live.seconds_left is None else str(math.ceil(live.seconds_left))
                click.echo(f"{live.code}\t{left}\t{account.key.title}")

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
        "next_code": live.next_code,
    }
    if account.key.kind is Kind.HOTP:
        fields["counter"] = live.moving_factor
    else:
        fields |= {"step": live.moving_factor, "expires_at": live.expires_at}
    return json.dumps(fields, ensure_ascii=False)

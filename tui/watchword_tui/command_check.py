"""`watchword check`: one code, judged by the server."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click

from watchword_tui.client import ValidatorClient
from watchword_tui.errors import Exit, WatchwordError
from watchword_tui.wording import verdict_of

if TYPE_CHECKING:
    from watchword_tui.answers import Checked
    from watchword_tui.settings import ServerProfile, Settings

_MAX_CODE_LINE = 64


def check_code(settings: Settings, code: str, key: str | None, *, as_json: bool) -> Exit:
    """Have the profile's server judge `code` ("-": from standard input) and print its verdict.

    Raises:
        ServerError: There is no verdict.
    """
    if code == "-":
        code = sys.stdin.readline(_MAX_CODE_LINE).strip()
    if not code:
        raise WatchwordError("there is no code to check", "type one, or pipe it in with: check -")
    profile = settings.profile
    checked = asyncio.run(_check(profile, key or profile.key, code))
    if as_json:
        click.echo(_json(checked))
    else:
        verdict = verdict_of(checked)
        click.echo(f"{verdict.title.lower()}: {verdict.detail}")
    if checked.contact.clock_is_off:
        offset = checked.contact.clock_offset or 0.0
        click.echo(
            f"watchword: this machine's clock is {abs(offset):.0f} s {'fast' if offset > 0 else 'slow'}"
            f" by {profile.name}'s; set it, or codes will be refused",
            err=True,
        )
    return Exit.OK if checked.answer.valid else Exit.NOT_VALID


async def _check(profile: ServerProfile, key: str, code: str) -> Checked:
    async with ValidatorClient(profile) as client:
        return await client.check(key, code)


def _json(checked: Checked) -> str:
    answer = checked.answer
    fields: dict[str, object] = {"valid": answer.valid}
    for name in ("reason", "offset", "attempts_left", "used_ago", "locked_for"):
        if (value := getattr(answer, name)) is not None:
            fields[name] = value
    fields["round_trip_ms"] = round(checked.contact.round_trip * 1000, 1)
    return json.dumps(fields)

"""`watchword check`: one code, judged by the server."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click

from watchword_tui.commands.common import EXITS, common_options, json_option, say, settings_of
from watchword_tui.errors import Exit, WatchwordError
from watchword_tui.wording import clock_words, verdict_of

if TYPE_CHECKING:
    from watchword_tui.answers import Checked
    from watchword_tui.settings import ServerProfile, Settings

_MAX_CODE_LINE = 64


@click.command(epilog=EXITS)
@click.argument("code", metavar="CODE|-")
@click.option("--key", metavar="NAME", help="The key on the server; its profile names one else.")
@json_option("One JSON object instead of words.")
@common_options
@click.pass_context
def check(ctx: click.Context, /, code: str, key: str | None, *, as_json: bool) -> None:
    """Have the server judge CODE; with - it is read from standard input.

    An accepted code is used up: the server takes each code once.

    \b
    Examples:
      watchword check 492039
      watchword code github | watchword check -
      watchword check - --server prod --json
    """  # noqa: D301 - \b is click's own mark
    ctx.exit(check_code(settings_of(ctx), code, key, as_json=as_json))


def check_code(settings: Settings, code: str, key: str | None, *, as_json: bool) -> Exit:
    """Have the profile's server judge `code` ("-": from standard input) and print its verdict.

    Raises:
        ServerError: There is no verdict.
        WatchwordError: There is no code.
    """
    # Screens and people put spaces between the groups of a code.
    code = "".join((_first_line() if code == "-" else code).split())
    if not code:
        raise WatchwordError("there is no code to check", "type one, or pipe it in with: check -")
    if not code.isascii() or not code.isprintable():
        raise WatchwordError("this is no code", "codes are digits, and for Steam letters too")
    profile = settings.profile
    checked = asyncio.run(_check(profile, key or profile.key, code))
    if as_json:
        click.echo(_json(checked))
    else:
        verdict = verdict_of(checked)
        click.echo(f"{verdict.title.lower()}: {verdict.detail}")
    if checked.contact.clock_is_off:
        words = clock_words(checked.contact)
        say(f"{words} by {profile.name}'s; set it, or codes will fail")
    return Exit.OK if checked.answer.valid else Exit.NOT_VALID


def _first_line() -> str:
    if sys.stdin is None:
        return ""
    if sys.stdin.isatty():
        click.echo("Code: ", nl=False, err=True)
    return sys.stdin.buffer.readline(_MAX_CODE_LINE).decode("utf-8", "replace")


async def _check(profile: ServerProfile, key: str, code: str) -> Checked:
    from watchword_tui.client import ValidatorClient  # noqa: PLC0415 - slow to load, and not for --help

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


COMMANDS = {"check": check}

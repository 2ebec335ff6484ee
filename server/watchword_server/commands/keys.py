"""`watchword-server keys`: look at keys and look after them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, format_uri
from watchword_otp.key import STEAM_DIGITS
from watchword_server.audit import Caller
from watchword_server.commands.common import (
    PROGRAM,
    as_json,
    confirm,
    examples,
    found_wrong,
    placed,
    require_name,
    with_yes,
)
from watchword_server.commands.drawing import draw
from watchword_server.commands.keyviews import COLUMNS, key_members, key_row
from watchword_server.commands.opened import actor, read_ledger, with_ledger
from watchword_server.commands.shown import count, instant, moment, show_json, show_members, show_table
from watchword_server.enrolment import MadeKey, create_key, make_link, rotate_key
from watchword_server.errors import UserError
from watchword_server.keyadmin import (
    delete_key,
    every_key,
    examine_code,
    find_key,
    resync_key,
    unlock_key,
)
from watchword_server.keypolicy import USUAL_DIGITS, new_secret
from watchword_server.labels import with_labels
from watchword_server.newkeys import NewKey
from watchword_server.origins import is_origin
from watchword_server.presence import find_server
from watchword_server.recovery import replace_recovery_codes
from watchword_server.sockets import UNIX_URL
from watchword_server.store.records import Status
from watchword_server.verifier import MAX_WINDOW, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_server.ledger import Ledger
    from watchword_server.settings import Settings
    from watchword_server.store.records import StoredKey
    from watchword_server.verifier import Decision

_uri = click.option("--uri", is_flag=True, help="Only the otpauth:// URI.")
_dash = click.argument("source", metavar="[-]", required=False, type=click.Choice(["-"]))


@click.group()
def keys() -> None:
    """Make keys, show them and look after them."""


@keys.command("list", epilog=examples("keys list", "keys list --json"))
@as_json
@placed
def list_(*, settings: Settings, as_json: bool) -> None:
    """List all keys in use or waiting for their first code; never a secret."""
    found = read_ledger(settings, _all_keys)
    if as_json:
        show_json([key_members(stored) for stored in found])
    else:
        show_table(COLUMNS, map(key_row, found))


@keys.command(epilog=examples("keys show default", "keys show alice --json"))
@click.argument("name")
@as_json
@placed
def show(*, settings: Settings, name: str, as_json: bool) -> None:
    """Show what is known of the key called NAME, and of its successor if one waits; never the secret."""
    found = read_ledger(settings, lambda ledger: find_key(ledger, name))
    if as_json:
        show_json([key_members(stored) for stored in found])
        return
    for number, stored in enumerate(found):
        if number:
            click.echo()
        show_members((name, _shown(value)) for name, value in key_members(stored).items())


@keys.command(
    epilog=examples(
        "keys create alice --issuer Example --account alice@example.com",
        "keys create door --kind hotp --window 10 --uri",
    )
)
@click.argument("name")
@click.option("--issuer", default="", help="What authenticators show. [default: the server's issuer]")
@click.option("--account", default="", help="Whose it is, as authenticators show it. [default: NAME]")
@click.option(
    "--kind",
    type=click.Choice([each.value for each in Kind]),
    default=Kind.TOTP.value,
    help="[default: totp]",
)
@click.option(
    "--algorithm",
    type=click.Choice([each.value for each in Algorithm]),
    default=Algorithm.SHA1.value,
    help="[default: SHA1]",
)
@click.option("--digits", type=int, default=USUAL_DIGITS, help="[default: 6]")
@click.option("--period", type=int, default=30, help="Seconds. [default: 30]")
@click.option(
    "--window", type=click.IntRange(0, MAX_WINDOW), help="Steps either side, or counters ahead."
)
@_uri
@as_json
@placed
def create(  # noqa: PLR0913 - options
    *,
    settings: Settings,
    name: str,
    issuer: str,
    account: str,
    kind: str,
    algorithm: str,
    digits: int,
    period: int,
    window: int | None,
    uri: bool,
    as_json: bool,
) -> None:
    """Make a key called NAME and show it, this once, as a QR code.

    It is in use from its first code on: through an enrolment link, or POST /v1/keys/NAME/confirm.
    """
    require_name(name, "a key")
    try:
        key = Key(
            secret=new_secret(Algorithm(algorithm)),
            kind=Kind(kind),
            algorithm=Algorithm(algorithm),
            digits=STEAM_DIGITS if kind == Kind.STEAM else digits,
            period=period,
            issuer=issuer,
            name=account,
        )
        new = NewKey(name=name, key=key, issuer=issuer, account=account, window=window)
        made = with_ledger(settings, lambda ledger: create_key(ledger, new, Caller(actor())))
    except InvalidKeyError as error:
        raise UserError(f"{error}; choose another") from None
    _show_made(settings, made, uri=uri, as_json=as_json)


@keys.command(epilog=examples("keys rotate alice", "keys rotate alice --uri"))
@click.argument("name")
@_uri
@as_json
@placed
def rotate(*, settings: Settings, name: str, uri: bool, as_json: bool) -> None:
    """Make a successor of the key called NAME, which works on until the new one's first code."""
    first, *_ = with_ledger(settings, lambda ledger: find_key(ledger, name))
    if first.status is Status.PENDING:
        message = (
            f"{name} still waits for its first code: hand it out with {PROGRAM} keys link {name},"
            " or delete it and create it anew"
        )
        raise UserError(message)
    made = with_ledger(settings, lambda ledger: rotate_key(ledger, name, Caller(actor())))
    _show_made(settings, made, uri=uri, as_json=as_json)


@keys.command(epilog=examples("keys delete alice", "keys delete alice --yes"))
@click.argument("name")
@with_yes
@placed
def delete(*, settings: Settings, name: str, yes: bool) -> None:
    """Delete the key called NAME for good, with its successor and its recovery codes."""
    with_ledger(settings, lambda ledger: find_key(ledger, name))
    confirm(f"Delete the key {name} for good? Its owner's codes will not be accepted again.", yes=yes)
    with_ledger(settings, lambda ledger: delete_key(ledger, name, Caller(actor())))
    click.echo(f"{name} is deleted.")


@keys.command(epilog=examples("keys unlock default"))
@click.argument("name")
@placed
def unlock(*, settings: Settings, name: str) -> None:
    """Forget the failures of the key called NAME, which may be locked or disabled.

    Codes that were used stay used.
    """
    found = with_ledger(settings, lambda ledger: unlock_key(ledger, name, Caller(actor())))
    failures = found.state.failures
    click.echo(f"{name}: {failures} failures forgotten." if failures else f"{name} had no failures.")


@keys.command(epilog=examples("keys resync alice", "keys resync alice - < two-codes.txt"))
@click.argument("name")
@_dash
@as_json
@placed
def resync(*, settings: Settings, name: str, source: str | None, as_json: bool) -> None:
    """Find the clock or counter of the key called NAME by two codes that follow each other.

    Both are used up. They are asked for, or with - read from standard input, one a line.
    """
    first, second = _codes(source, "First code", "The one after it")
    decision = with_ledger(
        settings, lambda ledger: resync_key(ledger, name, first, second, Caller(actor()))
    )
    is_found = decision.verdict is Verdict.ACCEPTED
    if as_json:
        show_json(
            {
                "verdict": decision.verdict,
                "offset": decision.offset,
                "locked_for": decision.locked_for,
                "attempts_left": decision.attempts_left,
            }
        )
    elif is_found:
        click.echo(f"{name}: found, {decision.offset:+d} steps from the server's time or counter.")
    else:
        click.echo(f"{name}: {_why_not_found(name, decision)}")
    if not is_found:
        found_wrong()


@keys.command(epilog=examples("keys diagnose alice", "keys diagnose alice - < code.txt"))
@click.argument("name")
@_dash
@as_json
@placed
def diagnose(*, settings: Settings, name: str, source: str | None, as_json: bool) -> None:
    """Say why a code of the key called NAME is not accepted. It accepts nothing and costs an attempt.

    The code is asked for, or with - read from standard input. Exit status 1: a check would refuse it.
    """
    (code,) = _codes(source, "Code")
    found = with_ledger(
        settings,
        lambda ledger: examine_code(ledger, name, code, Caller(actor()), window=settings.window),
    )
    members: dict[str, object] = {
        "verdict": found.verdict,
        "offset": found.decision.offset,
        "used_ago": found.decision.used_ago,
        "locked_for": found.decision.locked_for,
        "diagnosis": None if found.diagnosis is None else found.diagnosis.text,
        "attempts_left": 0 if found.decision.locked_for else found.state.attempts_left,
    }
    if as_json:
        show_json(members)
    else:
        if found.verdict is Verdict.ACCEPTED:
            members["verdict"] = "would have been accepted"
        show_members((name, _shown(value)) for name, value in members.items() if value is not None)
    if found.verdict is not Verdict.ACCEPTED:
        found_wrong()


@keys.command("recovery-codes", epilog=examples("keys recovery-codes alice"))
@click.argument("name")
@with_yes
@as_json
@placed
def recovery_codes(*, settings: Settings, name: str, yes: bool, as_json: bool) -> None:
    """Give the key called NAME ten new recovery codes and show them, this once; older ones are void."""
    with_ledger(settings, lambda ledger: find_key(ledger, name))
    confirm(f"Make new recovery codes for {name}? Those it has will not be accepted any more.", yes=yes)
    fresh = with_ledger(settings, lambda ledger: replace_recovery_codes(ledger, name, Caller(actor())))
    if as_json:
        show_json({"recovery_codes": fresh.codes})
        return
    for code in fresh.codes:
        click.echo(code)
    click.echo("Shown this once: hand them over, and keep no copy.", err=True)


@keys.command(
    epilog=examples("keys link alice", "keys link alice --public-url https://codes.example.net")
)
@click.argument("name")
@click.option(
    "--public-url", metavar="URL", help="How people reach the server. [default: as the server says]"
)
@as_json
@placed
def link(*, settings: Settings, name: str, public_url: str | None, as_json: bool) -> None:
    """Make a link to a page on which the owner of the key NAME can enrol; it opens once, for 10 minutes.

    It begins with the setting public_url, or with where the running server listens.
    """
    with_ledger(settings, lambda ledger: find_key(ledger, name))
    base = _base_of_links(settings, public_url)
    made = with_ledger(settings, lambda ledger: make_link(ledger, name, Caller(actor())))
    url = f"{base}/enrol/{made.ticket}"
    if as_json:
        show_json({"url": url, "expires_at": instant(made.expires_at)})
        return
    click.echo(url)
    click.echo(f"Good for one confirmation, until {moment(made.expires_at)}.", err=True)


def _base_of_links(settings: Settings, public_url: str | None) -> str:
    if public_url is not None:
        base = public_url.rstrip("/")
        if not is_origin(base):
            message = "--public-url must be an address such as https://codes.example.net, without a path"
            raise UserError(message)
        return base
    server = find_server(settings.data_path)
    if server is not None and server.public_url is not None:
        return server.public_url
    if settings.public_url is not None:
        return settings.public_url
    if server is not None and not server.url.startswith(UNIX_URL):
        return server.url
    which = "no server runs here" if server is None else "the server listens on a Unix socket"
    message = f"{which}: say how people reach it, as in --public-url https://codes.example.net"
    raise UserError(message)


def _why_not_found(name: str, decision: Decision) -> str:
    match decision.verdict:
        case Verdict.LOCKED:
            return f"locked for {decision.locked_for} s; wait, or run: {PROGRAM} keys unlock {name}"
        case Verdict.DISABLED:
            return f"disabled after too many wrong codes; run: {PROGRAM} keys unlock {name}"
        case Verdict.MALFORMED:
            return "one of these could be no code of this key; send both with all their digits"
        case Verdict.REPLAYED:
            return "these codes were used, or are older than one that was; wait for two new ones"
        case _:
            waits = f"; locked for {decision.locked_for} s" if decision.locked_for else ""
            return f"not found: no two that follow each other{waits}; see that it is the right key"


async def _all_keys(ledger: Ledger) -> list[StoredKey]:
    return [stored async for stored in every_key(ledger.store)]


def _show_made(settings: Settings, made: MadeKey, *, uri: bool, as_json: bool) -> None:
    key = with_labels(made.key, made.stored, settings.issuer)
    text = format_uri(key)
    if as_json:
        show_json({**key_members(made.stored), "secret": key.secret.base32(), "uri": text})
        return
    if uri:
        click.echo(text)
        return
    # Words first: below the drawing they would push the top of one as high as the terminal out of sight.
    for warning in key.warnings():
        click.echo(f"warning: {warning}", err=True)
    base32 = key.secret.base32()
    click.echo(" ".join(base32[start : start + 4] for start in range(0, len(base32), 4)))
    name = made.stored.name
    until = moment(made.stored.expires_at)
    click.echo(f"Shown this once. {name} is in use from its first code on, to be sent until {until}:")
    click.echo(f"  {PROGRAM} keys link {name}")
    draw(key, name)


def _codes(source: str | None, *questions: str) -> list[str]:
    """As many codes as there are questions: never from the command line, which others can see."""
    if source == "-":
        given = sys.stdin.read(1000).split("\n")
        if len([line for line in given if line]) != len(questions):
            message = f"standard input must hold {count(len(questions), 'code')}, one a line"
            raise UserError(message)
        return [line for line in given if line]
    if not sys.stdin.isatty():
        message = "there is no terminal to ask for the code; send it on standard input and add -"
        raise UserError(message)
    ask: Callable[..., str] = click.prompt
    return [ask(question, hide_input=True, err=True) for question in questions]


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


COMMANDS = {"keys": keys}

"""`watchword qr`: a key as a QR code, on the terminal or in a file."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from watchword_otp.key_qr import KeyQr, make_key_qr
from watchword_otp.qr import Drawing, QrCode
from watchword_otp.value import Value
from watchword_tui.accounts import grouped
from watchword_tui.commands.common import EXITS, FILE, common_options, json_option, say, settings_of
from watchword_tui.commands.completion import complete_account
from watchword_tui.commands.opening import known_accounts
from watchword_tui.errors import TerminalError, WatchwordError
from watchword_tui.exchange.files import write_new

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_otp import Key
    from watchword_tui.settings import ServerProfile, Settings


class QrRequest(Value, frozen=True):
    """What to draw, and how."""

    account: str | None
    from_server: bool
    drawing: str
    invert: bool
    output: Path | None
    as_json: bool


@click.command(epilog=EXITS)
@click.argument("account", required=False, shell_complete=complete_account)
@click.option("--from-server", is_flag=True, help="The server's default key, not an account here.")
@click.option(
    "--drawing", type=click.Choice(["half", "space", "ascii"]), default="half", show_default=True,
    help="half blocks; spaces, for fonts without them; ASCII, without colours.",
)  # fmt: skip
@click.option("--invert", is_flag=True, help="Swap light and dark.")
@click.option(
    "--output", type=FILE, metavar="FILE", help="Write an .svg or .png file (0600) instead of drawing."
)
@json_option("One JSON object: URI and modules.")
@common_options
@click.pass_context
def qr(ctx: click.Context, /, **request: Any) -> None:  # noqa: ANN401 - as QrRequest has them
    """Draw ACCOUNT's key as a QR code for a phone to scan.

    The QR code holds the secret: whoever sees it can make the codes.

    \b
    Examples:
      watchword qr github
      watchword qr --from-server            enrol a phone against the server
      watchword qr github --output key.png
    """  # noqa: D301 - \b is click's own mark
    show_qr(settings_of(ctx), QrRequest(**request))


def show_qr(settings: Settings, request: QrRequest) -> None:
    """Draw the QR code that `request` asks for, or write it to its file.

    Raises:
        WatchwordError: There is no such account, the terminal is too small, the file cannot be made.
    """
    if request.from_server and request.account is not None:
        raise WatchwordError("--from-server draws the server's key, no account", "leave one of them out")
    if request.as_json and request.output is not None:
        raise WatchwordError("--json prints and --output writes a file", "leave one of them out")
    if request.from_server:
        key = asyncio.run(_fetch(settings.profile))
    else:
        key = known_accounts(settings).find(request.account).key
    qr = make_key_qr(key)
    if request.as_json:
        click.echo(_json(key, qr))
    elif request.output is not None:
        _write(request.output, qr.code)
        say(f"{request.output} holds the secret of {key.title}")
    else:
        _draw(key, qr.code, Drawing(request.drawing), invert=request.invert)


def draw(key: Key) -> None:
    """Say a key by hand, and draw it on standard output.

    Raises:
        TerminalError: The terminal is too small.
    """
    _draw(key, make_key_qr(key).code, Drawing.HALF, invert=False)


def _draw(key: Key, code: QrCode, drawing: Drawing, *, invert: bool) -> None:
    text = code.text(drawing, _quiet_zone(code, drawing), invert=invert)
    # Above the drawing: below it, it would push the top of one as high as the terminal out of sight.
    click.echo(f"{key.title}\nBy hand: {grouped(key.secret.base32())}", err=True)
    # The colours are the drawing: they stay in a pipe or file too.
    click.echo(text, nl=False, color=True)


async def _fetch(profile: ServerProfile) -> Key:
    from watchword_tui.client import ValidatorClient  # noqa: PLC0415 - slow to load, and seldom wanted

    async with ValidatorClient(profile) as client:
        return await client.enrolment_key()


def _quiet_zone(code: QrCode, drawing: Drawing) -> int:
    if not sys.stdout.isatty():
        return 4
    columns, rows = shutil.get_terminal_size()
    # One row stays for the prompt below.
    quiet_zone = code.best_quiet_zone(drawing, columns, rows - 1)
    if quiet_zone is not None:
        return quiet_zone
    if (quiet_zone := code.best_quiet_zone(drawing, columns, 10_000)) is not None:
        quiet_zone = min(quiet_zone, 2)
        needed = code.space(drawing, quiet_zone)[1] + 1
        say(
            f"the drawing has {needed} rows and the terminal {rows}: enlarge it, or write a file with"
            " --output key.png"
        )
        return quiet_zone
    width, height = code.space(drawing, 1)
    raise TerminalError(
        f"the QR code needs {width} columns and {height + 1} rows, the terminal has {columns} by {rows}",
        "enlarge it, or write a file with --output key.png",
    )


def _write(path: Path, code: QrCode) -> None:
    suffix = path.suffix.lower()
    if suffix not in {".svg", ".png"}:
        raise WatchwordError(f"cannot tell the format of {path}", "end its name in .svg or .png")
    write_new(path, code.png() if suffix == ".png" else code.svg().encode())


def _json(key: Key, qr: KeyQr) -> str:
    rows = ["".join("1" if dark else "0" for dark in row) for row in qr.code.modules]
    return json.dumps(
        {"issuer": key.issuer, "name": key.name, "uri": qr.uri, "modules": rows},
        ensure_ascii=False,
    )


COMMANDS = {"qr": qr}

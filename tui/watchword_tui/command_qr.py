"""`watchword qr`: a key as a QR code, on the terminal or in a file."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from watchword_otp import format_uri
from watchword_otp.qr import Drawing, QrCode, make_qr
from watchword_tui.accounts import find_account, grouped
from watchword_tui.client import ValidatorClient
from watchword_tui.command_accounts import usable_accounts
from watchword_tui.errors import TerminalError, WatchwordError

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_otp import Key
    from watchword_tui.settings import ServerProfile, Settings


@dataclass(frozen=True, slots=True)
class QrRequest:
    """What to draw, and how."""

    account: str | None
    from_server: bool
    drawing: str
    invert: bool
    output: Path | None
    as_json: bool


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
        key = find_account(usable_accounts(settings), request.account).key
    try:
        code = make_qr(format_uri(key))
    except ValueError:
        raise WatchwordError(f"the key of {key.title} is too long for a QR code") from None
    if request.as_json:
        click.echo(_json(key, code))
    elif request.output is not None:
        _write(request.output, code)
        click.echo(f"watchword: {request.output} holds the secret of {key.title}", err=True)
    else:
        drawing = Drawing(request.drawing)
        text = code.text(drawing, _quiet_zone(code, drawing), invert=request.invert)
        # The colours are the drawing: they stay in a pipe or file too.
        click.echo(text, nl=False, color=True)
        click.echo(f"{key.title}\nBy hand: {grouped(key.secret.base32())}", err=True)


async def _fetch(profile: ServerProfile) -> Key:
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
        return min(quiet_zone, 2)
    width, height = code.space(drawing, 1)
    raise TerminalError(
        f"the QR code needs {width} columns and {height + 1} rows, the terminal has {columns} by {rows}",
        "enlarge it, or write a file with --output key.png",
    )


def _write(path: Path, code: QrCode) -> None:
    suffix = path.suffix.lower()
    if suffix not in {".svg", ".png"}:
        raise WatchwordError(f"cannot tell the format of {path}", "end its name in .svg or .png")
    content = code.png() if suffix == ".png" else code.svg().encode()
    try:
        # O_EXCL: never through a link, never over a file; 0600 from the first byte.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise WatchwordError(f"{path} is there already", "name another file") from None
    except OSError as error:
        raise WatchwordError(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        path.unlink()
        raise WatchwordError(f"cannot write {path}: {error.strerror}") from None


def _json(key: Key, code: QrCode) -> str:
    rows = ["".join("1" if dark else "0" for dark in row) for row in code.modules]
    return json.dumps(
        {"issuer": key.issuer, "name": key.name, "uri": format_uri(key), "modules": rows},
        ensure_ascii=False,
    )

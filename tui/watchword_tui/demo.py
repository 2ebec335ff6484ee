"""`watchword demo`: the whole loop on real parts, with nothing left behind.

The server runs as its own process, as it would anywhere else: the two sides meet over HTTP only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import select
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from watchword_otp.value import Value
from watchword_tui.accounts import Account, Loaded, grouped, live_code
from watchword_tui.answers import Reason
from watchword_tui.client import ValidatorClient
from watchword_tui.commands.ending import orderly_end
from watchword_tui.errors import Exit, ServerError, TerminalError
from watchword_tui.preflight import prepare_terminal, require_terminal
from watchword_tui.session import Session
from watchword_tui.settings import ServerProfile, Settings
from watchword_tui.wording import verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from watchword_otp import Key

_SERVER = (sys.executable, "-m", "watchword_server")

_START_TIMEOUT = 30.0
"""Seconds a server may take to say that it listens."""

_STOP_TIMEOUT = 10.0
"""Seconds a server may take to stop before it is killed."""

_PROFILE = "demo"
_FOLDER_PREFIX = "watchword-demo-"
"""Followed by the process number, for a later demo to see whether its maker still runs."""
_GUIDE = (
    "Demo. Press v, then Enter: the code is accepted. Enter again: it is used up.\n"
    "Then Esc and e: enrol your phone."
)
_SCOPES = ("check", "check:detail", "qr", "keys:read", "keys:write")
_NEW_KEY = "alice"


class DemoServer(Value, frozen=True):
    """A running server with a throw-away database."""

    HIDDEN = frozenset({"token"})

    url: str
    key: str
    token: str
    pid: int


def run_demo(environ: MutableMapping[str, str]) -> int:
    """Run the demo in the app, or without a terminal as a list of steps; give the exit status.

    Raises:
        ServerError: The server did not start, or did not answer as it must.
    """
    try:
        require_terminal(environ)
    except TerminalError:
        interactive = False
    else:
        interactive = True
    with orderly_end(), _server(environ) as server:
        profile = ServerProfile(_PROFILE, server.url, server.key, server.token)
        if interactive:
            status = _show_app(profile, environ)
        else:
            status = Exit.OK
            asyncio.run(_steps(profile, server.pid))
    if interactive:
        click.echo("The demo's server has stopped; nothing is left behind.", err=True)
    else:
        _step("stop", "the server has stopped; nothing is left behind")
    return status


def _show_app(profile: ServerProfile, environ: MutableMapping[str, str]) -> int:
    key = asyncio.run(_enrol(profile))
    settings = Settings(profiles=(profile,), server=profile.name)
    loaded = Loaded((Account(key, profile.name, key.warnings()),), ())
    prepare_terminal(environ)
    from watchword_tui.app import run_app  # noqa: PLC0415 - the first import of Textual

    return run_app(Session(settings, loaded, guide=_GUIDE))


async def _enrol(profile: ServerProfile) -> Key:
    async with ValidatorClient(profile) as client:
        return await client.enrolment_key()


async def _steps(profile: ServerProfile, pid: int) -> None:
    _step("server", f"listening on {profile.url} (process {pid}) with a throw-away database")
    async with ValidatorClient(profile) as client:
        key = await client.enrolment_key()
        _step(
            "enrol",
            f"{key.title}: {key.secret.bits} bits, {key.algorithm}, {key.digits} digits, {key.period} s",
        )
        live = live_code(key, time.time())
        _step("code", f"{grouped(live.code)}, {math.ceil(live.seconds_left or 0)} s left")
        first = await client.check(profile.key, live.code)
        _step("check", f"{verdict_of(first).title.lower()}: {verdict_of(first).detail}")
        second = await client.check(profile.key, live.code)
        _step("again", f"{verdict_of(second).title.lower()}: {verdict_of(second).detail}")
        made = await client.create_key(_NEW_KEY, "", "")
        _step("phone", f"a new key, {made.key.title}: it waits for its first code")
        recovery = await client.confirm(_NEW_KEY, live_code(made.key, time.time()).code)
        _step("confirm", f"its first code puts it into use; {len(recovery)} recovery codes")
    if not first.answer.valid or second.answer.reason is not Reason.REPLAYED or not recovery:
        raise ServerError("the demo's server did not judge as it must", "please report this")


def _step(name: str, words: str) -> None:
    click.echo(f"{name:<7} {words}")


@contextlib.contextmanager
def _server(environ: MutableMapping[str, str]) -> Iterator[DemoServer]:
    """Start a server in a folder that is removed at the end, and stop it."""
    _remove_leftovers(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-") as folder:
        log, data = Path(folder) / "server.log", str(Path(folder) / "data")
        environment = _clean_environment(environ)
        with log.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [
                    *(*_SERVER, "serve", "--port", "0"),
                    *("--data-dir", data, "--json", "--stop-on-eof"),
                ],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                # Ctrl+C in this terminal is ours to handle, not the server's.
                start_new_session=True,
            )
        try:
            server = _started(process, log)
            yield replace(server, token=_full_token(data, environment))
        finally:
            _stop(process)


def _full_token(data: str, environment: dict[str, str]) -> str:
    """Make a token that may enrol: the first one, which the server gives itself, may not make keys."""
    scopes = [word for scope in _SCOPES for word in ("--scope", scope)]
    made = subprocess.run(  # noqa: S603 - our own interpreter and module
        [*_SERVER, "tokens", "create", _PROFILE, *scopes, "--data-dir", data, "--json"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    try:
        return str(json.loads(made.stdout)["token"])
    except (ValueError, KeyError, TypeError):
        said = made.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ServerError("the demo's server made no token", said) from None


def _remove_leftovers(folder: Path) -> None:
    """Remove the folders of demos that were killed before they could."""
    for path in folder.glob(f"{_FOLDER_PREFIX}*-*"):
        process = path.name.removeprefix(_FOLDER_PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            status = path.lstat()
            ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
            if ours and process.isdecimal() and not _is_running(int(process)):
                shutil.rmtree(path)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _started(process: subprocess.Popen[bytes], log: Path) -> DemoServer:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    ready, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT)
    line = process.stdout.readline() if ready else b""
    try:
        told = json.loads(line)
        return DemoServer(told["url"], told["key"], told["token"], process.pid)
    except (ValueError, KeyError, TypeError):
        said = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
        raise ServerError("the demo's server did not start", said) from None


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    # The end of its input tells the server to stop; it sees this even if we are killed.
    process.stdin.close()
    try:
        process.wait(_STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    process.stdout.close()


def _clean_environment(environ: MutableMapping[str, str]) -> dict[str, str]:
    """The environment without anybody's own Watchword: the demo touches none of it."""
    ours = {"TOTP_BASE32_SECRET", "BEARER"}
    return {
        name: value
        for name, value in environ.items()
        if name not in ours and not name.startswith("WATCHWORD")
    }

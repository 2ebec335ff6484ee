"""Starting the server, and what it is measured against."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import UnavailableError, plain_environment
from benchmarks.server_wrk import Served

from watchword_otp import Key, Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.server_keys import Keys

_PEERS = Path(__file__).parent / "peers"
_SERVE = "from watchword_server.__main__ import main; sys.exit(main())"


class Loop(StrEnum):
    """The event loop that a server runs on."""

    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"


def server_command(data: Path, loop: Loop = Loop.UVLOOP, *options: str) -> list[str]:
    """The command that serves a data folder; without uvloop as where the extra is not installed."""
    hiding = "sys.modules['uvloop'] = None; " if loop is Loop.ASYNCIO else ""
    command = [sys.executable, "-c", f"import sys; {hiding}{_SERVE}"]
    command += ["serve", "--json", "--stop-on-eof", "--port", "0", "--data-dir", str(data)]
    return [*command, *options]


@contextlib.contextmanager
def watchword(keys: Keys, loop: Loop, yes: str = '{"valid":true}') -> Iterator[Served]:
    """Run the server on some keys."""
    database = keys.database
    command = server_command(database.data, loop, *database.options)
    with announced(command, database.data.parent) as (url, pid):
        yield Served(url, keys.token, yes, pid)


@contextlib.contextmanager
def bare(folder: Path, loop: Loop) -> Iterator[Served]:
    """Run an aiohttp server that reads JSON and answers a constant."""
    with announced([sys.executable, str(_PEERS / "bare.py"), loop], folder) as (url, pid):
        # A token of the same length, for requests of the same length.
        yield Served(url, "ww_" + "x" * 51, '{"valid": true}', pid)


@contextlib.contextmanager
def prototype(commands: Path, folder: Path) -> Iterator[tuple[Served, Key]]:
    """Run the prototype; give where it is and its only key."""
    totp = Key(secret=Secret.generate())
    token = secrets.token_urlsafe()
    environment = plain_environment(folder)
    environment |= {"TOTP_BASE32_SECRET": totp.secret.base32(), "BEARER": token}
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        port = listener.getsockname()[1]
        command = [str(commands / "gunicorn"), "--workers", "2", "--bind", f"fd://{listener.fileno()}"]
        command += ["--log-level", "error", "--chdir", str(_PEERS), "prototype:app"]
        process = subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()])
        try:
            _await_answer(port, process)
            yield Served(f"http://127.0.0.1:{port}", token, '"status":', process.pid), totp
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def announced(command: list[str], folder: Path) -> Iterator[tuple[str, int]]:
    """Run a server that says where it listens."""
    with (
        (folder / "servers.log").open("a") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env=plain_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise UnavailableError(f"a server does not start; {_last_line(folder / 'servers.log')}")
            yield json.loads(line)["url"], process.pid
        finally:
            process.terminate()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8").splitlines()
    return lines[-1] if lines else "it says nothing"


def _await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the prototype answers, if only by a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", "/check/000000")
        connection.getresponse().read()
    except OSError:
        raise UnavailableError(f"the prototype does not answer (status {process.poll()})") from None
    finally:
        connection.close()

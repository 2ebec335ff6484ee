"""The files in deploy/ as systemd reads them, and the server started as systemd would start it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from watchword_server.seal import CREDENTIAL_NAME, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
PROGRAM = "/opt/watchword/bin/watchword-server"
CONFIG = "/etc/watchword/server.toml"
DATA = "/var/lib/private/watchword"

Unit: TypeAlias = "Mapping[str, list[str]]"
"""Every setting of a unit's file, of whatever section, with its values in order."""

_OURS = (sys.executable, "-m", "watchword_server")


def read_unit(name: str) -> Unit:
    """The settings of deploy/`name`."""
    found: dict[str, list[str]] = {}
    text = (DEPLOY / name).read_text("utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if line.strip() and line[0] not in "#[":
            setting, _, value = line.partition("=")
            found.setdefault(setting, []).append(value)
    return found


def one(unit: Unit, setting: str) -> str:
    """The only value of a setting."""
    (value,) = unit[setting]
    return value


def seconds(text: str) -> float:
    """What systemd makes of a span such as `30s`."""
    return float(text.removesuffix("s"))


@dataclass(frozen=True)
class Service:
    """The server as its unit runs it."""

    process: subprocess.Popen[bytes]
    supervisor: socket.socket
    socket_path: Path
    environment: Mapping[str, str]
    folder: Path

    def told(self) -> str:
        """The next thing that systemd is told, but for signs of life."""
        while (said := self.supervisor.recv(999).decode()) == "WATCHDOG=1":
            pass
        return said

    def run(self, *arguments: str, given: str | None = None) -> str:
        """What another command says, run on the same data with the same keys."""
        ended = subprocess.run(
            [*_OURS, *arguments, "--config", str(self.folder / "server.toml")],
            input=given,
            capture_output=True,
            env=self.environment,
            text=True,
            timeout=30,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def stop(self) -> int:
        """As `systemctl stop` does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    @property
    def log(self) -> str:
        return (self.folder / "journal").read_text("utf-8")


@contextlib.contextmanager
def started(folder: Path, filter_: Mapping[str, object] | None = None) -> Iterator[Service]:
    """Start the server by the unit's ExecStart, with the environment that systemd gives it.

    Args:
        folder: An empty folder, which stands for /etc, /run and /var/lib.
        filter_: What `confined.py` is to keep the process to; None for nothing.
    """
    unit = read_unit("watchword-server.service")
    command = shlex.split(one(unit, "ExecStart"))
    assert command[0] == PROGRAM
    settings = (DEPLOY / "server.toml").read_text("utf-8")
    assert settings.count(DATA) == 1
    state, keys = folder / "state", folder / "credentials"
    (folder / "server.toml").write_text(settings.replace(DATA, str(state)))
    state.mkdir(mode=0o700)
    keys.mkdir(mode=0o700)
    (keys / CREDENTIAL_NAME).write_text(Ring.generate().text())
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "USER": one(unit, "User"),
        "LOGNAME": one(unit, "User"),
        "INVOCATION_ID": "0" * 32,
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": str(int(seconds(one(unit, "WatchdogSec")) * 1_000_000)),
        "CREDENTIALS_DIRECTORY": str(keys),
        "STATE_DIRECTORY": "/var/lib/watchword",
    }
    path = folder / "server.sock"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor,
        socket.socket(socket.AF_UNIX) as listening,
        (folder / "journal").open("wb") as journal,
    ):
        supervisor.bind(environment["NOTIFY_SOCKET"])
        supervisor.settimeout(20)
        listening.bind(str(path))
        listening.listen()
        spec = {
            "command": [
                *_OURS,
                *(str(folder / "server.toml") if w == CONFIG else w for w in command[1:]),
            ],
            "socket": listening.fileno(),
            "umask": int(one(unit, "UMask"), 8),
            "filter": filter_,
        }
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("confined.py")), json.dumps(spec)],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=journal,
            pass_fds=[listening.fileno()],
        )
        try:
            yield Service(process, supervisor, path, environment, folder)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=20)

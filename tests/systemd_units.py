"""What systemd does for a service: listens to its states, hands sockets over."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from server_processes import home_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What systemd does between fork and exec: the sockets become 3, 4, ..., and the pid is this one's.
_ACTIVATE = """
import os, sys
count = int(sys.argv[1])
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
command = [sys.executable, "-m", "watchword_server", "serve", "--json"]
os.execv(sys.executable, command)
"""


@contextlib.contextmanager
def supervisor(folder: Path) -> Iterator[socket.socket]:
    """Where services tell their states."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(folder / "notify"))
        listening.settimeout(10)
        yield listening


@contextlib.contextmanager
def activated(
    folder: Path, *passed: socket.socket, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that was given sockets, and the address it says."""
    # As 3, 4, ...: each is moved there in the child, below which nothing else is open.
    numbers = [each.fileno() for each in passed]

    def arrange() -> None:
        spare = [os.dup2(number, 50 + index) for index, number in enumerate(numbers)]
        for index, number in enumerate(spare):
            os.dup2(number, 3 + index)

    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _ACTIVATE, str(len(passed))],
            cwd=folder,
            env=home_environment(folder, {"WATCHWORD_SERVER_PORT": "1", **(environment or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            close_fds=False,
            preexec_fn=arrange,  # noqa: PLW1509 - only dup2, as systemd does it
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield process, json.loads(line)["url"] if line else (folder / "log").read_text()
    finally:
        process.terminate()
        process.communicate(timeout=20)

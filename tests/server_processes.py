"""The server as people run it: its own process, an empty home, signals and all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_COMMAND = (sys.executable, "-m", "watchword_server")


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A server that listens."""

    process: subprocess.Popen[str]
    url: str
    database: str
    token: str | None = field(repr=False)
    log: Path

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


def home_environment(folder: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment whose home, and all that hangs on it, is in `folder`."""
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "PATH": os.environ["PATH"],
        **(extra or {}),
    }


def run_server_command(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself, in `folder`."""
    return subprocess.run(
        [*_COMMAND, *arguments],
        cwd=folder,
        env=home_environment(folder, environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@contextlib.contextmanager
def server_process(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    umask: int = -1,
    under: Sequence[str] = (),
) -> Iterator[ServerProcess]:
    """Start `serve` on a free port with its home in `folder`, and see to it that it ends.

    `under` is a command that executes the rest of its arguments.
    """
    log = folder / "server.log"
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [*under, *_COMMAND, "serve", "--port", "0", "--json", *arguments],
            cwd=folder,
            env=home_environment(folder, environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            umask=umask,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        said = json.loads(line)
        yield ServerProcess(process, said["url"], said["database"], said.get("token"), log)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)

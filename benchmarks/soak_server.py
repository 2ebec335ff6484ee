"""A server that is killed from time to time and started again on the same files."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.harness import plain_environment
from benchmarks.server_processes import server_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_START_SECONDS = 20
_GRACE_SECONDS = 1.0
"""After a start, during which connections of before may still fail."""
_WARM_UP_SAMPLES = 3


@dataclass
class Life:
    """One run of the server, from start to kill."""

    samples: list[int] = field(default_factory=list)
    """Resident memory each second, KiB."""

    @property
    def growth(self) -> float | None:
        """Memory in the last third over memory in the first, once warm; None for too short a life."""
        warm = self.samples[_WARM_UP_SAMPLES:]
        third = len(warm) // 3
        if third == 0:
            return None
        return statistics.median(warm[-third:]) / statistics.median(warm[:third])


class Mortal:
    """The server, its lives so far, and whether a failing connection has an excuse."""

    def __init__(
        self, data: Path, name: str = "server", settings: Mapping[str, str] | None = None
    ) -> None:
        """Serve the data folder `data`; `settings` are environment variables."""
        self.data = data
        self.name = name
        self._settings = settings or {}
        self.lives: list[Life] = []
        self.up = asyncio.Event()
        self.host, self.port = "127.0.0.1", 0
        self._began = 0.0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, under: Sequence[str] = ()) -> None:
        """Start it; on the same port as before.

        Args:
            under: A command that executes the rest of its arguments.

        Raises:
            RuntimeError: It does not start.
        """
        command = server_command(self.data)
        command[command.index("--port") + 1] = str(self.port)
        with (self.data.parent / "servers.log").open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *under,
                *command,
                "--refusals-per-minute=0",
                env={**plain_environment(self.data.parent), **self._settings},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), _START_SECONDS)
        if not line:
            raise RuntimeError(f"the server does not start; see {log.name}")
        self.port = urlsplit(json.loads(line)["url"]).port or 0
        self.lives.append(Life())
        self._began = time.monotonic()
        self.up.set()

    async def kill(self) -> None:
        """Kill it with SIGKILL, in the middle of whatever it does."""
        assert self._process is not None
        self.up.clear()
        self._process.kill()
        await self._process.wait()

    @property
    def excuses(self) -> bool:
        """Whether a connection may fail now: it is dead, or only just alive again."""
        return not self.up.is_set() or time.monotonic() - self._began < _GRACE_SECONDS

    def sample(self) -> None:
        """Note how much memory it has."""
        assert self._process is not None
        if self._process.returncode is not None:
            return
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
        if found is not None:
            self.lives[-1].samples.append(int(found[1]))

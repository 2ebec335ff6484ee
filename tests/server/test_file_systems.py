"""A file system of its own under a server process: full, and only to be read."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from faulty import CHECK, cause_of, code_by, eventually
from server_processes import server_process
from servers import NO_TLS
from watchword_server.store.protocol import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator


def may_mount() -> bool:
    tool = shutil.which("unshare")
    return tool is not None and subprocess.run([tool, "-m", "true"], check=False).returncode == 0


@pytest.mark.skipif(
    not may_mount(), reason="may not mount; `no room` in test_faults.py is the same by a limit"
)
class TestFileSystems:
    """A file system of its own under a server process."""

    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[tuple[Mounted, str]]:
        data = tmp_path / "data"
        data.mkdir(mode=0o700)
        script = 'mount -t tmpfs -o size=24m,mode=700 none "$0" && exec "$@"'
        with server_process(
            tmp_path,
            environment={"WATCHWORD_SERVER_DATA_DIR": str(data)},
            under=("unshare", "-m", "sh", "-c", script, str(data)),
        ) as server:
            assert server.token is not None
            inside = Path(f"/proc/{server.process.pid}/root{data}")
            yield Mounted(server.process.pid, data, inside, server.url), server.token

    async def test_a_full_disk(self, small: tuple[Mounted, str]) -> None:
        mounted, token = small
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=mounted.url, headers=headers, verify=NO_TLS) as client:
            code = await code_by(client)
            ballast = await asyncio.to_thread(mounted.fill)
            # The log may have a little room left in the page that it has begun.
            statuses = [
                (await client.post(CHECK, json={"code": "12345678"})).status_code for _ in range(40)
            ]
            assert statuses[-1] == 503
            assert await cause_of(client, code) == Cause.DISK_FULL
            assert await eventually(client, ready=False)
            await asyncio.to_thread(ballast.unlink)
            answer = await client.post(CHECK, json={"code": code})
            assert (answer.json()["valid"], answer.json()["attempts_left"]) == (True, 5)
            assert await eventually(client, ready=True)

    async def test_a_disk_that_may_only_be_read(self, small: tuple[Mounted, str]) -> None:
        mounted, token = small
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=mounted.url, headers=headers, verify=NO_TLS) as client:
            code = await code_by(client)
            await asyncio.to_thread(mounted.restore_a_backup)
            await asyncio.to_thread(mounted.run, "mount", "--bind", mounted.data, mounted.data)
            await asyncio.to_thread(mounted.run, "mount", "-o", "remount,ro,bind", mounted.data)
            assert await cause_of(client, code) == Cause.READ_ONLY
            assert await eventually(client, ready=False)
            await asyncio.to_thread(mounted.run, "umount", mounted.data)
            answer = await client.post(CHECK, json={"code": code})
            assert (answer.json()["valid"], answer.json()["attempts_left"]) == (True, 5)
            assert await eventually(client, ready=True)


@dataclass(frozen=True)
class Mounted:
    """The data folder of a server process, on a file system that only it sees."""

    pid: int
    data: Path
    inside: Path
    """The way to the data folder from outside."""
    url: str

    def run(self, *command: str | Path) -> None:
        subprocess.run(["nsenter", "-t", str(self.pid), "-m", *command], check=True)

    def fill(self) -> Path:
        """Leave no byte free."""
        ballast = self.inside / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        return ballast

    def restore_a_backup(self) -> None:
        database = self.inside / "watchword.db"
        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy = database.with_name("copy")
        shutil.copyfile(database, copy)
        copy.chmod(0o600)
        copy.rename(database)

"""What the server refuses to start with, each in one line that says the way out."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server_processes import home_environment, run_server_command
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from server_commands import Commands

ROOT = "runs as root"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


class TestRefusals:
    """Each is one line that says what is wrong and what to do; nothing is made, nothing is shown."""

    def refused(self, run: Commands, *arguments: str) -> str:
        done = run(*(arguments or ("serve", "--port", "0")))
        assert (done.status, done.out) == (2, "")
        (line,) = done.err.splitlines()
        assert line.startswith("watchword-server: ")
        return line

    def test_in_a_process_of_its_own(self, tmp_path: Path) -> None:
        done = run_server_command(tmp_path, "serve", "--window", "11")
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1

    def test_a_port_in_use(self, run: Commands) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = self.refused(run, "serve", "--port", str(port))
        assert f"port {port} on 127.0.0.1 is in use" in said
        assert "--port" in said
        # No first token was made and lost.
        assert not run.folder.exists()

    @pytest.mark.parametrize(
        "host",
        ["no.such.host.invalid", "192.0.2.1", "a\u0000b", "x" * 300],
        ids=["unknown", "elsewhere", "NUL", "long"],
    )
    def test_a_host_that_is_not_here(self, run: Commands, tmp_path: Path, host: str) -> None:
        (tmp_path / "server.toml").write_text(f"host = {json.dumps(host)}\n")
        said = self.refused(run, "serve", "--config", str(tmp_path / "server.toml"))
        assert "check --host" in said

    def test_other_machines_without_tls(self, run: Commands) -> None:
        said = self.refused(run, "serve", "--port", "0", "--host", "0.0.0.0")
        assert "--tls-cert" in said
        assert "--insecure-http" in said
        assert not run.folder.exists()

    @pytest.mark.parametrize(
        ("flags", "environment", "said"),
        [
            (["-O"], {}, "leave -O"),
            (["-OO"], {}, "leave -O"),
            ([], {"PYTHONOPTIMIZE": "1"}, "leave -O"),
            ([], {"AIOHTTP_NO_EXTENSIONS": "1"}, "C parser is missing"),
            ([], {"PYTHONASYNCIODEBUG": "1"}, "unset PYTHONASYNCIODEBUG"),
            (["-X", "dev"], {}, "leave -X dev away"),
        ],
    )
    def test_an_interpreter_in_which_aiohttp_is_less_safe(
        self, tmp_path: Path, flags: list[str], environment: dict[str, str], said: str
    ) -> None:
        done = subprocess.run(
            [sys.executable, *flags, "-m", "watchword_server", "serve", "--port", "0"],
            cwd=tmp_path,
            env=home_environment(tmp_path, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr.splitlines()[-1]
        assert not (tmp_path / "state").exists()

    def test_a_setting_that_cannot_be(self, run: Commands) -> None:
        assert "--window must be" in self.refused(run, "serve", "--window", "11")

    def test_a_setting_nobody_knows(self, run: Commands) -> None:
        run.monkeypatch.setenv("WATCHWORD_SERVER_WINDOWS", "1")
        said = self.refused(run)
        assert "did you mean WATCHWORD_SERVER_WINDOW?" in said

    def test_a_flag_nobody_knows(self, run: Commands) -> None:
        said = self.refused(run, "serve", "--prot", "1")
        assert "--port" in said
        assert "watchword-server serve --help" in said

    @pytest.mark.parametrize("secret", ["not base32 at all!", "A", ""])
    def test_a_bad_secret(self, run: Commands, tmp_path: Path, secret: str) -> None:
        (tmp_path / ".env").write_text(f"TOTP_BASE32_SECRET='{secret}'\n")
        said = self.refused(run)
        assert "TOTP_BASE32_SECRET in .env" in said
        assert "correct it" in said
        assert len(secret) < 2 or secret not in said

    def test_a_data_folder_that_is_a_link(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "real")
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(tmp_path / "link"))
        assert "symbolic link" in said
        assert list((tmp_path / "real").iterdir()) == []

    def test_a_data_folder_that_is_a_file(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(tmp_path / "file"))
        assert "is not a folder" in said

    def test_a_data_folder_under_a_file(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(tmp_path / "file" / "x"))
        assert "--data-dir" in said

    @pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
    def test_a_data_folder_others_can_write(self, run: Commands, tmp_path: Path, mode: int) -> None:
        data = tmp_path / "data"
        data.mkdir()
        data.chmod(mode)
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(data))
        assert f"chmod 700 {data}" in said

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_a_data_folder_of_someone_else(self, run: Commands, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir(mode=0o700)
        os.chown(data, 12345, 12345)
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(data))
        assert "belongs to someone else" in said

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
    def test_a_data_folder_that_not_even_root_can_make(self, run: Commands) -> None:
        said = self.refused(run, "serve", "--port", "0", "--data-dir", "/proc/watchword")
        assert "cannot make the data folder" in said
        assert "--data-dir" in said

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; see the test before")
    def test_a_data_folder_that_cannot_be_written(self, run: Commands, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir(mode=0o500)
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(data))
        assert f"chmod 700 {data}" in said

    def test_a_newer_database(self, run: Commands, tmp_path: Path) -> None:
        self.make_database(tmp_path)
        with sqlite3.connect(tmp_path / "data" / "watchword.db") as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(tmp_path / "data"))
        assert "install the newer watchword" in said

    def test_a_database_that_is_none(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir(mode=0o700)
        (tmp_path / "data" / "watchword.db").write_bytes(b"diary" * 1000)
        said = self.refused(run, "serve", "--port", "0", "--data-dir", str(tmp_path / "data"))
        assert "not a database" in said

    def make_database(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir(mode=0o700)

        async def make() -> None:
            await (await SqliteStore.open(tmp_path / "data" / "watchword.db")).close()

        asyncio.run(make())

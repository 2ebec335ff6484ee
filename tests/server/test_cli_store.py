from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
import time
from typing import TYPE_CHECKING

import pytest

from server_processes import run_server_command, server_process

if TYPE_CHECKING:
    from pathlib import Path

    from server_commands import Commands


@pytest.fixture(autouse=True)
def _database(run: Commands) -> None:
    run.make_database()
    run("keys", "create", "alice")


def sql(run: Commands, *statements: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


class TestCheck:
    def test_a_whole_database(self, run: Commands) -> None:
        for arguments in ((), ("--full",)):
            done = run("store", "check", *arguments, "--json")
            assert done.status == 0
            assert {each["state"] for each in json.loads(done.out)} == {"ok"}

    @pytest.mark.parametrize(
        ("change", "subject"),
        [
            (
                "INSERT INTO recovery_codes (key_id, digest) VALUES (99, x'00')",
                "recovery codes of no key",
            ),
            ("UPDATE keys SET secret = zeroblob(48)", "seals"),
            ("DELETE FROM audit", "audit log"),
            ("PRAGMA user_version = 99", "schema"),
        ],
    )
    def test_says_what_is_wrong_and_what_to_do(self, run: Commands, change: str, subject: str) -> None:
        sql(run, change)
        done = run("store", "check", "--json")
        (wrong,) = (each for each in json.loads(done.out) if each["state"] == "wrong")
        assert (done.status, wrong["subject"]) == (1, subject)
        assert wrong["advice"]
        assert f"{subject}: {wrong['advice']}" in run("store", "check").out

    def test_a_changed_row_is_found_by_the_full_check(self, run: Commands) -> None:
        sql(run, "INSERT INTO audit SELECT 0, event, mac FROM audit", "UPDATE audit SET event = '{}'")
        assert run("store", "check", "--full").status == 1

    def test_a_damaged_file(self, run: Commands) -> None:
        path = run.folder / "watchword.db"
        content = bytearray(path.read_bytes())
        content[8192:20480] = b"\xa5" * 12288
        path.write_bytes(content)
        done = run("store", "check")
        assert done.status in {1, 2}
        assert "damaged" in done.out + done.err


class TestMigrate:
    def test_nothing_to_do(self, run: Commands) -> None:
        done = run("store", "migrate")
        assert (done.status, "already" in done.out) == (0, True)

    def test_a_newer_database_is_refused(self, run: Commands) -> None:
        sql(run, "PRAGMA user_version = 99")
        done = run("store", "migrate")
        assert (done.status, "install the newer watchword" in done.err) == (2, True)


class TestClock:
    def test_an_operator_vouches_for_a_clock_that_was_set_back(self, run: Commands) -> None:
        ahead = time.time() + 7200
        sql(run, f"UPDATE audit_head SET at = {ahead}")
        refused = run("keys", "create", "bob")
        assert (refused.status, "accept-clock" in refused.err) == (2, True)
        assert run("store", "accept-clock").status == 2
        assert run("store", "accept-clock", "--yes").status == 0
        assert run("keys", "create", "bob").status == 0
        assert run("audit", "verify").status == 0
        assert "clock.accept" in run("audit", "tail").out

    def test_a_right_clock_needs_nobody(self, run: Commands) -> None:
        before = run("audit", "checkpoint").out
        assert "nothing to accept" in run("store", "accept-clock").out
        assert run("audit", "checkpoint").out == before


class TestWhileTheServerRuns:
    def test_back_up_but_not_restore(self, tmp_path: Path) -> None:
        copy = tmp_path / "copy.db"
        with server_process(tmp_path) as server:
            made = run_server_command(tmp_path, "store", "backup", str(copy))
            assert made.returncode == 0, made.stderr
            assert "sealing keys" in made.stdout
            refused = run_server_command(tmp_path, "store", "restore", str(copy), "--yes")
            assert (refused.returncode, "stop the server" in refused.stderr) == (2, True)
            checked = run_server_command(tmp_path, "store", "check", "--full")
            assert checked.returncode == 0, checked.stdout
            server.stop()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        restored = run_server_command(tmp_path, "store", "restore", str(copy), "--yes")
        assert restored.returncode == 0, restored.stderr
        with server_process(tmp_path) as again:
            assert again.token is None

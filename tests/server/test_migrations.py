"""The schema moves forward whole or not at all, after a copy of what there was."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import stat
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

import pytest

from server_processes import home_environment, run_server_command, server_process
from watchword_server.store.protocol import StoreError
from watchword_server.store.schema import newest_schema
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"12345678901234567890"


def make_old(path: Path, keys: int = 3) -> None:
    """A database of the first schema, with keys and a token, in WAL mode as a server leaves it."""
    script = resources.files("watchword_server.store") / "migrations" / "0001_keys_and_tokens.sql"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(script.read_text(encoding="utf-8"))
        connection.executemany(
            "INSERT INTO keys (name, status, secret, kind, algorithm, digits, period, created_at,"
            " last_step, failures) VALUES (?, 'active', ?, 'totp', 'SHA1', 6, 30, 1800000000, ?, 2)",
            [(f"key{number}" if number else "default", SECRET, number) for number in range(keys)],
        )
        connection.execute(
            "INSERT INTO tokens (name, digest, scopes, created_at)"
            " VALUES ('door', x'01', 'check', 1800000000)"
        )
        connection.execute("PRAGMA user_version = 1")
        connection.commit()


def schema_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def rows_of(path: Path, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def migrate(path: Path, times: int = 1) -> None:
    async def run() -> None:
        await (await SqliteStore.open(path)).close()

    async def at_once() -> None:
        await asyncio.gather(*(run() for _ in range(times)))

    asyncio.run(at_once())


def test_what_was_there_is_there_and_a_copy_of_it_beside(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    make_old(path)
    migrate(path)
    assert schema_of(path) == newest_schema()
    assert rows_of(path, "SELECT name, status, last_step, failures, seal FROM keys ORDER BY id") == [
        ("default", "active", 0, 2, 0),
        ("key1", "active", 1, 2, 0),
        ("key2", "active", 2, 2, 0),
    ]
    assert rows_of(path, "SELECT name, scopes, expires_at FROM tokens") == [("door", "check", None)]
    copy = tmp_path / "watchword.db.before-2"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert schema_of(copy) == 1
    assert rows_of(copy, "SELECT count(*) FROM keys") == [(3,)]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["watchword.db", "watchword.db.before-2"]


def test_nothing_is_copied_when_there_is_nothing_to_lose(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    migrate(path)
    migrate(path)
    assert [file.name for file in tmp_path.iterdir()] == ["watchword.db"]


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    migrate(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="install the newer watchword"):
        migrate(path)
    assert schema_of(path) == 99
    assert not list(tmp_path.glob("*.before-*"))


def test_a_copy_that_cannot_be_made_stops_it(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    make_old(path)
    (tmp_path / "watchword.db.before-2").mkdir()
    with pytest.raises(StoreError, match="must be copied first"):
        migrate(path)
    assert schema_of(path) == 1
    assert rows_of(path, "SELECT count(*) FROM keys") == [(3,)]


def test_two_at_once(tmp_path: Path) -> None:
    path = tmp_path / "watchword.db"
    make_old(path)
    migrate(path, times=4)
    assert schema_of(path) == newest_schema()
    assert rows_of(path, "SELECT count(*) FROM keys") == [(3,)]


def test_two_processes_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "watchword"
    folder.mkdir(parents=True, mode=0o700)
    make_old(folder / "watchword.db", 20_000)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "watchword_server", "store", "migrate"],
            env=home_environment(tmp_path),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for each in started:
        _, err = each.communicate(timeout=50)
        assert each.returncode == 0, err
    assert schema_of(folder / "watchword.db") == newest_schema()
    checked = run_server_command(tmp_path, "store", "check", "--full")
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("after", ["INSERT INTO new_keys", "DROP TABLE keys", "CREATE TABLE meta"])
def test_killed_in_the_middle_it_leaves_the_old_one_whole(tmp_path: Path, after: str) -> None:
    path = tmp_path / "watchword.db"
    make_old(path, 2000)
    program = f"""
import os, signal, sqlite3, sys
from watchword_server.store.schema import migrate
connection = sqlite3.connect({str(path)!r}, isolation_level=None)

def watch(statement):
    if watch.reached:
        os.kill(os.getpid(), signal.SIGKILL)
    watch.reached = statement.strip().startswith({after!r})

watch.reached = False
connection.set_trace_callback(watch)
migrate(connection)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    assert schema_of(path) == 1
    assert rows_of(path, "SELECT count(*), sum(length(secret)) FROM keys") == [(2000, 40_000)]
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
    migrate(path)
    assert schema_of(path) == newest_schema()
    assert rows_of(path, "SELECT count(*) FROM keys") == [(2000,)]


def test_a_server_that_starts_on_an_old_database_seals_it_and_says_where_the_copy_is(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "state" / "watchword"
    folder.mkdir(parents=True, mode=0o700)
    make_old(folder / "watchword.db")
    with server_process(tmp_path) as server:
        assert "watchword.db.before-2" in server.log.read_text()
        server.stop()
    assert SECRET not in (folder / "watchword.db").read_bytes()
    assert run_server_command(tmp_path, "seal", "check").stdout == "3 of 3 secrets open.\n"

"""The commands on PostgreSQL: the same words, and what is for a file alone says so."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from loopback import free_port
from server_processes import server_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres_databases import Databases
    from server_commands import Commands

PASSWORD = "hunter2-hunter2"


@pytest.fixture
def uri(databases: Databases) -> Iterator[str]:
    with asyncio.Runner() as runner:
        lent = databases.lent()
        database = runner.run(lent.__aenter__())
        yield database.dsn
        runner.run(lent.__aexit__(None, None, None))


@pytest.fixture
def prepared(run: Commands, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands about a database that a server was started on once."""
    monkeypatch.setenv("WATCHWORD_SERVER_STORE", uri)
    environment = {"WATCHWORD_SERVER_STORE": uri, "WATCHWORD_SERVER_DATA_DIR": str(run.folder)}
    with server_process(tmp_path, environment=environment) as server:
        assert server.token is not None
        assert server.database.startswith("postgresql://")
        server.stop()
    return run


def test_keys_tokens_seals_and_the_log_are_there(prepared: Commands) -> None:
    run = prepared
    made = run("keys", "create", "alice", "--json")
    assert made.status == 0, made.err
    assert {row["name"] for row in json.loads(run("keys", "list", "--json").out)} == {"default", "alice"}
    assert run("keys", "recovery-codes", "default", "--yes").status == 0
    token = run("tokens", "create", "door", "--scope", "check")
    assert token.out.startswith("ww_")
    assert run("tokens", "revoke", "door", "--yes").status == 0
    rotated = run("seal", "rotate", "--yes")
    assert (rotated.status, rotated.err.count("compact")) == (0, 0)
    assert run("keys", "delete", "alice", "--yes").status == 0
    rows = [json.loads(line) for line in run("audit", "tail", "--json").out.splitlines()]
    events = [row["event"]["event"] for row in rows]
    assert events[-5:] == ["token.create", "token.revoke", "seal.rotate", "seal.prune", "key.delete"]
    # One command after the other: the chain of the one before was left to the next.
    assert len({row["chain"] for row in rows}) <= 2
    assert run("audit", "verify").status == 0


def test_store_check_and_doctor_look_it_over(prepared: Commands) -> None:
    checked = json.loads(prepared("store", "check", "--full", "--json").out)
    found = {finding["subject"]: finding["state"] for finding in checked}
    assert found["schema"] == found["seals"] == found["audit log"] == found["clocks"] == "ok"
    # The tests' own PostgreSQL is set to be quick, and that is found out.
    assert found["fsync"] == "wrong"
    told = prepared("doctor", "--json").out
    assert {"clocks", "tokens", "fsync"} <= {finding["subject"] for finding in json.loads(told)}


@pytest.mark.parametrize(
    "command",
    [("backup", "copy.db"), ("compact",), ("migrate",), ("restore", "copy.db", "--yes")],
    ids=lambda command: command[0],
)
def test_what_is_for_a_file_alone_says_so(
    prepared: Commands, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "copy.db").write_bytes(b"")
    done = prepared("store", *command)
    assert done.status == 2
    assert "the database is PostgreSQL: use its own tools, such as pg_dump" in done.err


def test_one_that_cannot_be_reached_is_named_without_its_password(run: Commands) -> None:
    uri = f"postgresql://watchword:{PASSWORD}@127.0.0.1:{free_port()}/watchword"
    done = run("keys", "list", "--store", uri)
    assert done.status == 2
    assert "the database postgresql://watchword@127.0.0.1:" in done.err
    assert "it cannot be reached; see that it runs" in done.err
    assert PASSWORD not in done.err


def test_what_is_no_address_is_refused_without_being_repeated(run: Commands) -> None:
    done = run("keys", "list", "--store", f"mysql://root:{PASSWORD}@db/watchword")
    assert done.status == 2
    assert "the store must be a URI such as postgresql://watchword@" in done.err
    assert PASSWORD not in done.err


def test_a_node_without_the_sealing_keys_says_so(prepared: Commands, tmp_path: Path) -> None:
    (prepared.folder / "sealing.keys").rename(tmp_path / "elsewhere")
    done = prepared("keys", "create", "alice")
    assert done.status == 2
    assert "the sealing keys are not in" in done.err
    (tmp_path / "elsewhere").rename(prepared.folder / "sealing.keys")
    assert prepared("keys", "create", "alice").status == 0

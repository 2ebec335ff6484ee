from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from server_processes import run_server_command, server_process
from watchword_server.datadir import hold

if TYPE_CHECKING:
    from pathlib import Path

    from server_commands import Commands


@pytest.fixture(autouse=True)
def _database(run: Commands) -> None:
    run.make_database()
    run("keys", "create", "alice")
    run("tokens", "create", "door", "--scope", "check")


def findings(run: Commands) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(run("doctor", "--json").out):
        found.setdefault(each["subject"], []).append((each["state"], each["detail"] + each["advice"]))
    return found


def test_nothing_wrong(run: Commands) -> None:
    done = run("doctor")
    assert done.status == 0
    assert "  wrong  " not in done.out
    states = {state for each in findings(run).values() for state, _ in each}
    assert states == {"ok", "warning"}
    assert findings(run)["sealing keys"][0][0] == "warning"


def test_what_others_can_read(run: Commands) -> None:
    (run.folder / "watchword.db").chmod(0o644)
    (run.folder / "sealing.keys").chmod(0o640)
    done = run("doctor")
    assert done.status == 1
    assert f"chmod 600 {run.folder / 'watchword.db'}" in done.out
    assert f"chmod 600 {run.folder / 'sealing.keys'}" in done.out


def test_a_folder_others_can_write_to(run: Commands) -> None:
    run.folder.chmod(0o777)
    assert findings(run)["data folder"][0][0] == "wrong"


def test_a_read_only_file_system_is_called_so(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(run.folder)
    read_only = os.statvfs_result([*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax])
    monkeypatch.setattr("os.statvfs", lambda _: read_only)
    ((state, told),) = findings(run)["data folder"]
    assert (state, "is on a read-only file system" in told) == ("wrong", True)
    assert "server" not in findings(run)
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    for reading in (
        *(("keys", "list"), ("keys", "show", "alice"), ("store", "check", "--full")),
        *(("audit", "verify"), ("audit", "tail"), ("audit", "export"), ("audit", "checkpoint")),
        *(("seal", "check"), ("seal", "status")),
    ):
        done = run(*reading)
        assert (done.status, bool(done.out), done.err) == (0, True, "")
    # Its row in the audit log cannot be written.
    refused = run("export", "-", "--plain", "--yes")
    assert (refused.status, "is on a read-only file system; copy it" in refused.err) == (2, True)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


def test_missing_sealing_keys(run: Commands) -> None:
    (run.folder / "sealing.keys").unlink()
    assert findings(run)["sealing keys"][0][0] == "wrong"
    assert run("doctor").status == 1


def test_no_folder_at_all(run: Commands) -> None:
    done = run("doctor", "--data-dir", str(run.folder / "nowhere"))
    assert (done.status, "is not there" in done.out) == (1, True)


def test_a_weak_and_open_env_file(run: Commands, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("BEARER=hunter2\nTOTP_BASE32_SECRET=JBSWY3DPEHPK3PXP\n")
    env.chmod(0o644)
    found = findings(run)[".env"]
    assert [state for state, _ in found] == ["wrong", "warning", "warning"]
    assert "hunter2" not in run("doctor").out
    env.chmod(0o600)
    assert [state for state, _ in findings(run)[".env"]] == ["ok", "warning", "warning"]


def test_tokens_that_end_soon_or_nobody_uses(run: Commands) -> None:
    run("tokens", "create", "soon", "--scope", "check", "--expires", "3d")
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        connection.execute("UPDATE tokens SET created_at = created_at - 4000000 WHERE name = 'door'")
        connection.commit()
    told = " ".join(text for _, text in findings(run)["tokens"])
    assert "soon ends in 3 days" in told
    assert "door was never used" in told


def test_a_clock_before_the_audit_log(run: Commands) -> None:
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        connection.execute("UPDATE audit_head SET at = ?", (time.time() + 5000,))
        connection.commit()
    ((state, told),) = findings(run)["clock"]
    assert (state, "accept-clock" in told) == ("wrong", True)


def test_a_row_that_a_busy_server_writes_meanwhile_is_no_matter_of_the_clock(run: Commands) -> None:
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        connection.execute("UPDATE audit_head SET at = ?", (time.time() + 5,))
        connection.commit()
    ((state, _),) = findings(run)["clock"]
    assert state == "ok"


def test_a_certificate_that_ends(run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    monkeypatch.setenv("WATCHWORD_SERVER_TLS_CERT", str(tmp_path / "cert.pem"))
    monkeypatch.setenv("WATCHWORD_SERVER_TLS_KEY", str(tmp_path / "key.pem"))
    assert findings(run)["certificate"][0][0] == "ok"
    (tmp_path / "cert.pem").write_text("nonsense")
    assert findings(run)["certificate"][0][0] == "wrong"


def test_old_copies_are_pointed_out(run: Commands) -> None:
    (run.folder / "watchword.db.before-2").touch(mode=0o600)
    ((state, told),) = findings(run)["old copies"]
    assert (state, "watchword.db.before-2" in told) == ("warning", True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is warned")
def test_root_is_warned(run: Commands) -> None:
    assert findings(run)["user"][0][0] == "warning"


def told_of_server(folder: Path, environment: dict[str, str] | None = None) -> tuple[str, str]:
    asked = run_server_command(folder, "doctor", "--json", environment=environment)
    (told,) = (each for each in json.loads(asked.stdout) if each["subject"] == "server")
    return told["state"], told["detail"]


def test_a_server_that_runs_is_asked_where_it_listens(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        # The settings of whoever asks do not matter.
        for port in ("9", server.url.rpartition(":")[2]):
            told = told_of_server(tmp_path, {"WATCHWORD_SERVER_PORT": port})
            assert told == ("ok", f"process {server.process.pid} at {server.url} is ready")
        server.stop()
    assert told_of_server(tmp_path) == ("ok", "none runs on this database")


def test_another_server_is_never_taken_for_this_one(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    with server_process(ours) as killed:
        killed.stop(signal.SIGKILL)
    with server_process(theirs) as other:
        lock = ours / "state" / "watchword" / "watchword.lock"
        # What was left behind names a process that lives, and an address where somebody answers.
        lock.write_text(json.dumps({"pid": other.process.pid, "url": other.url}))
        port = {"WATCHWORD_SERVER_PORT": other.url.rpartition(":")[2]}
        assert told_of_server(ours, port) == ("ok", "none runs on this database")
        with hold(ours / "state" / "watchword"):
            state, told = told_of_server(ours, port)
            assert (state, "is no server known here" in told) == ("warning", True)


def test_a_server_that_holds_the_folder_and_does_not_answer(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        (tmp_path / "state" / "watchword" / "watchword.lock").write_text(
            json.dumps({"pid": server.process.pid, "url": "http://127.0.0.1:9"})
        )
        state, told = told_of_server(tmp_path)
        assert (state, "nobody answers: connection refused" in told) == ("wrong", True)


def test_a_unix_socket_is_asked(tmp_path: Path) -> None:
    with server_process(tmp_path, "--unix-socket", str(tmp_path / "s")):
        assert told_of_server(tmp_path)[0] == "ok"

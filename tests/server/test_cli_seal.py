from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from server_commands import Commands


@pytest.fixture(autouse=True)
def _keys(run: Commands) -> None:
    run.make_database()
    for name in ("alice", "bob"):
        run("keys", "create", name)


def status(run: Commands) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("seal", "status", "--json").out)["keys"]
    return found


def test_rotate_seals_everything_anew_and_removes_the_old_key(run: Commands) -> None:
    file = run.folder / "sealing.keys"
    before = file.read_text()
    assert run("seal", "rotate").out.startswith("2 secrets sealed by key 2.")
    assert file.read_text().startswith(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert status(run) == [
        {"key": 1, "sealed": 0, "present": True, "in_use": False},
        {"key": 2, "sealed": 2, "present": True, "in_use": True},
    ]
    assert run("seal", "prune", "--yes").out == "Removed: 1.\n"
    assert before not in file.read_text()
    assert run("seal", "check").out == "2 of 2 secrets open.\n"
    assert run("audit", "verify").status == 0
    assert run("seal", "prune", "--yes").out == "Every sealing key is in use; none is removed.\n"


def test_rotate_with_yes_is_done_at_once(run: Commands) -> None:
    done = json.loads(run("seal", "rotate", "--yes", "--json").out)
    assert done == {"key": 2, "sealed": 2, "removed": [1]}


def test_check_names_what_does_not_open(run: Commands) -> None:
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        connection.execute("UPDATE keys SET secret = zeroblob(48) WHERE name = 'bob'")
        connection.commit()
    done = run("seal", "check")
    assert (done.status, "key bob does not open" in done.out) == (1, True)
    assert "1 of 2 secrets open" in done.out
    assert "alice" not in done.out
    pruned = run("seal", "prune", "--yes")
    assert (pruned.status, len((run.folder / "sealing.keys").read_text().split())) == (0, 1)
    rotated = run("seal", "rotate", "--yes")
    assert (rotated.status, "bob" in rotated.err) == (2, True)


def test_a_secret_moved_to_another_row_does_not_open(run: Commands) -> None:
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        connection.execute(
            "UPDATE keys SET secret = (SELECT secret FROM keys WHERE name = 'alice') WHERE name = 'bob'"
        )
        connection.commit()
    assert run("seal", "check").status == 1


def test_the_wrong_keys_are_said_to_be(run: Commands) -> None:
    (run.folder / "sealing.keys").write_text(run("seal", "new").out.replace("2:", "1:", 1))
    done = run("seal", "status")
    assert (done.status, "put the right key back" in done.err) == (2, True)


class TestKeysFromTheVariable:
    @pytest.fixture(autouse=True)
    def _variable(self, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
        file = run.folder / "sealing.keys"
        monkeypatch.setenv("WATCHWORD_SEALING_KEYS", file.read_text())
        file.unlink()

    def test_rotate_says_what_to_do_and_does_it_then(
        self, run: Commands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = run("seal", "rotate", "--yes")
        assert (done.status, "seal new" in done.err) == (2, True)
        line = run("seal", "new").out
        assert line.startswith("2:")
        assert status(run)[-1]["key"] == 1
        monkeypatch.setenv("WATCHWORD_SEALING_KEYS", os.environ["WATCHWORD_SEALING_KEYS"] + line)
        assert run("seal", "rotate").status == 0
        assert status(run)[-1] == {"key": 2, "sealed": 2, "present": True, "in_use": True}
        pruned = run("seal", "prune", "--yes")
        assert (pruned.status, "yourself" in pruned.err) == (2, True)
        monkeypatch.setenv("WATCHWORD_SEALING_KEYS", line)
        assert run("seal", "check").status == 0
        assert not (run.folder / "sealing.keys").exists()


def test_a_key_that_waits_is_taken_though_nothing_is_sealed_yet(run: Commands) -> None:
    for name in ("alice", "bob"):
        run("keys", "delete", name, "--yes")
    file = run.folder / "sealing.keys"
    file.write_text(file.read_text() + run("seal", "new").out)
    assert json.loads(run("seal", "rotate", "--json").out) == {"key": 2, "sealed": 0, "removed": []}
    assert status(run)[-1] == {"key": 2, "sealed": 0, "present": True, "in_use": True}

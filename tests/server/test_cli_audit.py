from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from server_processes import home_environment, run_server_command, server_process

if TYPE_CHECKING:
    from pathlib import Path

    from server_commands import Commands


_FOLLOW = ("audit", "tail", "--follow", "-n", "1", "--json")


@pytest.fixture(autouse=True)
def _log(run: Commands) -> None:
    """A log of twelve rows."""
    run.make_database()
    for number in range(6):
        run("keys", "create", f"key{number}")
    for number in range(6):
        run("tokens", "create", f"token{number}", "--scope", "check")


def sql(run: Commands, *statements: str) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    with contextlib.closing(sqlite3.connect(run.folder / "watchword.db")) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        connection.commit()
    return rows


class TestVerify:
    def test_a_whole_log(self, run: Commands) -> None:
        done = run("audit", "verify")
        assert (done.status, done.out.startswith("12 rows verified, up to 12:")) == (0, True)
        assert json.loads(run("audit", "verify", "--json").out)["fault"] is None

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ("UPDATE audit SET event = replace(event, 'key2', 'key3') WHERE seq = 3", "row 3"),
            ("DELETE FROM audit WHERE seq = 5", "after row 4 comes row 6"),
            ("DELETE FROM audit WHERE seq < 3", "after row 0 comes row 3"),
            ("DELETE FROM audit WHERE seq = 12", "row 11"),
            ("UPDATE audit SET seq = CASE seq WHEN 7 THEN 800 ELSE seq END", "after row 6"),
        ],
    )
    def test_what_was_done_to_a_row_is_found_and_which(
        self, run: Commands, change: str, named: str
    ) -> None:
        sql(run, change)
        done = run("audit", "verify")
        assert (done.status, named in done.out) == (1, True)
        assert named in json.loads(run("audit", "verify", "--json").out)["fault"]

    def test_a_cut_end_with_a_forged_head_is_found_by_a_checkpoint(self, run: Commands) -> None:
        checkpoint = run("audit", "checkpoint").out.strip()
        earlier = sql(run, "SELECT seq || ':' || mac FROM audit WHERE seq = 8")[0][0]
        sql(
            run,
            "DELETE FROM audit WHERE seq > 9",
            "UPDATE audit_head SET seq = 9, mac = (SELECT mac FROM audit WHERE seq = 9)",
        )
        assert run("audit", "verify").status == 0
        assert run("audit", "verify", "--checkpoint", str(earlier)).status == 0
        done = run("audit", "verify", "--checkpoint", checkpoint)
        assert (done.status, "row 12 was written" in done.out) == (1, True)

    def test_checkpoints_are_found_in_a_log(self, run: Commands, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        log.write_text(
            f"2027 INFO audit checkpoint {run('audit', 'checkpoint').out}2027 INFO stopping\n"
        )
        assert run("audit", "verify", "--checkpoints", str(log)).status == 0
        log.write_text(log.read_text().replace("12:", "11:"))
        done = run("audit", "verify", "--checkpoints", str(log))
        assert (done.status, "row 11" in done.out) == (1, True)
        log.write_text("nothing\n")
        assert run("audit", "verify", "--checkpoints", str(log)).status == 2


class TestTail:
    def test_nothing_found_is_said_and_no_verdict_is_made_up(self, run: Commands) -> None:
        done = run("audit", "tail", "--key", "nobody")
        assert (done.status, done.out, done.err) == (0, "", "No row is like that.\n")
        assert run("audit", "tail", "--verdict", "bogus").status == 2

    def test_the_last_rows_that_are_wanted(self, run: Commands) -> None:
        rows = run("audit", "tail", "-n", "3").out.splitlines()
        assert [row.split()[0] for row in rows] == ["10", "11", "12"]
        (row,) = run("audit", "tail", "--key", "key2").out.splitlines()
        assert "key.create" in row
        found = [
            json.loads(line)
            for line in run(
                "audit", "tail", "--event", "token.create", "-n", "2", "--json"
            ).out.splitlines()
        ]
        assert [row["seq"] for row in found] == [11, 12]
        assert run("audit", "tail", "--actor", "nobody").out == ""

    def test_wanted_rows_are_found_however_far_back(self, run: Commands, tmp_path: Path) -> None:
        rows = "".join(f"many{number},GEZDGNBVGY3TQOJQ\n" for number in range(2500))
        (tmp_path / "keys.csv").write_text(f"name,secret\n{rows}")
        run("import", str(tmp_path / "keys.csv"))
        assert run("audit", "tail", "--key", "key0").out.split()[0] == "1"

    def test_follow_goes_on(self, tmp_path: Path) -> None:
        with server_process(tmp_path):
            following = subprocess.Popen(
                [sys.executable, "-m", "watchword_server", *_FOLLOW],
                env=home_environment(tmp_path),
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                assert following.stdout is not None
                assert json.loads(following.stdout.readline())["event"]["event"] == "token.create"
                assert run_server_command(tmp_path, "keys", "create", "bob").returncode == 0
                assert json.loads(following.stdout.readline())["event"]["key"] == "bob"
            finally:
                following.kill()
                following.communicate(timeout=20)


class TestExport:
    def test_lines_that_verify_by_themselves(self, run: Commands) -> None:
        rows = [json.loads(line) for line in run("audit", "export").out.splitlines()]
        assert [row["seq"] for row in rows] == list(range(1, 13))
        assert rows[0]["event"]["event"] == "key.create"
        (first,) = sql(run, "SELECT event FROM audit WHERE seq = 1")[0]
        assert str(first) in run("audit", "export").out.splitlines()[0]

    def test_a_dash_is_standard_output(self, run: Commands, tmp_path: Path) -> None:
        assert run("audit", "export", "-o", "-").out == run("audit", "export").out
        assert not (tmp_path / "-").exists()

    def test_a_table_into_a_private_file(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "audit.csv"
        done = run("audit", "export", "--after", "6", "--format", "csv", "-o", str(file))
        assert (done.status, done.out) == (0, "")
        rows = list(csv.DictReader(io.StringIO(file.read_text())))
        assert [row["seq"] for row in rows] == [str(number) for number in range(7, 13)]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        again = run("audit", "export", "-o", str(file))
        assert (again.status, "--force" in again.err) == (2, True)

    def test_a_changed_row_stays_one_line(self, run: Commands) -> None:
        sql(run, "UPDATE audit SET event = '{\"at\": 1}' || char(10) || 'x' WHERE seq = 3")
        assert len(run("audit", "export").out.splitlines()) == 12
        assert run("audit", "tail").status == 0


class TestPrune:
    def test_the_rest_verifies_and_says_what_was_done(self, run: Commands) -> None:
        checkpoint = run("audit", "checkpoint").out.strip()
        assert run("audit", "prune", "--keep", "1d", "--yes").out == "0 rows forgotten.\n"
        assert run("audit", "prune", "--keep", "0s", "--yes").out == "12 rows forgotten.\n"
        done = run("audit", "verify", "--checkpoint", checkpoint)
        assert (done.status, done.out.startswith("1 row verified")) == (0, True)
        assert done.out.endswith("1 of 1 checkpoint compared.\n")
        (row,) = run("audit", "tail", "--json").out.splitlines()
        assert json.loads(row)["event"]["event"] == "audit.prune"
        run("keys", "create", "after")
        later = run("audit", "checkpoint").out.strip()
        assert run("audit", "prune", "--keep", "0s", "--yes").out == "2 rows forgotten.\n"
        assert run("audit", "verify").status == 0
        # Nothing is proven by checkpoints that cannot be compared.
        done = run("audit", "verify", "--checkpoint", checkpoint)
        assert (done.status, "0 of 1 checkpoint compared" in done.out) == (1, True)
        done = run("audit", "verify", "--checkpoint", checkpoint, "--checkpoint", later, "--json")
        told = json.loads(done.out)
        assert (done.status, told["checkpoints"], told["compared"]) == (0, 2, 1)

    def test_only_rows_from_before_the_date_go(self, run: Commands) -> None:
        (between,) = sql(run, "SELECT json_extract(event, '$.at') FROM audit WHERE seq = 5")[0]
        moment = (
            time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(float(str(between))))
            + (f"{float(str(between)) % 1:.6f}"[1:])
        )
        run("audit", "prune", "--before", moment, "--yes")
        assert sql(run, "SELECT min(seq) FROM audit") in ([(5,)], [(6,)])
        assert run("audit", "verify").status == 0

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE meta SET value = CAST('13' || substr(value, 3) AS BLOB) WHERE name = 'audit_anchor'",
            "DELETE FROM meta WHERE name = 'audit_anchor'",
            "DELETE FROM audit WHERE seq = 13",
        ],
    )
    def test_nobody_moves_the_mark_of_where_it_was_pruned(self, run: Commands, change: str) -> None:
        run("audit", "prune", "--keep", "0s", "--yes")
        run("keys", "create", "after")
        assert run("audit", "verify").status == 0
        sql(run, change)
        assert run("audit", "verify").status == 1

    def test_who_writes_the_database_cannot_prune_it(self, run: Commands) -> None:
        sql(
            run,
            "INSERT INTO meta (name, value) SELECT 'audit_anchor',"
            " CAST('5:' || mac || ':' || mac AS BLOB) FROM audit WHERE seq = 5",
            "DELETE FROM audit WHERE seq <= 5",
        )
        done = run("audit", "verify")
        assert (done.status, "where the audit log was pruned" in done.out) == (1, True)

    def test_what_does_not_verify_is_not_forgotten(self, run: Commands) -> None:
        sql(run, "UPDATE audit SET event = replace(event, 'key2', 'key3') WHERE seq = 3")
        done = run("audit", "prune", "--keep", "0s", "--yes")
        assert (done.status, "row 3" in done.err) == (2, True)
        assert sql(run, "SELECT count(*) FROM audit") == [(12,)]

    def test_one_of_both_ways_to_say_how_much(self, run: Commands) -> None:
        assert run("audit", "prune", "--yes").status == 2
        assert run("audit", "prune", "--yes", "--keep", "1d", "--before", "2026-01-01").status == 2

"""`watchword-server audit` where the log has several chains."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from chains import Log, use_chains
from watchword_server.store.records import Head

if TYPE_CHECKING:
    from pathlib import Path

    from server_commands import Commands

# Key by key, so that neighbours in time are in different chains.
_WRITTEN = [0, 1, 2, 1, 0, 2, 1, 1]
_PLACES = ["0.1", "1.1", "2.1", "1.2", "0.2", "2.2", "1.3", "1.4"]


@pytest.fixture(autouse=True)
def log(run: Commands, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Of eight rows in three chains."""
    log = Log.with_chains(3)
    use_chains(monkeypatch, log)
    run.make_database()
    for number, log.writing in enumerate(_WRITTEN):
        run("keys", "create", f"key{number}")
    log.writing = 0
    return log


class TestTail:
    def test_rows_by_time_each_with_its_chain(self, run: Commands) -> None:
        rows = run("audit", "tail").out.splitlines()
        assert [row.split()[0] for row in rows] == _PLACES
        assert [f"key=key{number} " in row for number, row in enumerate(rows)] == [True] * 8
        assert [row.split()[0] for row in run("audit", "tail", "-n", "3").out.splitlines()] == _PLACES[
            5:
        ]
        (row,) = run("audit", "tail", "--key", "key3").out.splitlines()
        assert row.split()[0] == "1.2"

    def test_for_programs(self, run: Commands) -> None:
        rows = [json.loads(line) for line in run("audit", "tail", "--json").out.splitlines()]
        assert [f"{row['chain']}.{row['seq']}" for row in rows] == _PLACES


class TestExport:
    def test_lines_by_time_that_verify_chain_by_chain(self, run: Commands, log: Log) -> None:
        rows = [json.loads(line) for line in run("audit", "export").out.splitlines()]
        assert [f"{row['chain']}.{row['seq']}" for row in rows] == _PLACES
        for chain, kept in log.rows.items():
            assert [row["mac"] for row in rows if row["chain"] == chain] == [row.mac for row in kept]

    def test_a_table(self, run: Commands) -> None:
        rows = list(csv.DictReader(io.StringIO(run("audit", "export", "--format", "csv").out)))
        assert [f"{row['chain']}.{row['seq']}" for row in rows] == _PLACES

    def test_after_a_row_of_a_chain(self, run: Commands, tmp_path: Path) -> None:
        refused = run("audit", "export", "--after", "2")
        assert (refused.status, refused.out) == (2, "")
        assert "row 2 of which of the 3 chains? Name one, as in --chain 0" in refused.err
        done = run("audit", "export", "--chain", "1", "--after", "2")
        assert [json.loads(line)["seq"] for line in done.out.splitlines()] == [3, 4]
        file = tmp_path / "audit.jsonl"
        refused = run("audit", "export", "--chain", "7", "-o", str(file))
        assert (refused.status, "the chains are 0 to 2" in refused.err) == (2, True)
        assert not file.exists()


class TestVerify:
    def test_all_chains_and_all_their_ends(self, run: Commands, tmp_path: Path) -> None:
        words = run("audit", "checkpoint").out.splitlines()
        assert [word.partition(":")[0] for word in words] == ["2", "1.4", "2.2"]
        done = run("audit", "verify")
        assert done.status == 0
        assert done.out.splitlines() == [
            "8 rows of 3 chains verified, up to",
            *(f"  {word}" for word in words),
        ]
        told = json.loads(run("audit", "verify", "--json").out)
        assert [(head["chain"], head["seq"]) for head in told["heads"]] == [(0, 2), (1, 4), (2, 2)]
        # What was printed can be kept as it is.
        kept = tmp_path / "kept.txt"
        kept.write_text(done.out)
        done = run("audit", "verify", "--checkpoints", str(kept))
        assert (done.status, "3 of 3 checkpoints compared." in done.out) == (0, True)

    def test_each_fault_is_a_line(self, run: Commands, log: Log) -> None:
        (last,) = [word for word in run("audit", "checkpoint").out.split() if word.startswith("2.")]
        log.remove(2)
        del log.rows[1][1]
        log.put(0, [], Head(5, "0f" * 32, 0.0))
        done = run("audit", "verify", "--checkpoint", last)
        assert done.status == 1
        first, second, third = done.out.splitlines()
        said = "The audit log does not verify: "
        assert first.startswith(said + "the last chain is chain 1, but a checkpoint says that row 2 of ")
        assert second == said + "chain 0: the log ends at row 0, but row 5 was written: its end is cut."
        assert third.startswith(said + "chain 1: after row 1 comes row 3: ")


class TestPrune:
    def test_each_chain(self, run: Commands, log: Log) -> None:
        log.writing = 2
        assert run("audit", "prune", "--keep", "0s", "--yes").out == "8 rows forgotten.\n"
        told = [row.split("detail=")[1] for row in run("audit", "tail").out.splitlines()]
        assert told == ["rows 1 to 2 of chain 0", "rows 1 to 4 of chain 1", "rows 1 to 2 of chain 2"]
        assert run("audit", "verify").status == 0

    def test_what_does_not_verify_is_not_forgotten(self, run: Commands, log: Log) -> None:
        del log.rows[1][1]
        done = run("audit", "prune", "--keep", "0s", "--yes")
        assert (done.status, "chain 1: the audit log is not pruned" in done.err) == (2, True)
        assert len(log.rows[1]) == 3


class TestLookingAfterIt:
    def test_the_ends_are_looked_for(self, run: Commands, log: Log) -> None:
        assert "3 chains, each with its end" in run("store", "check").out
        del log.rows[1][-1]
        done = run("store", "check")
        assert (done.status, "chain 1: its end is not where it should be" in done.out) == (1, True)

    def test_a_clock_before_any_of_them(self, run: Commands, log: Log) -> None:
        end = log.ends[2]
        log.ends[2] = Head(end.seq, end.mac, end.at + 5000, 2)
        clock = [line for line in run("doctor").out.splitlines() if "clock" in line]
        assert any("s before the last row of the audit log" in line for line in clock)

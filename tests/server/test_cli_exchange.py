from __future__ import annotations

import io
import json
import os
import pty
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from server_processes import home_environment
from watchword_otp import parse_uri

if TYPE_CHECKING:
    from pathlib import Path

    from server_commands import Commands

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(autouse=True)
def _database(run: Commands) -> None:
    run.make_database()


def shown(run: Commands, name: str) -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(run("keys", "show", name, "--json").out)
    return found[0]


def names(run: Commands) -> list[str]:
    return [each["name"] for each in json.loads(run("keys", "list", "--json").out)]


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text("correct horse battery staple\n")
    return str(path)


class TestImport:
    def test_a_list_of_uris(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        file.write_text(
            f"# mine\n\notpauth://totp/Ex:carol@example.com?secret={SECRET}&issuer=Ex&period=60\n"
            f"otpauth://hotp/Dave%20D?secret={SECRET}&counter=7\r\n"
        )
        assert run("import", str(file)).out == "2 keys imported.\n"
        carol = shown(run, "carol-example.com")
        assert (carol["status"], carol["period"], carol["issuer"]) == ("active", 60, "Ex")
        assert carol["account"] == "carol@example.com"
        dave = shown(run, "dave-d")
        assert (dave["kind"], dave["last_step"]) == ("hotp", 6)

    def test_a_pam_file(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / ".google_authenticator"
        file.write_text(
            f'{SECRET}\n" RATE_LIMIT 3 30 1456\n" WINDOW_SIZE 5\n" DISALLOW_REUSE 60000005 60000002\n'
            '" TIME_SKEW -2\n" TOTP_AUTH\n12345678\n87654321\n'
        )
        unnamed = run("import", str(file))
        assert (unnamed.status, "--name" in unnamed.err) == (2, True)
        done = run("import", str(file), "--name", "alice")
        assert (done.status, "2 scratch codes are not taken over" in done.err) == (0, True)
        assert "12345678" not in done.out + done.err
        alice = shown(run, "alice")
        assert (alice["window"], alice["last_step"], alice["drift"]) == (2, 60000005, -2)

    def test_a_pam_file_that_counts(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "pam"
        file.write_text(f'{SECRET}\n" HOTP_COUNTER 12\n" WINDOW_SIZE 4\n')
        assert run("import", str(file), "--name", "alice").status == 0
        alice = shown(run, "alice")
        assert (alice["kind"], alice["last_step"], alice["window"]) == ("hotp", 11, 3)

    def test_a_table(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "keys.csv"
        file.write_text(
            "Name,secret,issuer,account,algorithm,digits,period,kind,counter,window\n"
            f'Éve,{SECRET},"Ex, Inc.",eve@example.com,sha256,8,60,,,3\n'
            f"frank,{SECRET},,,,,,hotp,5,\n"
        )
        assert run("import", str(file)).status == 0
        eve = shown(run, "eve")
        assert (eve["algorithm"], eve["digits"], eve["period"], eve["window"]) == ("SHA256", 8, 60, 3)
        assert eve["issuer"] == "Ex, Inc."
        assert shown(run, "frank")["last_step"] == 4

    def test_from_standard_input(self, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
        sent = io.TextIOWrapper(io.BytesIO(f"name,secret\nalice,{SECRET}\n".encode()))
        monkeypatch.setattr("sys.stdin", sent)
        assert run("import", "-").status == 0
        assert names(run) == ["alice"]

    @pytest.mark.parametrize(
        "bad",
        [
            "alice,BAD1SECRET",
            "alice,",
            f"alice,{SECRET},x",
            f"..,{SECRET}",
            "alice,ABCDEFGHIJKLMNO",
            f'"alice,{SECRET}',
            f"Bob,{SECRET}",
        ],
    )
    def test_all_or_nothing_and_bad_lines_by_number(
        self, run: Commands, tmp_path: Path, bad: str
    ) -> None:
        file = tmp_path / "keys.csv"
        file.write_text(f"name,secret\nbob,{SECRET}\n{bad}\ncarol,{SECRET}\n")
        before = run("audit", "checkpoint").out
        done = run("import", str(file))
        assert (done.status, names(run)) == (1, [])
        assert done.err.startswith("line 3: ")
        assert len(done.err.splitlines()) == 1
        assert SECRET not in done.err
        assert "BAD1SECRET" not in done.err
        assert run("audit", "checkpoint").out == before
        skipped = run("import", str(file), "--skip-bad", "--json")
        told = json.loads(skipped.out)
        assert (skipped.status, told["imported"]) == (0, ["bob", "carol"])
        assert [each["line"] for each in told["bad"]] == [3]

    def test_a_dry_run_looks_at_the_database_too(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "keys.csv"
        file.write_text(f"name,secret\nalice,{SECRET}\n")
        assert run("import", str(file), "--dry-run").out == "1 key would be imported.\n"
        assert names(run) == []
        run("import", str(file))
        again = run("import", str(file), "--dry-run")
        assert (again.status, "there is a key alice already" in again.err) == (1, True)

    def test_a_name_that_is_taken_stops_the_others_too(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "keys.csv"
        file.write_text(f"name,secret\nalice,{SECRET}\n")
        run("import", str(file))
        file.write_text(f"name,secret\nbob,{SECRET}\nalice,{SECRET}\n")
        done = run("import", str(file))
        assert (done.status, done.err.startswith("line 3: ")) == (1, True)
        assert names(run) == ["alice"]
        assert run("import", str(file), "--skip-bad").status == 0
        assert names(run) == ["alice", "bob"]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe\x00",
            b"hello\nworld\n",
            f"name,secret,{SECRET}\n".encode(),
            f"{SECRET},secret\n".encode(),
            b"{}",
            b'{"format":"watchword-export"}',
        ],
    )
    def test_what_is_no_list_of_keys(self, run: Commands, tmp_path: Path, content: bytes) -> None:
        file = tmp_path / "keys"
        file.write_bytes(content)
        phrase = tmp_path / "phrase"
        phrase.write_text("correct horse battery")
        done = run("import", str(file), "--passphrase-file", str(phrase))
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert SECRET not in done.err

    def test_a_key_that_was_here_before_comes_back_with_what_was_used(
        self, run: Commands, tmp_path: Path
    ) -> None:
        file = tmp_path / "keys.csv"
        file.write_text(f"name,secret\nalice,{SECRET}\n")
        run("import", str(file))
        connection = sqlite3.connect(run.folder / "watchword.db")
        with connection:
            connection.execute("UPDATE keys SET status = 'retired', last_step = 70000000")
        connection.close()
        assert run("import", str(file)).status == 0
        assert shown(run, "alice")["last_step"] == 70000000


class TestReplaceDefault:
    @pytest.fixture(autouse=True)
    def _file(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "keys.csv").write_text(f"name,secret\ndefault,{SECRET}\n")
        self.first_start(run)

    def first_start(self, run: Commands) -> None:
        """What the first start of a server leaves: a default key that nobody has used."""
        (run.folder.parent / "first.csv").write_text(
            "name,secret\ndefault,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n"
        )
        assert run("import", str(run.folder.parent / "first.csv")).status == 0

    def test_the_unused_one_gives_way_when_asked(self, run: Commands, tmp_path: Path) -> None:
        refused = run("import", str(tmp_path / "keys.csv"))
        assert (refused.status, "add --replace-default" in refused.err) == (1, True)
        assert run("import", str(tmp_path / "keys.csv"), "--replace-default").status == 0
        assert names(run) == ["default"]
        assert run("export", "-", "--plain", "--yes").out.splitlines()[1].startswith(f"default,{SECRET}")
        assert "key.delete" in run("audit", "tail").out

    def test_one_that_was_used_stays(self, run: Commands, tmp_path: Path) -> None:
        connection = sqlite3.connect(run.folder / "watchword.db")
        with connection:
            connection.execute("UPDATE keys SET last_step = 5, consumed_at = 150")
        connection.close()
        done = run("import", str(tmp_path / "keys.csv"), "--replace-default")
        assert (done.status, "delete that one first" in done.err) == (1, True)

    def test_it_stays_too_when_the_file_has_none(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "keys.csv").write_text(f"name,secret\nalice,{SECRET}\n")
        assert run("import", str(tmp_path / "keys.csv"), "--replace-default").status == 0
        assert names(run) == ["alice", "default"]


class TestExport:
    @pytest.fixture(autouse=True)
    def _keys(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "keys.csv"
        file.write_text(
            "name,secret,issuer,account,algorithm,digits,period,kind,counter,window\n"
            f"alice,{SECRET},Ex,alice@example.com,SHA512,8,60,totp,,4\n"
            f"bob,{SECRET},,,,,,hotp,9,\n"
            f"steam,{SECRET},Steam,,,,,steam,,\n"
        )
        assert run("import", str(file)).status == 0
        connection = sqlite3.connect(run.folder / "watchword.db")
        with connection:
            connection.execute("UPDATE keys SET last_step = 31000000, drift = 3 WHERE name = 'alice'")
        connection.close()

    def restart(self, run: Commands) -> None:
        for path in run.folder.iterdir():
            path.unlink()
        run.folder.rmdir()
        run.make_database()

    def facts(self, run: Commands) -> list[dict[str, object]]:
        found = json.loads(run("keys", "list", "--json").out)
        return [
            {name: value for name, value in each.items() if not name.endswith("_at")} for each in found
        ]

    def test_sealed_there_and_back(self, run: Commands, tmp_path: Path, passphrase: str) -> None:
        file = tmp_path / "keys.json"
        before = self.facts(run)
        assert run("export", str(file), "--passphrase-file", passphrase).status == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert SECRET not in file.read_text()
        assert "alice" not in file.read_text()
        assert "3 keys, sealed" in run("audit", "tail", "--event", "keys.export").out
        self.restart(run)
        assert run("import", str(file), "--passphrase-file", passphrase).status == 0
        assert self.facts(run) == before

    def test_uris_cannot_tell_what_was_used_and_it_is_said(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "keys.txt"
        done = run("export", str(file), "--plain", "--format", "otpauth", "--yes")
        assert "in the last minute counts again" in done.err
        assert "again" not in run("export", str(tmp_path / "out.csv"), "--plain", "--yes").err
        self.restart(run)
        done = run("import", str(file))
        # The one that counts by use tells it.
        assert "For 2 keys the file does not tell what was used" in done.err
        self.restart(run)
        assert "does not tell" not in run("import", str(tmp_path / "out.csv")).err
        self.restart(run)
        assert json.loads(run("import", str(file), "--json").out)["use_unknown"][-1] == "steam"

    @pytest.mark.parametrize("last_step", ["-2", "9223372036854775807", "x"])
    def test_a_last_step_that_is_none(self, run: Commands, tmp_path: Path, last_step: str) -> None:
        file = tmp_path / "more.csv"
        file.write_text(f"name,secret,kind,last_step\neve,{SECRET},,{last_step}\n")
        assert (run("import", str(file)).status, "eve" in names(run)) == (1, False)
        file.write_text(f"name,secret,kind,last_step\neve,{SECRET},hotp,5\n")
        assert "leave last_step empty" in run("import", str(file)).err

    @pytest.mark.parametrize(
        "own", ["watchword.db", "watchword.db-wal", "watchword.db-shm", "watchword.lock", "sealing.keys"]
    )
    def test_what_the_server_lives_on_is_never_written_over(
        self, run: Commands, tmp_path: Path, own: str
    ) -> None:
        other = tmp_path / "other-name"
        other.symlink_to(run.folder)
        before = (run.folder / "watchword.db").read_bytes(), (run.folder / "sealing.keys").read_bytes()
        for target in (run.folder / own, other / own):
            for command in (
                ("store", "backup", str(target), "--force"),
                ("export", str(target), "--plain", "--yes", "--force"),
                ("audit", "export", "-o", str(target), "--force"),
            ):
                done = run(*command)
                assert (done.status, f"is {own}, which the server needs" in done.err) == (2, True)
        after = (run.folder / "watchword.db").read_bytes(), (run.folder / "sealing.keys").read_bytes()
        assert after == before

    def test_the_database_by_another_name_of_its_own(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "linked.db").hardlink_to(run.folder / "watchword.db")
        assert run("store", "backup", str(tmp_path / "linked.db"), "--force").status == 2

    def test_another_passphrase_or_a_changed_file(
        self, run: Commands, tmp_path: Path, passphrase: str
    ) -> None:
        file = tmp_path / "keys.json"
        run("export", str(file), "--passphrase-file", passphrase)
        other = tmp_path / "other"
        other.write_text("correct horse battery stable\n")
        done = run("import", str(file), "--passphrase-file", str(other))
        assert (done.status, "passphrase" in done.err) == (2, True)
        members = json.loads(file.read_text())
        members["kdf"]["salt"] = members["kdf"]["salt"].swapcase()
        file.write_text(json.dumps(members))
        assert run("import", str(file), "--passphrase-file", passphrase).status == 2
        members["kdf"]["n"] = 2**40
        file.write_text(json.dumps(members))
        assert "no sealed export" in run("import", str(file), "--passphrase-file", passphrase).err

    def test_plain_tables_there_and_back(self, run: Commands, tmp_path: Path) -> None:
        file = tmp_path / "out.csv"
        assert run("export", str(file), "--plain", "--yes").status == 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "3 keys, plain" in run("audit", "tail", "--event", "keys.export").out
        before = self.facts(run)
        self.restart(run)
        assert run("import", str(file)).status == 0
        assert self.facts(run) == before
        assert shown(run, "bob")["last_step"] == 8

    def test_plain_uris_for_authenticators(self, run: Commands) -> None:
        done = run("export", "-", "--plain", "--format", "otpauth", "--yes")
        alice, bob, steam = map(parse_uri, done.out.splitlines())
        assert (alice.issuer, alice.name, alice.secret.base32()) == ("Ex", "alice@example.com", SECRET)
        assert (bob.issuer, bob.name, bob.counter) == ("Watchword", "bob", 9)
        assert steam.kind == "steam"

    def test_nothing_is_replaced_unasked(self, run: Commands, tmp_path: Path, passphrase: str) -> None:
        file = tmp_path / "keys.json"
        file.write_text("precious")
        done = run("export", str(file), "--passphrase-file", passphrase)
        assert (done.status, file.read_text()) == (2, "precious")
        assert run("export", str(file), "--passphrase-file", passphrase, "--force").status == 0

    def test_a_short_passphrase_is_refused(self, run: Commands, tmp_path: Path) -> None:
        (tmp_path / "short").write_text("hunter2\n")
        done = run("export", str(tmp_path / "out"), "--passphrase-file", str(tmp_path / "short"))
        assert (done.status, "12 characters" in done.err) == (2, True)
        assert "hunter2" not in done.err
        assert not (tmp_path / "out").exists()

    def test_secrets_are_not_shown_on_a_terminal(self, run: Commands, tmp_path: Path) -> None:
        ours, theirs = pty.openpty()
        ended = subprocess.run(
            [sys.executable, "-m", "watchword_server", "export", "-", "--plain"],
            env=home_environment(tmp_path, {"WATCHWORD_SERVER_DATA_DIR": str(run.folder)}),
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
        )
        os.close(theirs)
        os.close(ours)
        assert ended.returncode == 2
        assert "--yes" in ended.stderr

from __future__ import annotations

import io
import json
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from server_processes import run_server_command, server_process
from watchword_otp import code_at, parse_uri, step_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from server_commands import Commands
    from watchword_otp import Key


@pytest.fixture(autouse=True)
def _database(run: Commands) -> None:
    run.make_database()


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What comes on standard input."""

    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


@pytest.fixture
def key(run: Commands, tmp_path: Path) -> Key:
    """A key called alice, in use."""
    made = parse_uri(
        "otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example"
    )
    (tmp_path / "keys.txt").write_text(
        "otpauth://totp/Example:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example"
    )
    assert run("import", str(tmp_path / "keys.txt")).status == 0
    return made


def code(key: Key, offset: int) -> str:
    return code_at(key, step_at(key, time.time()) + offset)


def shown(run: Commands, name: str = "alice") -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(run("keys", "show", name, "--json").out)
    return found[0]


class TestMaking:
    def test_create_draws_the_key_once(self, run: Commands) -> None:
        done = run("keys", "create", "bob", "--issuer", "Example", "--account", "bob@example.com")
        assert done.status == 0
        assert "▄" in done.out
        assert "keys link bob" in done.out
        # The drawing comes last, so that nothing pushes its top out of sight.
        assert "▄" in done.out.splitlines()[-2]
        secret = "".join(done.out.splitlines()[0].split())
        assert len(secret) == 32
        assert secret not in run("keys", "show", "bob").out + run("keys", "list", "--json").out
        assert shown(run, "bob")["status"] == "pending"

    def test_create_gives_the_uri_for_programs(self, run: Commands) -> None:
        key = parse_uri(run("keys", "create", "bob", "--kind", "hotp", "--digits", "8", "--uri").out)
        assert (key.kind, key.digits, key.name, key.issuer) == ("hotp", 8, "bob", "Watchword")
        made = json.loads(run("keys", "create", "carol", "--algorithm", "SHA256", "--json").out)
        assert parse_uri(made["uri"]).secret.base32() == made["secret"]
        assert (made["algorithm"], parse_uri(made["uri"]).secret.bits) == ("SHA256", 256)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("Bob",),
            ("bob", "--issuer", "a\x1bb"),
            ("bob", "--digits", "5"),
            ("bob", "--digits", "11"),
            ("bob", "--period", "9"),
        ],
    )
    def test_what_makes_no_key_is_refused(self, run: Commands, arguments: tuple[str, ...]) -> None:
        done = run("keys", "create", *arguments)
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)

    @pytest.mark.usefixtures("key")
    def test_a_name_is_used_once(self, run: Commands) -> None:
        done = run("keys", "create", "alice")
        assert (done.status, "delete it first" in done.err) == (2, True)

    def test_a_key_that_waits_is_not_rotated(self, run: Commands) -> None:
        run("keys", "create", "bob")
        done = run("keys", "rotate", "bob")
        assert (done.status, "still waits for its first code" in done.err) == (2, True)

    def test_rotate_leaves_the_old_one_in_use(self, run: Commands, key: Key) -> None:
        successor = parse_uri(run("keys", "rotate", "alice", "--uri").out)
        assert successor.secret != key.secret
        found = json.loads(run("keys", "show", "alice", "--json").out)
        assert [each["status"] for each in found] == ["active", "pending"]
        assert run("keys", "show", "alice").out.count("\n\nname ") == 1

    def test_the_drawing_keeps_its_colours_where_there_is_no_terminal(self, run: Commands) -> None:
        assert "\x1b[" in run("keys", "create", "bob").out

    def test_a_link_leads_to_the_server_that_runs(self, tmp_path: Path) -> None:
        def link(*arguments: str) -> str:
            done = run_server_command(tmp_path, "keys", "link", "bob", *arguments)
            return done.stdout if done.returncode == 0 else done.stderr

        with server_process(tmp_path) as server:
            run_server_command(tmp_path, "keys", "create", "bob")
            assert link().startswith(f"{server.url}/enrol/")
            server.stop()
        assert "no server runs here: say how people reach it, as in --public-url" in link()
        with server_process(tmp_path, "--public-url", "https://codes.example.net"):
            assert link().startswith("https://codes.example.net/enrol/")
            assert link("--public-url", "https://otp.example.net/").startswith(
                "https://otp.example.net/enrol/"
            )
            assert "without a path" in link("--public-url", "codes.example.net")
        with server_process(tmp_path, "--unix-socket", str(tmp_path / "s")):
            assert "listens on a Unix socket: say how" in link()

    def test_a_link_begins_with_the_public_address(
        self, run: Commands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WATCHWORD_SERVER_PUBLIC_URL", "https://codes.example.net")
        run("keys", "create", "bob")
        done = run("keys", "link", "bob")
        assert done.out.startswith("https://codes.example.net/enrol/")
        assert run("keys", "link", "nobody").status == 2


class TestLooking:
    @pytest.mark.usefixtures("key")
    def test_list_is_a_table_in_order_of_names(self, run: Commands) -> None:
        run("keys", "create", "bob")
        titles, alice, bob = run("keys", "list").out.splitlines()
        assert titles.split()[0] == "NAME"
        assert alice.split()[:4] == ["alice", "active", "totp", "Example"]
        assert bob.split()[:3] == ["bob", "pending", "totp"]

    def test_a_list_of_more_than_a_page_is_whole(self, run: Commands, tmp_path: Path) -> None:
        rows = "".join(f"key{number},GEZDGNBVGY3TQOJQ\n" for number in range(1203))
        (tmp_path / "keys.csv").write_text(f"name,secret\n{rows}")
        run("import", str(tmp_path / "keys.csv"))
        found = json.loads(run("keys", "list", "--json").out)
        assert len({each["name"] for each in found}) == 1203

    def test_an_unknown_name_is_one_line(self, run: Commands) -> None:
        for command in ("show", "unlock", "rotate", "link"):
            done = run("keys", command, "nobody")
            assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
            assert "keys list" in done.err


class TestDiagnose:
    def test_it_tells_and_accepts_nothing(
        self, run: Commands, key: Key, typed: Callable[[str], None]
    ) -> None:
        typed(code(key, -6))
        done = run("keys", "diagnose", "alice", "-", "--json")
        found = json.loads(done.out)
        assert (done.status, found["verdict"]) == (1, "wrong")
        assert found["diagnosis"] in {"right key, 6 steps slow", "right key, 7 steps slow"}
        typed(code(key, 0) + "\n")
        accepted = run("keys", "diagnose", "alice", "-")
        assert (accepted.status, "would have been accepted" in accepted.out) == (0, True)
        assert shown(run)["last_step"] is None
        assert shown(run)["failures"] == 2

    @pytest.mark.usefixtures("key")
    def test_a_code_never_comes_by_the_command_line(self, run: Commands) -> None:
        assert run("keys", "diagnose", "alice", "123456").status == 2
        done = run("keys", "diagnose", "alice")
        assert (done.status, "no terminal" in done.err) == (2, True)
        assert shown(run)["failures"] == 0

    @pytest.mark.usefixtures("key")
    def test_a_locked_key_has_no_attempts(self, run: Commands, typed: Callable[[str], None]) -> None:
        lock(run)
        typed("123456\n")
        found = json.loads(run("keys", "diagnose", "alice", "-", "--json").out)
        assert (found["verdict"], found["attempts_left"]) == ("locked", 0)


def lock(run: Commands) -> None:
    with sqlite3.connect(run.folder / "watchword.db") as connection:
        connection.execute("UPDATE keys SET failures = 5, locked_until = ?", (time.time() + 600,))
    connection.close()


class TestResync:
    @pytest.mark.usefixtures("key")
    def test_it_says_what_to_do(self, run: Commands, key: Key, typed: Callable[[str], None]) -> None:
        wrong = f"{code(key, 7)}\n{code(key, 30)}\n"
        for sent, told in ((wrong, "see that it is the right key"), ("1\n2\n", "with all their digits")):
            typed(sent)
            assert told in run("keys", "resync", "alice", "-").out
        lock(run)
        typed(wrong)
        said = run("keys", "resync", "alice", "-").out
        assert "keys unlock alice" in said
        assert "locked for 600 s" in said or "locked for 599 s" in said

    def test_two_codes_move_the_window_and_are_used(
        self, run: Commands, key: Key, typed: Callable[[str], None]
    ) -> None:
        typed(f"{code(key, 20)}\n{code(key, 21)}\n")
        done = run("keys", "resync", "alice", "-", "--json")
        assert (done.status, json.loads(done.out)["verdict"]) == (0, "accepted")
        assert shown(run)["drift"] in {20, 21}
        typed(f"{code(key, 20)}\n{code(key, 21)}\n")
        assert run("keys", "resync", "alice", "-").status == 1

    @pytest.mark.usefixtures("key")
    def test_it_needs_two(self, run: Commands, typed: Callable[[str], None]) -> None:
        typed("123456\n")
        done = run("keys", "resync", "alice", "-")
        assert (done.status, "2 codes" in done.err) == (2, True)


class TestLookingAfter:
    @pytest.mark.usefixtures("key")
    def test_unlock_forgets_failures_and_keeps_used_codes(self, run: Commands) -> None:
        with sqlite3.connect(run.folder / "watchword.db") as connection:
            connection.execute("UPDATE keys SET failures = 100, last_step = 5, consumed_at = 150")
        connection.close()
        assert shown(run)["disabled"] is True
        done = run("keys", "unlock", "alice")
        assert (done.status, done.out) == (0, "alice: 100 failures forgotten.\n")
        assert (shown(run)["failures"], shown(run)["last_step"]) == (0, 5)
        assert run("keys", "unlock", "alice").out == "alice had no failures.\n"

    @pytest.mark.usefixtures("key")
    def test_recovery_codes_are_shown_once(self, run: Commands) -> None:
        done = run("keys", "recovery-codes", "alice", "--yes")
        codes = done.out.split()
        assert (done.status, len(set(codes))) == (0, 10)
        content = (run.folder / "watchword.db").read_bytes()
        assert not any(code.encode() in content for code in codes)

    @pytest.mark.usefixtures("key")
    def test_delete(self, run: Commands) -> None:
        assert run("keys", "delete", "alice", "--yes").out == "alice is deleted.\n"
        assert run("keys", "show", "alice").status == 2
        assert '"event":"key.delete"' in run("audit", "tail", "--json").out

"""`watchword doctor`: what it finds, and what it says to do."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET, Desk, Here
from servers import Clock, running_server
from watchword_tui.commands.doctor_server import look_at_clock
from watchword_tui.commands.doctor_terminal import look_at_terminal
from watchword_tui.commands.findings import State

if TYPE_CHECKING:
    from pathlib import Path

PASSPHRASE = "correct horse staple"


@pytest.fixture(autouse=True)
def terminal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with nothing to say about it."""
    for name in ("TMUX", "STY", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    desk.environ.update({"TERM": "xterm-256color", "COLORTERM": "truecolor"})


def found(here: Here, *arguments: str) -> dict[str, list[str]]:
    """What is not ok, by subject: state, detail, advice."""
    told = [json.loads(line) for line in here("doctor", "--json", *arguments).out.splitlines()]
    return {
        one["subject"]: [one["state"], one["detail"], one["advice"]]
        for one in told
        if one["state"] != "ok"
    }


class TestFiles:
    def test_where_all_is_well_it_says_so(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB, passphrase=PASSPHRASE)
        ended = here("doctor")

        assert ended.status == 0
        assert all(line.startswith("ok       ") for line in ended.out.splitlines())
        assert f"ok       vault: {desk.vault}, encrypted\n" in ended.out

    def test_before_the_first_account_there_is_nothing_wrong(self, here: Here) -> None:
        ended = here("doctor")

        assert ended.status == 0
        assert "none yet at" in ended.out

    def test_a_plain_vault_is_a_warning(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)

        state, _, advice = found(here)["vault"]
        assert (state, advice) == ("warning", "give it a passphrase: watchword vault encrypt")
        assert here("doctor").status == 0
        assert SECRET not in here("doctor").out

    def test_files_that_others_can_read_are_wrong(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--name", "bob")
        desk.vault.chmod(0o644)
        desk.vault.with_name("vault.json.bak1").chmod(0o640)
        desk.vault.parent.chmod(0o755)
        wrong = found(here)

        assert here("doctor").status == 1
        assert wrong["vault file"][2] == f"run: chmod 600 {desk.vault}"
        assert wrong["backup"][2] == f"run: chmod 600 {desk.vault}.bak1"
        assert wrong["vault folder"][2] == f"run: chmod 700 {desk.vault.parent}"

    def test_a_damaged_or_missing_vault_names_the_backup(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        here("edit", "github", "--name", "bob")
        desk.vault.write_text("{")
        assert "watchword vault restore" in found(here)["vault"][2]

        desk.vault.unlink()
        assert found(here)["vault"] == [
            "wrong",
            f"{desk.vault} is gone",
            "bring it back: watchword vault restore 1",
        ]

    def test_plain_backups_of_an_encrypted_vault_are_named(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.write("new", PASSPHRASE)
        here("vault", "encrypt", "--passphrase-file", "new")

        assert found(here)["backups"][2] == "delete them: watchword vault backups --forget"

    def test_what_was_left_behind_and_who_holds_the_vault(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        desk.vault.with_name(".vault.json.1234.new").touch(0o600)
        assert found(here)["leftovers"][2] == "the next change removes them"

        descriptor = os.open(desk.vault.with_name(".vault.json.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            assert found(here)["lock"][1] == "another program is saving the vault"
        finally:
            os.close(descriptor)

    def test_rows_that_cannot_be_used_are_named(self, here: Here, desk: Desk) -> None:
        desk.keep(GITHUB)
        text = desk.vault.read_text().replace('"digits":6', '"digits":99')
        desk.vault.write_text(text)

        assert found(here)["account"][1].startswith("GitHub alice@example.com: ")

    def test_settings_and_passphrase_files_are_looked_at(self, here: Here, desk: Desk) -> None:
        desk.write("config.toml", "", 0o666)
        desk.write("pass", PASSPHRASE, 0o644)
        desk.write("otp.txt", GITHUB, 0o644)
        files = ["--config", "config.toml", "--passphrase-file", "pass", "--accounts", "otp.txt"]
        wrong = found(here, *files)

        assert wrong["settings"][2] == "run: chmod go-w config.toml"
        assert wrong["passphrase file"][2] == "run: chmod 600 pass"
        assert "otp.txt can be read by others: run chmod 600 otp.txt" in wrong["files of accounts"][1]

    def test_settings_that_cannot_be_read_are_a_finding(self, here: Here, desk: Desk) -> None:
        desk.write("config.toml", "sort = 5")

        assert found(here, "--config", "config.toml")["settings"][0] == "wrong"


class TestServer:
    async def test_a_server_that_answers_and_takes_the_token(
        self, here: Here, desk: Desk, tmp_path: Path
    ) -> None:
        async with running_server(tmp_path, clock=Clock(time.time() // 1 + 1)) as server:
            desk.use(server)
            ended = await asyncio.to_thread(here, "doctor")

            assert ended.status == 0
            assert " takes it for the key 'default'" in ended.out
            # Looking used nothing up.
            assert (await asyncio.to_thread(here, "check", server.code())).status == 0

    async def test_a_clock_that_is_off_and_a_token_that_is_not_known(
        self, here: Here, desk: Desk, tmp_path: Path
    ) -> None:
        async with running_server(tmp_path, clock=Clock(time.time() // 1 - 41)) as server:
            desk.use(server, token="ww_" + "x" * 43)
            wrong = await asyncio.to_thread(found, here)

        assert wrong["clock"][0] == "warning"
        assert "fast" in wrong["clock"][1]
        assert wrong["token"][1].endswith("does not know this token")

    def test_a_server_that_is_not_there(self, here: Here, desk: Desk) -> None:
        desk.environ["WATCHWORD_SERVER"] = "http://127.0.0.1:9"

        assert found(here)["server"][2] == "is the server running?"


class TestTerminal:
    @pytest.mark.parametrize(
        ("environ", "subject", "state", "words"),
        [
            ({}, "terminal", State.OK, "none here"),
            ({"TERM": "dumb"}, "terminal", State.WRONG, "has no screen"),
            ({"TERM": "vt100"}, "terminal", State.WARNING, "256 colours"),
            ({"TERM": "screen", "STY": "1"}, "clipboard", State.OK, "through screen"),
            ({"TERM": "xterm", "NO_COLOR": "1"}, "terminal", State.OK, "without colours"),
        ],
    )
    def test_what_is_said_of_it(
        self, environ: dict[str, str], subject: str, state: State, words: str
    ) -> None:
        findings = {one.subject: one for one in look_at_terminal(environ, None)}

        assert findings[subject].state is state
        assert words in findings[subject].detail

    def test_tmux_is_asked_for_its_clipboard(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        tmux = desk.write("tmux", '#!/bin/sh\n[ "$3" = set-clipboard ] && echo "$ANSWER"\n', 0o700)
        monkeypatch.setenv("PATH", f"{tmux.parent}:/usr/bin:/bin")
        states = []
        for answer in ("external", "on"):
            monkeypatch.setenv("ANSWER", answer)
            environ = {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0"}
            states += [
                one.state for one in look_at_terminal(environ, None) if one.subject == "clipboard"
            ]

        assert states == [State.WARNING, State.OK]

    @pytest.mark.parametrize(
        ("now", "state"), [(0.0, State.WRONG), (1.8e9, State.OK), (9e9, State.WRONG)]
    )
    def test_a_date_that_cannot_be_is_wrong(self, now: float, state: State) -> None:
        assert [one.state for one in look_at_clock(now)] == [state]

    async def test_a_small_window_is_told(self, desk: Desk) -> None:
        small = await desk.run_on_terminal("doctor", size=(50, 12))
        narrow = await desk.run_on_terminal("doctor", size=(70, 24))

        assert "wrong    size: 50 columns and 12 rows" in small.out
        assert small.status == 1
        assert "warning  size: 70 columns and 24 rows" in narrow.out

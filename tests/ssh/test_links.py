"""Links that break: the app is gone within a second of its terminal, and a new one finds all whole."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB
from processes import is_running, wait_until
from sshd import Sshd, running_sshd, session_of
from terminal import AT_ONCE
from wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from terminal import Terminal

PASSPHRASE = "correct horse battery"
GIVEN_UP = "Timeout, client not responding"
"""What sshd writes when ClientAlive has found nobody."""


def whole(screen: str) -> bool:
    return "GitHub" in screen and "^q Quit" in screen


def sooner(text: str) -> str:
    """Let sshd look for dead links every second, twice."""
    assert "ClientAliveInterval 15" in text
    assert "ClientAliveCountMax 3" in text
    return text.replace("Interval 15", "Interval 1").replace("CountMax 3", "CountMax 2")


@pytest.fixture(scope="module")
def impatient() -> Iterator[Sshd]:
    """An encrypted vault behind an sshd that finds dead links soon."""
    with running_sshd(change=sooner) as running:
        running.desk.keep(GITHUB, passphrase=PASSPHRASE)
        yield running


def set_exit(running: Sshd, seconds: int) -> None:
    """Have the sessions from now on end after so long without a key press."""
    settings = running.home / ".config/watchword"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "config.toml").write_text(f"exit_after = {seconds}\n")


def unlock(terminal: Terminal) -> None:
    terminal.wait_for(lambda screen: "Enter opens" in screen, "the lock screen")
    terminal.press(f"{PASSPHRASE}\r")
    terminal.wait_for(whole, "the codes")


@pytest.mark.parametrize("killed", ["the client", "sshd's session"])
def test_killed_at_either_end_the_app_is_gone_at_once(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], killed: str
) -> None:
    terminal = open_terminals(alone.connect())
    terminal.wait_for(whole, "the codes")
    app = alone.app()
    os.kill(terminal.pid if killed == "the client" else session_of(app), signal.SIGKILL)
    took = wait_until(lambda: not is_running(app), "the app has gone")
    assert took < AT_ONCE


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_told_to_stop_it_restores_the_terminal_and_is_gone_at_once(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], number: signal.Signals
) -> None:
    terminal = open_terminals(alone.connect())
    terminal.wait_for(whole, "the codes")
    app = alone.app()
    os.kill(app, number)
    assert wait_until(lambda: not is_running(app), "the app has gone") < AT_ONCE
    assert terminal.wait_for_end() == 0
    assert "\x1b[?1049l" in terminal.raw
    assert "\x1b[?25h" in terminal.raw


def test_a_locked_screen_is_silent_so_sshd_finds_a_cut_link(
    impatient: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    set_exit(impatient, 600)
    with Wire(impatient.port) as wire:
        terminal = open_terminals(impatient.connect(port=wire.port))
        unlock(terminal)
        terminal.press("l")
        terminal.wait_for(lambda screen: "locked" in screen, "the lock screen")
        app = impatient.app()
        session = session_of(app)
        wire.cut()
        wait_until(lambda: not is_running(session), "sshd gives the link up")
        assert GIVEN_UP in impatient.log.read_text()
        assert wait_until(lambda: not is_running(app), "the app has gone") < AT_ONCE


def test_a_screen_that_counts_keeps_sshd_from_looking_so_the_app_leaves_by_itself(
    impatient: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    set_exit(impatient, 5)
    with Wire(impatient.port) as wire:
        terminal = open_terminals(impatient.connect(port=wire.port))
        unlock(terminal)
        app = impatient.app()
        wire.cut()
        given_up = impatient.log.read_text().count(GIVEN_UP)
        assert wait_until(lambda: not is_running(app), "the app has gone") < 5 + AT_ONCE
        assert impatient.log.read_text().count(GIVEN_UP) == given_up, "it was sshd"

        # Cut off, not shut out: a new connection shows the codes, also while the old one is there.
        again = open_terminals(impatient.connect())
        unlock(again)
        again.press("\x11")
        assert again.wait_for_end() == 0


def test_nobody_typing_it_leaves_and_says_why(
    impatient: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    set_exit(impatient, 2)
    terminal = open_terminals(impatient.connect())
    terminal.wait_for(lambda screen: "Enter opens" in screen, "the lock screen")
    assert terminal.wait_for_end() == 0
    assert terminal.raw.rstrip().endswith("watchword: Nobody typed for 2 s.")


def test_while_locked_nothing_is_sent(
    impatient: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    set_exit(impatient, 600)
    terminal = open_terminals(impatient.connect())
    unlock(terminal)
    terminal.press("l")
    terminal.wait_for(lambda screen: "Enter opens" in screen, "the lock screen")
    terminal.listen(0.5)
    assert terminal.listen(2.5) == ""


def test_frozen_it_is_still_gone_at_once_when_told(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(alone.connect())
    terminal.wait_for(whole, "the codes")
    app = alone.app()
    session = session_of(app)
    os.kill(session, signal.SIGSTOP)
    try:
        os.kill(app, signal.SIGTERM)
        assert wait_until(lambda: not is_running(app), "the app has gone") < AT_ONCE
    finally:
        os.kill(session, signal.SIGCONT)


def test_whatever_ends_it_the_vault_is_whole_and_nothing_is_left_beside_it(alone: Sshd) -> None:
    wait_until(lambda: not alone.apps(), "no app is left")
    assert [one.issuer for one in alone.desk.kept().accounts] == ["GitHub"]
    names = {path.name for path in Path(alone.desk.vault.parent).iterdir()}
    assert names <= {"vault.json", ".vault.json.lock", "people"}

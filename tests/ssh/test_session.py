"""A session as a person has it: through a real sshd, on a real terminal, with a real server behind."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB, SECRET
from processes import wait_until
from server_processes import server_process
from sshd import Sshd, running_sshd
from watchword_otp import code_at, step_at
from watchword_tui.accounts import read_uri_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from terminal import Terminal

OSC_52 = re.compile(r"\x1b\]52;c;([0-9A-Za-z+/=]*)\x07")
QUIT = "\x11"


def whole(screen: str) -> bool:
    return "GitHub" in screen and "^q Quit" in screen


def live_codes() -> set[str]:
    """The codes of now, and of a moment ago."""
    (account,) = read_uri_lines(GITHUB, "test").accounts
    key = account.key
    return {code_at(key, step_at(key, time.time()) + step) for step in (-1, 0)}


@pytest.fixture(scope="module")
def with_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An account whose settings name a running server that knows its key."""
    folder = tmp_path_factory.mktemp("server")
    known = {"TOTP_BASE32_SECRET": SECRET, "BEARER": "a-token-of-the-tests"}
    with server_process(folder, environment=known) as server, running_sshd() as running:
        running.desk.keep(GITHUB)
        settings = running.home / ".config/watchword"
        settings.mkdir(parents=True)
        (settings / "token").write_text(known["BEARER"])
        (settings / "token").chmod(0o600)
        (settings / "config.toml").write_text(
            f"[servers.here]\nurl = '{server.url}'\ntoken_file = 'token'\n"
        )
        yield running


def test_it_shows_the_codes_and_leaves_with_ctrl_q(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(alone.connect())
    terminal.wait_for(whole, "the codes")
    assert any(f"{code[:3]} {code[3:]}" in terminal.text for code in live_codes())
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0
    # The terminal is as it was: screen, cursor, mouse, paste, keys.
    for reset in ("?1049l", "?25h", "?1000l", "?1003l", "?2004l", "?1004l", "<u"):
        assert f"\x1b[{reset}" in terminal.raw
    wait_until(lambda: not alone.apps(), "the app has gone")


def test_it_follows_the_size_of_the_terminal(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(alone.connect())
    terminal.wait_for(whole, "the codes")
    terminal.resize(120, 40)
    terminal.wait_for(
        lambda screen: any(len(line) > 100 for line in screen.splitlines()), "lines of 120 columns"
    )
    terminal.resize(50, 10)
    terminal.wait_for(lambda screen: "Too small." in screen, "the notice")
    terminal.resize(80, 24)
    terminal.wait_for(lambda screen: whole(screen) and "Too small." not in screen, "the codes again")


def test_a_code_typed_into_validate_is_accepted_by_a_server_once(
    with_server: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(with_server.connect())
    terminal.wait_for(lambda screen: whole(screen) and "here" in screen, "the codes and the server")
    terminal.press("v")
    terminal.wait_for(lambda screen: "Validate" in screen, "Validate")
    terminal.press("\r")
    terminal.wait_for(lambda screen: "Accepted" in screen, "the verdict")
    terminal.press("\r")
    # Its token may not be told why.
    terminal.wait_for(lambda screen: "Not valid" in screen, "that it is used up")
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0


def test_copying_sends_the_code_to_the_terminal_where_the_person_is(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    terminal = open_terminals(alone.connect())
    terminal.wait_for(whole, "the codes")
    terminal.press("c")
    terminal.wait_for(lambda screen: "Sent to your terminal" in screen, "the toast")
    (sent,) = OSC_52.findall(terminal.raw)
    assert base64.b64decode(sent).decode() in live_codes()


def test_what_the_connection_says_of_itself_sets_nothing(
    open_terminals: Callable[[Terminal], Terminal], tmp_path: Path
) -> None:
    """Even an sshd that lets all variables in gives the app none that it would heed."""

    def let_all_in(text: str) -> str:
        return text.replace("AcceptEnv LANG", "AcceptEnv * LANG")

    hostile = {
        "TEXTUAL_LOG": str(tmp_path / "log"),
        "TEXTUAL_SCREENSHOT": "0",
        "TEXTUAL_SCREENSHOT_LOCATION": str(tmp_path),
        "TEXTUAL_PRESS": "ctrl+q",
        "TEXTUAL_DRIVER": "no.such:Driver",
        "WATCHWORD_VAULT": "/etc/hostname",
        "WATCHWORD_CONFIG": "/nowhere",
        "WATCHWORD_SERVER": "https://elsewhere.example",
        "_WATCHWORD_COMPLETE": "bash_source",
        "XDG_DATA_HOME": "/nowhere",
        "TOTP_BASE32_SECRET": "JBSWY3DPEHPK3PXP",
        "BEARER": "stolen",
        "COLUMNS": "20",
        "LINES": "5",
    }
    with running_sshd(change=let_all_in) as running:
        running.desk.keep(GITHUB)
        options = [f"-oSendEnv={' '.join(hostile)}"]
        terminal = open_terminals(running.connect(*options, environ=hostile))
        terminal.wait_for(whole, "the codes")
        environment = Path(f"/proc/{running.app()}/environ").read_text()
        assert "TEXTUAL_DRIVER" in environment, "it was not even sent"
        assert "1 account" in terminal.text
        terminal.press(QUIT)
        assert terminal.wait_for_end() == 0
        assert list(tmp_path.iterdir()) == []

"""The app on a real terminal: how it comes, what it sends, and how it goes in every case."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apps import account_of
from desk import GITHUB, SECRET
from terminal import AT_ONCE, Terminal
from watchword_otp import Key, Secret
from watchword_tui.vault.document import Document
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


SHOWN = "GitHub"
LEAVE_ALTERNATE_SCREEN = "\x1b[?1049l"
MOUSE_OFF = "\x1b[?1000l"
CURSOR_ON = "\x1b[?25h"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start the app, or a script in its place, on an 80x24 terminal."""
    started: list[Terminal] = []

    def start(
        *command: str, accounts: str = GITHUB, environment: dict[str, str] | None = None
    ) -> Terminal:
        (tmp_path / "otp.txt").write_text(accounts)
        (tmp_path / "otp.txt").chmod(0o600)
        program = command or ("-m", "watchword_tui", "--accounts", "otp.txt")
        surroundings = {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            **(environment or {}),
        }
        terminal = Terminal([sys.executable, *program], tmp_path, surroundings)
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.close()


def restored(terminal: Terminal) -> bool:
    """Whether the terminal got back its screen, mouse and cursor."""
    return all(reset in terminal.raw for reset in (LEAVE_ALTERNATE_SCREEN, MOUSE_OFF, CURSOR_ON))


def whole(screen: str) -> bool:
    return SHOWN in screen and "^q Quit" in screen


def test_it_shows_the_codes_and_leaves_with_ctrl_q(start: Callable[..., Terminal]) -> None:
    terminal = start()
    terminal.wait_for(whole, "the codes")
    terminal.press("\x11")
    assert terminal.wait_for_end() == 0
    assert restored(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_stop_it_leaves_in_order(start: Callable[..., Terminal], number: signal.Signals) -> None:
    terminal = start()
    terminal.wait_for(whole, "the codes")
    terminal.signal(number)
    assert terminal.wait_for_end() == 0
    assert restored(terminal)


@pytest.mark.parametrize("ignoring", [False, True], ids=["hears SIGHUP", "SIGHUP ignored"])
def test_without_its_terminal_it_is_gone_at_once(
    start: Callable[..., Terminal], tmp_path: Path, *, ignoring: bool
) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import signal, sys\n"
        "from watchword_tui import leaving\n"
        f"if {ignoring}:\n"
        "    signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "    leaving._SIGNALS = (signal.SIGTERM,)\n"
        "from watchword_tui.cli import watchword\n"
        "watchword(['--accounts', 'otp.txt'])\n"
    )
    terminal = start(str(script))
    terminal.wait_for(whole, "the codes")
    assert terminal.hang_up() < AT_ONCE
    assert terminal.status == 0


def test_told_to_stop_while_its_terminal_takes_no_more_it_is_gone_at_once(
    start: Callable[..., Terminal],
) -> None:
    terminal = start()
    terminal.wait_for(whole, "the codes")
    # Nobody reads: whole screens are drawn until no more fits into the terminal.
    written, still = 0, 0
    while still < 40:
        terminal.resize(100 if still % 2 else 80, 24)
        time.sleep(0.05)
        before, written = written, written_by(terminal.pid)
        still = still + 1 if written == before else 0
    began = time.monotonic()
    terminal.signal(signal.SIGTERM)
    terminal.wait_until_gone()
    assert time.monotonic() - began < AT_ONCE


def test_told_to_stop_while_it_is_busy_it_restores_the_terminal_and_is_gone_at_once(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    script = tmp_path / "busy.py"
    script.write_text(
        "import pathlib, time\n"
        "from textual.widgets import Static\n"
        "from watchword_tui.terminal import TerminalApp, run_on_terminal\n"
        "class Busy(TerminalApp):\n"
        "    def compose(self):\n"
        "        yield Static('GitHub ^q Quit')\n"
        "    def on_key(self):\n"
        "        pathlib.Path('busy').touch()\n"
        "        time.sleep(60)\n"
        "run_on_terminal(Busy())\n"
    )
    terminal = start(str(script))
    terminal.wait_for(whole, "the text")
    terminal.press("x")
    terminal.wait_for(lambda _: (tmp_path / "busy").exists(), "that it is busy")
    began = time.monotonic()
    terminal.signal(signal.SIGTERM)
    assert terminal.wait_for_end() == 1
    assert time.monotonic() - began < AT_ONCE
    assert restored(terminal)


def test_told_to_stop_while_it_starts_it_leaves_the_terminal_as_it_was(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    script = tmp_path / "early.py"
    script.write_text(
        "import os, signal\n"
        "from watchword_tui.terminal import TerminalApp, run_on_terminal\n"
        "class Early(TerminalApp):\n"
        "    def run(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        super().run()\n"
        "raise SystemExit(run_on_terminal(Early()))\n"
    )
    terminal = start(str(script))
    assert terminal.wait_for_end() == 0
    assert terminal.raw.count("\x1b[?1049h") == terminal.raw.count(LEAVE_ALTERNATE_SCREEN)


def written_by(pid: int) -> int:
    """Bytes that a process has written so far (proc(5))."""
    (line,) = [
        line for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("wchar")
    ]
    return int(line.split()[1])


def test_nobody_can_stop_it_as_a_job(start: Callable[..., Terminal]) -> None:
    terminal = start()
    terminal.wait_for(whole, "the codes")
    terminal.press("\x1a")
    terminal.signal(signal.SIGTSTP)
    terminal.press("?")
    terminal.wait_for(lambda screen: "Esc closes" in screen, "the help")
    terminal.signal(signal.SIGCONT)
    terminal.press("\x11")
    assert terminal.wait_for_end() == 0


def test_copying_sends_the_code_to_the_terminal_and_nothing_else_does(
    start: Callable[..., Terminal],
) -> None:
    terminal = start()
    terminal.wait_for(whole, "the codes")
    assert "\x1b]52;" not in terminal.raw
    terminal.press("c")
    terminal.wait_for(lambda screen: "Sent to your terminal" in screen, "the toast")
    assert terminal.raw.count("\x1b]52;c;") == 1


def test_no_control_character_of_a_label_reaches_the_terminal(
    start: Callable[..., Terminal],
) -> None:
    hostile = "%1B%5D52%3Bc%3BZXZpbA%3D%3D%07%C2%9B31mGitHub%E2%80%AE%5B%2Fb%5D"
    terminal = start(accounts=f"otpauth://totp/{hostile}:x{hostile}?secret={SECRET}")
    terminal.wait_for(whole, "the codes")
    terminal.press("q")
    terminal.wait_for(lambda screen: "Whoever sees it" in screen, "the question")
    terminal.press("y")
    terminal.wait_for(lambda screen: "By hand" in screen, "the key")
    assert "]52;" in terminal.text
    for forbidden in ("\x1b]52", "\x9b", "\u202e"):
        assert forbidden not in terminal.raw


def test_what_slips_past_cleaning_is_stopped_at_the_screen(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    script = tmp_path / "leak.py"
    script.write_text(
        "from textual.widgets import Static\n"
        "from watchword_tui.terminal import TerminalApp\n"
        "class Leak(TerminalApp):\n"
        "    def compose(self):\n"
        "        yield Static('GitHub ^q Quit \\x1b]52;c;ZXZpbA==\\x07\\x9b31m\\u202e', markup=False)\n"
        "Leak().run()\n"
    )
    terminal = start(str(script))
    terminal.wait_for(whole, "the text")
    for forbidden in ("\x1b]52", "\x9b31m", "\u202e"):
        assert forbidden not in terminal.raw


CRASHES = {
    "in a handler": "raise RuntimeError(f'it broke with {secret}')",
    "with a cause": "raise RuntimeError(secret) from ValueError(secret)",
    "in a group": "raise ExceptionGroup(secret, [KeyError(secret), ValueError(secret)])",
    "while handling": "self.nothing(secret)",
    "with a note": "error = OSError(5, secret, secret); error.add_note(secret); raise error",
    "with a drawing of its own": "raise Drawn(secret)",
    "in a worker": "self.run_worker(self.work(secret))",
}


@pytest.mark.parametrize("crash", CRASHES.values(), ids=CRASHES)
def test_a_crash_tells_where_it_was_and_no_value(
    start: Callable[..., Terminal], tmp_path: Path, crash: str
) -> None:
    script = tmp_path / "crash.py"
    script.write_text(
        "from textual.widgets import Static\n"
        "from watchword_tui.terminal import TerminalApp, run_on_terminal\n"
        "class Drawn(Exception):\n"
        "    def __rich__(self):\n"
        "        return self.args[0]\n"
        "class Crash(TerminalApp):\n"
        "    def compose(self):\n"
        "        yield Static('GitHub ^q Quit')\n"
        "    def nothing(self, secret):\n"
        "        try:\n"
        "            {}[secret]\n"
        "        except KeyError:\n"
        "            int(secret)\n"
        "    async def work(self, secret):\n"
        "        int(secret)\n"
        "    def on_key(self):\n"
        "        secret = ''.join(['JBSW', 'Y3DP'])\n"
        f"        {crash}\n"
        "raise SystemExit(run_on_terminal(Crash()))\n"
    )
    terminal = start(str(script))
    terminal.wait_for(whole, "the text")
    terminal.press("x")
    assert terminal.wait_for_end() == 1
    assert restored(terminal)
    (report,) = (tmp_path / ".local/state/watchword/reports").iterdir()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    told = report.read_text()
    line = terminal.raw.rpartition("watchword: the app broke: ")[2]
    assert f"A report without secrets is in ~/.local/state/watchword/reports/{report.name}" in line
    assert "__main__, line" in told
    assert "TERM: xterm-256color" in told
    assert "size: 80x24" in told
    for text in (terminal.raw, told):
        assert "JBSWY3DP" not in text
        assert str(tmp_path) not in text
        assert "Traceback" not in text


def test_what_breaks_before_the_app_is_there_shows_no_value_either(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    script = tmp_path / "early.py"
    script.write_text(
        "from watchword_tui import start\n"
        "def broken(*given):\n"
        "    raise RuntimeError(''.join(['JBSW', 'Y3DP']))\n"
        "start.make_session = broken\n"
        "from watchword_tui.launch import main\n"
        "main()\n"
    )
    terminal = start(str(script))
    assert terminal.wait_for_end() == 1
    assert "watchword: the app broke: RuntimeError in __main__, line 3. A report" in terminal.raw
    assert "JBSWY3DP" not in terminal.raw


def test_a_task_that_fails_unseen_leaves_a_report_and_shows_no_value(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    script = tmp_path / "task.py"
    script.write_text(
        "import asyncio\n"
        "from textual.widgets import Static\n"
        "from watchword_tui.terminal import TerminalApp, run_on_terminal\n"
        "class Task(TerminalApp):\n"
        "    def compose(self):\n"
        "        yield Static('GitHub ^q Quit')\n"
        "    async def fail(self, secret):\n"
        "        int(secret)\n"
        "    def on_key(self, event):\n"
        "        self.failing = asyncio.create_task(self.fail(''.join(['JBSW', 'Y3DP'])))\n"
        "        self.set_timer(0.1, self.exit)\n"
        "app = Task()\n"
        "status = run_on_terminal(app)\n"
        "del app\n"
        "import gc; gc.collect()\n"
        "raise SystemExit(status)\n"
    )
    terminal = start(str(script))
    terminal.wait_for(whole, "the text")
    terminal.press("x")
    assert terminal.wait_for_end() == 0
    (report,) = (tmp_path / ".local/state/watchword/reports").iterdir()
    assert "in fail\n    int(secret)" in report.read_text()
    for text in (terminal.raw, report.read_text()):
        assert "JBSWY3DP" not in text


def test_a_crash_whose_report_cannot_be_written_says_so(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    (tmp_path / ".local").write_text("in the way")
    script = tmp_path / "crash.py"
    script.write_text(
        "from textual.widgets import Static\n"
        "from watchword_tui.terminal import TerminalApp, run_on_terminal\n"
        "class Crash(TerminalApp):\n"
        "    def compose(self):\n"
        "        yield Static('GitHub ^q Quit')\n"
        "    def on_key(self):\n"
        "        raise RuntimeError('it broke')\n"
        "raise SystemExit(run_on_terminal(Crash()))\n"
    )
    terminal = start(str(script))
    terminal.wait_for(whole, "the text")
    terminal.press("x")
    assert terminal.wait_for_end() == 1
    assert "the app broke: RuntimeError in __main__, line 7." in terminal.raw
    assert "No report could be written: Not a directory" in terminal.raw
    assert restored(terminal)


def test_the_environment_can_neither_write_nor_freeze_anything(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    log = tmp_path / "textual.log"
    terminal = start(
        environment={
            "TEXTUAL_LOG": str(log),
            "TEXTUAL_SCREENSHOT": "1",
            "TEXTUAL_SCREENSHOT_LOCATION": str(tmp_path),
            "TEXTUAL_DRIVER": "no.such:Driver",
            "COLUMNS": "40",
            "LINES": "10",
        }
    )
    terminal.wait_for(whole, "the codes")
    terminal.press("\x11")
    assert terminal.wait_for_end() == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["otp.txt"]


@pytest.mark.parametrize(
    "environment",
    [
        {"TERM": "xterm"},
        {"TERM": "linux"},
        {"NO_COLOR": "1"},
        {"LANG": "C"},
        {"LANG": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"TERM": "tmux-256color", "COLORTERM": "truecolor"},
    ],
    ids=lambda environment: " ".join(f"{name}={value}" for name, value in environment.items()),
)
def test_it_is_whole_on_other_terminals(
    start: Callable[..., Terminal], environment: dict[str, str]
) -> None:
    terminal = start(environment=environment)
    terminal.wait_for(whole, "the codes")
    assert "Validate" in terminal.text
    assert "\\u" not in terminal.text
    terminal.press("\x11")
    assert terminal.wait_for_end() == 0


def test_alone_it_opens_the_vault_where_the_settings_say(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    account = account_of(Key(secret=Secret.from_base32(SECRET), issuer=SHOWN))
    create_vault(VaultStore(tmp_path / "mine.json"), None, Document().with_added([account]))
    (tmp_path / ".config" / "watchword").mkdir(parents=True)
    (tmp_path / ".config" / "watchword" / "config.toml").write_text('vault = "~/mine.json"\n')
    terminal = start("-m", "watchword_tui", environment={"XDG_CONFIG_HOME": str(tmp_path / ".config")})
    terminal.wait_for(whole, "the codes")
    terminal.press("\x11")
    assert terminal.wait_for_end() == 0


@pytest.mark.parametrize("arguments", [(), ("--accounts", "otp.txt")])
def test_without_a_terminal_it_says_so_in_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "otp.txt").write_text(GITHUB)
    ended = subprocess.run(
        [sys.executable, "-m", "watchword_tui", *arguments],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        "watchword: the app needs a terminal; for plain output use: watchword code, watchword check\n"
    )

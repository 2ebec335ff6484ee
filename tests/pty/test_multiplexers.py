"""Copying from inside tmux and GNU screen, with the real ones between the app and the terminal."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from desk import GITHUB
from programs import require_program
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

OSC_52 = re.compile(r"\x1b\]52;[a-z]*;([0-9A-Za-z+/=]+)(?:\x07|\x1b\\)")
CODE = re.compile(r"^[0-9]{6}$")


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    accounts = tmp_path / "otp.txt"
    accounts.write_text(GITHUB)
    accounts.chmod(0o600)
    # Short: sockets have paths of at most 107 bytes.
    sockets = Path(tempfile.mkdtemp(prefix="ww"))
    return {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/sh",
        "TMUX_TMPDIR": str(sockets),
        "SCREENDIR": str(sockets),
    }


@pytest.fixture
def app_command() -> str:
    return f"{sys.executable} -m watchword_tui --accounts otp.txt"


@pytest.fixture
def opened(surroundings: dict[str, str]) -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()
    shutil.rmtree(surroundings["SCREENDIR"], ignore_errors=True)


def copied(terminal: Terminal) -> list[str]:
    """What reached the outer terminal's clipboard."""
    return [base64.b64decode(found).decode() for found in OSC_52.findall(terminal.raw)]


def whole(screen: str) -> bool:
    return "GitHub" in screen and "Quit" in screen


@pytest.mark.parametrize("option", ["set -g set-clipboard on", "set -g allow-passthrough on"])
def test_tmux_hands_a_code_on_with_either_of_its_options(
    tmp_path: Path,
    surroundings: dict[str, str],
    opened: list[Terminal],
    app_command: str,
    option: str,
) -> None:
    tmux = require_program("tmux")
    (tmp_path / "tmux.conf").write_text(f"{option}\nset -g default-terminal tmux-256color\n")
    # -T clipboard: the outer terminal is ours, and it has one.
    terminal = Terminal(
        [tmux, "-T", "clipboard", "-f", "tmux.conf", "new-session", app_command], tmp_path, surroundings
    )
    opened.append(terminal)
    try:
        terminal.wait_for(whole, "the codes inside tmux")
        terminal.press("c")
        terminal.wait_for(lambda _: any(CODE.match(one) for one in copied(terminal)), "the code")
        terminal.press("\x11")
        terminal.wait_for_end()
    finally:
        subprocess.run([tmux, "kill-server"], env=surroundings, check=False, capture_output=True)


def test_screen_hands_a_code_on(
    tmp_path: Path, surroundings: dict[str, str], opened: list[Terminal], app_command: str
) -> None:
    screen = require_program("screen")
    (tmp_path / "screenrc").write_text("startup_message off\n")
    terminal = Terminal([screen, "-U", "-c", "screenrc", *app_command.split()], tmp_path, surroundings)
    opened.append(terminal)
    terminal.wait_for(whole, "the codes inside screen")
    terminal.press("c")
    terminal.wait_for(lambda _: any(CODE.match(one) for one in copied(terminal)), "the code")
    terminal.press("\x11")
    terminal.wait_for_end()

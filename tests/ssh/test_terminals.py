"""Terminals of all kinds at the other end: colours, locales, sizes, tmux."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

from programs import require_program
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sshd import Sshd

QUIT = "\x11"
COLOURS = "-oSendEnv=COLORTERM NO_COLOR LANG LC_*"
TRUE = re.compile(r"\x1b\[[0-9;]*38;2;")
OF_256 = re.compile(r"\x1b\[[0-9;]*38;5;")
OF_16 = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|9[0-7])(?:;[0-9;]*)?m")


COPIED = re.compile(r"\x1b\]52;[a-z]*;[0-9A-Za-z+/=]{8}")


def whole(screen: str) -> bool:
    return "GitHub" in screen and "^q Quit" in screen


@pytest.mark.parametrize(
    ("environ", "drawn", "not_drawn"),
    [
        ({"TERM": "xterm"}, OF_16, OF_256),
        ({"TERM": "linux"}, OF_16, OF_256),
        ({"TERM": "xterm-256color"}, OF_256, TRUE),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUE, OF_256),
    ],
    ids=["16", "16, console", "256", "true colour"],
)
def test_it_draws_in_the_colours_the_terminal_has(
    alone: Sshd,
    open_terminals: Callable[[Terminal], Terminal],
    environ: dict[str, str],
    drawn: re.Pattern[str],
    not_drawn: re.Pattern[str],
) -> None:
    terminal = open_terminals(alone.connect(COLOURS, environ=environ))
    terminal.wait_for(whole, "the codes")
    assert drawn.search(terminal.raw)
    assert not not_drawn.search(terminal.raw)
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0


def test_without_colours_all_is_grey_and_there(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal]
) -> None:
    environ = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": "1"}
    terminal = open_terminals(alone.connect(COLOURS, environ=environ))
    terminal.wait_for(whole, "the codes")
    colours = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", terminal.raw)
    assert colours
    assert all(red == green == blue for red, green, blue in colours)


@pytest.mark.parametrize(
    "locale", [{"LANG": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "xx_XX.ISO-8859-1"}, {}]
)
def test_whatever_the_locale_it_writes_utf_8(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], locale: dict[str, str]
) -> None:
    terminal = open_terminals(alone.connect(COLOURS, environ={"LANG": "", **locale}))
    terminal.wait_for(lambda screen: whole(screen) and "─Code─" in screen and "▸" in screen, "the codes")
    assert "\\u" not in terminal.raw


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (200, 60)], ids=str)
def test_it_is_whole_in_sizes_from_60x16(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], size: tuple[int, int]
) -> None:
    terminal = open_terminals(alone.connect(size=size))
    terminal.wait_for(whole, "the codes")
    assert "Too small." not in terminal.text
    terminal.press("v")
    terminal.wait_for(lambda screen: "⏎ Validate" in screen, "Validate")
    terminal.press("\x1b")
    terminal.wait_for(lambda screen: "c Copy" in screen, "the list")
    terminal.press("?")
    terminal.wait_for(lambda screen: "Esc closes" in screen, "the help")


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (59, 15), (20, 5)], ids=str)
def test_in_less_it_says_what_it_needs(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], size: tuple[int, int]
) -> None:
    terminal = open_terminals(alone.connect(size=size))
    terminal.wait_for(lambda screen: "Too small." in screen and "by 16 rows" in screen, "the notice")
    terminal.press(QUIT)
    assert terminal.wait_for_end() == 0


def test_inside_tmux_it_is_whole_copies_and_leaves(
    alone: Sshd, open_terminals: Callable[[Terminal], Terminal], tmp_path: Path
) -> None:
    tmux = require_program("tmux")
    # Short: sockets have paths of at most 107 bytes.
    sockets = tempfile.mkdtemp(prefix="ww")
    (tmp_path / "tmux.conf").write_text(
        "set -g set-clipboard on\nset -g default-terminal tmux-256color\nset -sg escape-time 10\n"
    )
    surroundings = {
        "PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8",
        "SHELL": "/bin/sh", "TMUX_TMPDIR": sockets,
    }  # fmt: skip
    connect = " ".join(alone.client("-tt"))
    try:
        terminal = open_terminals(
            Terminal(
                [tmux, "-T", "clipboard", "-f", str(tmp_path / "tmux.conf"), "new-session", connect],
                alone.folder,
                surroundings,
            )
        )
        terminal.wait_for(whole, "the codes inside tmux")
        terminal.press("c")
        terminal.wait_for(lambda screen: "Sent to your terminal" in screen, "the toast")
        terminal.wait_for(
            lambda _: re.search(r"\x1b\]52;[a-z]*;[0-9A-Za-z+/=]{8}", terminal.raw) is not None, "it"
        )
        terminal.resize(100, 30)
        terminal.wait_for(
            lambda screen: whole(screen) and any(len(line) > 90 for line in screen.splitlines()), "more"
        )
        terminal.press(QUIT)
        assert terminal.wait_for_end() == 0
    finally:
        subprocess.run([tmux, "kill-server"], env=surroundings, check=False, capture_output=True)
        shutil.rmtree(sockets, ignore_errors=True)

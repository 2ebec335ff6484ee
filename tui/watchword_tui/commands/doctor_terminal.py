"""What `watchword doctor` sees of the terminal."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, TextIO

from watchword_tui.commands.findings import ok, warning, wrong
from watchword_tui.errors import TerminalError
from watchword_tui.preflight import require_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchword_tui.commands.findings import Finding

_WHOLE = (80, 24)
"""Columns and rows from which every screen is whole."""

_SMALLEST = (60, 16)
"""Columns and rows from which the app can be used."""

_TMUX_TIMEOUT = 2.0


def look_at_terminal(environ: Mapping[str, str], output: TextIO | None) -> Iterator[Finding]:
    """Its type, colours, characters, size, and the way to its clipboard."""
    if not environ.get("TERM") and not (output is not None and output.isatty()):
        yield ok("terminal", "none here: commands print plain lines")
        yield _characters(output)
        return
    try:
        # The type alone: this output may well go into a file.
        require_terminal(dict(environ), isatty=lambda _: True)
    except TerminalError as error:
        yield wrong("terminal", error.message, error.remedy)
        return
    yield _type(environ)
    yield _characters(output)
    if output is not None and output.isatty():
        yield _size()
    yield from _clipboard(environ)


def _type(environ: Mapping[str, str]) -> Finding:
    term = environ["TERM"]
    if environ.get("NO_COLOR"):
        return ok("terminal", f"{term}, without colours as NO_COLOR asks")
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return ok("terminal", f"{term}, all colours")
    if "256" in term or "direct" in term:
        return ok("terminal", f"{term}, 256 colours")
    return warning(
        "terminal",
        f"{term} says nothing of 256 colours: themes look coarse",
        "set TERM, for example to xterm-256color, if the terminal has them",
    )


def _characters(output: TextIO | None) -> Finding:
    encoding = (getattr(output, "encoding", None) or "none").lower()
    if encoding.replace("-", "") == "utf8":
        return ok("characters", "UTF-8")
    return wrong(
        "characters", f"the output's encoding is {encoding}", "use a UTF-8 locale such as LANG=C.UTF-8"
    )


def _size() -> Finding:
    columns, rows = shutil.get_terminal_size()
    words = f"{columns} columns and {rows} rows"
    if columns < _SMALLEST[0] or rows < _SMALLEST[1]:
        return wrong(
            "size", words, f"the app needs {_SMALLEST[0]} by {_SMALLEST[1]}: enlarge the window"
        )
    if columns < _WHOLE[0] or rows < _WHOLE[1]:
        return warning("size", words, f"screens are whole from {_WHOLE[0]} by {_WHOLE[1]} on")
    return ok("size", words)


def _clipboard(environ: Mapping[str, str]) -> Iterator[Finding]:
    if environ.get("STY"):
        yield ok("clipboard", "copied codes go through screen to the terminal")
    elif environ.get("TMUX"):
        settings = [_tmux(name) for name in ("set-clipboard", "allow-passthrough")]
        if settings[0] == "on" or settings[1] in {"on", "all"}:
            yield ok("clipboard", "copied codes go through tmux to the terminal")
        else:
            yield warning(
                "clipboard",
                "tmux keeps copied codes from the terminal",
                "put into ~/.tmux.conf: set -g set-clipboard on",
            )


def _tmux(option: str) -> str:
    """A setting of the tmux around us; "" where it does not tell."""
    program = shutil.which("tmux")
    if program is None:
        return ""
    try:
        told = subprocess.run(  # noqa: S603 - tmux, with words of our own
            [program, "show-options", "-gqv", option],
            capture_output=True,
            text=True,
            timeout=_TMUX_TIMEOUT,
            check=False,
            env=os.environ,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip()

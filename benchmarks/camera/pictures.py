"""What is photographed: the QR code of one key on the app's screen, in a shell, as others draw it."""

from __future__ import annotations

import io
import math
import shlex
from typing import TYPE_CHECKING

from benchmarks.camera.distort import Picture
from benchmarks.camera.drawings import QUIET_ZONE, block_drawing
from benchmarks.camera.xterm import BORDER, COLUMNS, ROWS, Look, xterm
from benchmarks.harness import BIN, UnavailableError, require_program
from PIL import Image

from watchword_otp import Key, Secret, format_uri
from watchword_otp.qr import Drawing, make_qr

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.camera.xterm import Cells, Xterm

    from watchword_otp.qr import QrCode

    Box = tuple[float, float, float, float]

KEY = Key(
    secret=Secret.from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
    issuer="GitHub",
    name="alice@example.com",
)
"""An ordinary account: version 5, 37 modules a side."""

APP, SHELL, QRENCODE, BLOCKS = "app", "watchword qr", "qrencode", "█▀▄"
DRAWINGS = (APP, SHELL, QRENCODE, BLOCKS)
TWO_CELLS = "two cells"
PLAIN = "PNG"
"""What the drawings are measured by."""

_CELLS = {Drawing.HALF: (1.0, 0.5), Drawing.SPACE: (2.0, 1.0)}
"""Columns and rows a module."""
_INKS = {"000000", "ffffff"}
"""The backgrounds that the app's drawings are made of; the rest of its screen has others."""


def code_of(key: Key) -> QrCode:
    """The QR code that is photographed."""
    return make_qr(format_uri(key))


def pictures(shown_on: str, look: Look, folder: Path) -> dict[str, Picture]:
    """Photograph each of `DRAWINGS` in an xterm, and `PLAIN` with modules as large.

    Where lines are taller than the font, `TWO_CELLS` too: on a dark ground, which is the harder one.

    Raises:
        UnavailableError: A program is missing, or the QR code is not whole on the screen.
    """
    (folder / "otp.txt").write_text(format_uri(KEY) + "\n", encoding="utf-8")
    (folder / "otp.txt").chmod(0o600)
    code = code_of(KEY)
    taken = {APP: app(shown_on, look, folder)}
    with xterm(shown_on, look, ["sh"], folder) as terminal:
        taken[SHELL] = in_shell(terminal, code)
        text = shlex.quote(format_uri(KEY))
        taken[QRENCODE] = _drawn(terminal, code, f"{require_program('qrencode')} -t ansiutf8 {text}")
        (folder / "blocks").write_text(block_drawing(code, dark_screen=look.dark), encoding="utf-8")
        taken[BLOCKS] = _drawn(terminal, code, "cat blocks")
        taken[PLAIN] = plain(code, look, terminal.cells)
    if look.line_height > 1 and look.dark:
        taken[TWO_CELLS] = two_cells(shown_on, look, folder)
    return taken


def app(shown_on: str, look: Look, folder: Path) -> Picture:
    """The app's own screen, with the account in otp.txt."""
    command = [str(BIN / "watchword"), "--accounts", "otp.txt"]
    with xterm(shown_on, look, command, folder) as terminal:
        terminal.wait_for(lambda text: KEY.issuer in text and "Quit" in text, "the codes")
        terminal.type("q")
        terminal.wait_for(lambda text: "Whoever sees it" in text, "the question")
        terminal.type("y")
        terminal.wait_for(lambda text: "By hand" in text, "the QR code")
        image = terminal.photograph()
        return Picture(image, _found(terminal, code_of(KEY)), code_of(KEY).size)


def in_shell(terminal: Xterm, code: QrCode, drawing: Drawing = Drawing.HALF) -> Picture:
    """`watchword qr` typed into the shell of `terminal`, whose folder has otp.txt."""
    _run(terminal, f"{BIN / 'watchword'} qr --accounts otp.txt --drawing {drawing}")
    return Picture(terminal.photograph(), _found(terminal, code, drawing), code.size)


def two_cells(shown_on: str, look: Look, folder: Path) -> Picture:
    """`watchword qr --drawing space` in a terminal that is large enough; `folder` has otp.txt."""
    code = code_of(KEY)
    columns, rows = code.space(Drawing.SPACE, QUIET_ZONE)
    with xterm(shown_on, look, ["sh"], folder, (columns, rows + 1)) as terminal:
        return in_shell(terminal, code, Drawing.SPACE)


def plain(code: QrCode, look: Look, cells: Cells) -> Picture:
    """The PNG in a window as large, pixel by pixel, its modules as near in size as can be."""
    scale = round(math.sqrt(cells.width * cells.height / 2))
    drawn = Image.open(io.BytesIO(code.png(QUIET_ZONE, scale))).convert("RGB")
    right, bottom = cells.point(COLUMNS, ROWS)
    image = Image.new("RGB", (round(right), round(bottom)), "black" if look.dark else "white")
    image.paste(drawn, (BORDER, BORDER))
    start, end = BORDER + QUIET_ZONE * scale, BORDER + (QUIET_ZONE + code.size) * scale
    return Picture(image, (start, start, end, end), code.size)


def alone(code: QrCode, scale: int, *, dark: bool) -> Picture:
    """The PNG with `scale` pixels a module, in the middle of an empty screen."""
    drawn = Image.open(io.BytesIO(code.png(QUIET_ZONE, scale))).convert("RGB")
    ground = "black" if dark else "white"
    image = Image.new("RGB", (2 * drawn.width, 2 * drawn.height), ground)
    across, down = drawn.width // 2, drawn.height // 2
    image.paste(drawn, (across, down))
    left, top = across + QUIET_ZONE * scale, down + QUIET_ZONE * scale
    return Picture(image, (left, top, left + code.size * scale, top + code.size * scale), code.size)


def _drawn(terminal: Xterm, code: QrCode, command: str) -> Picture:
    _run(terminal, command)
    # It stands at the top left with its usual quiet zone.
    symbol = _box(terminal.cells, (QUIET_ZONE, QUIET_ZONE / 2), code, Drawing.HALF)
    return Picture(terminal.photograph(), symbol, code.size)


def _run(terminal: Xterm, command: str) -> None:
    """Have the shell of `terminal` run a command on an empty screen, to its end."""
    # A prompt that was never there before: the old one is still to be seen when this is typed.
    prompt = f"{terminal.prompts + 1}>"
    terminal.prompts += 1
    terminal.type(f"clear; {command}; PS1='{prompt} '\n")
    terminal.wait_for(
        lambda text: any(line.rstrip() == prompt for line in text.splitlines()), "the prompt"
    )


def _found(terminal: Xterm, code: QrCode, drawing: Drawing = Drawing.HALF) -> Box:
    """Where the app has drawn its QR code: the cells with its own inks behind them."""
    inked = [
        (row, column)
        for row in range(terminal.rows)
        for column in range(terminal.columns)
        if terminal.screen.buffer[row][column].bg in _INKS
    ]
    if not inked:
        raise UnavailableError(f"the terminal shows no QR code:\n{terminal.text}")
    left = min(column for _, column in inked)
    width = max(column for _, column in inked) - left + 1
    across, down = _CELLS[drawing]
    quiet_zone = round(width / across - code.size) // 2
    # From below: what is too high is cut off at the top.
    top = max(row for row, _ in inked) + 1 - code.space(drawing, quiet_zone)[1]
    return _box(terminal.cells, (left + quiet_zone * across, top + quiet_zone * down), code, drawing)


def _box(cells: Cells, start: tuple[float, float], code: QrCode, drawing: Drawing) -> Box:
    column, row = start
    across, down = _CELLS[drawing]
    end = cells.point(column + code.size * across, row + code.size * down)
    return (*cells.point(column, row), *end)

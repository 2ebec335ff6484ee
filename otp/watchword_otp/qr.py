"""Any text to a QR code: modules, terminal drawings, SVG, PNG (ISO/IEC 18004, segno inside)."""

from __future__ import annotations

import io
import re
from enum import StrEnum

import segno
from segno.consts import MODE_ALPHANUMERIC, MODE_BYTE

from watchword_otp.value import Value

QUIET_ZONES = (4, 3, 2, 1)
"""Quiet zones to choose from, in modules, best first: each module more is read in more photographs of a
dark screen, and without any it is read in none."""

# Runs long enough that alphanumeric mode (5.5 bits a character) repays its two mode switches. A
# base32 secret and percent-encoded text are such runs; segno alone would take byte mode for all.
_ALPHANUMERIC_RUN = re.compile(r"([0-9A-Z $%*+\-./:]{14,})")

# Explicit black and white from the colour cube, which themes leave alone, unlike colours 0 to 15.
_BLACK, _WHITE = "16", "231"
_RESET = "\x1b[0m"


class Drawing(StrEnum):
    """Ways to draw modules with characters."""

    HALF = "half"
    """Two modules a cell with U+2584: smallest; needs colours and a font with block elements."""
    SPACE = "space"
    """Two spaces a module: needs colours but no glyph at all."""
    ASCII = "ascii"
    """Two "#" or spaces a module: no colours; which is light depends on the terminal."""


class QrCode(Value, frozen=True):
    """A QR code's modules; its `repr` is its size, for the text may hold a secret."""

    HIDDEN = frozenset({"modules", "_code"})

    modules: tuple[tuple[bool, ...], ...]
    """Rows of modules without a quiet zone, true for dark."""
    version: int
    """1 to 40: a side has `17 + 4 * version` modules."""
    _code: segno.QRCode

    @property
    def size(self) -> int:
        """Modules a side, without a quiet zone."""
        return len(self.modules)

    def with_quiet_zone(self, quiet_zone: int) -> tuple[tuple[bool, ...], ...]:
        """Rows of modules with `quiet_zone` light modules on every side.

        Raises:
            ValueError: `quiet_zone` is under 1, here and in every drawing.
        """
        _check(quiet_zone)
        width = self.size + 2 * quiet_zone
        margin = ((False,) * width,) * quiet_zone
        side = (False,) * quiet_zone
        return (*margin, *((*side, *row, *side) for row in self.modules), *margin)

    def cells(self, quiet_zone: int) -> tuple[tuple[tuple[bool, bool], ...], ...]:
        """Rows of character cells, each (upper module, lower module), true for dark.

        An odd height gets one light row below.
        """
        rows = self.with_quiet_zone(quiet_zone)
        if len(rows) % 2:
            rows = (*rows, (False,) * len(rows[0]))
        return tuple(
            tuple(zip(upper, lower, strict=True))
            for upper, lower in zip(rows[::2], rows[1::2], strict=True)
        )

    def space(self, drawing: Drawing, quiet_zone: int) -> tuple[int, int]:
        """Columns and rows of terminal cells that a drawing takes."""
        side = self.size + 2 * quiet_zone
        return (side, (side + 1) // 2) if drawing is Drawing.HALF else (2 * side, side)

    def best_quiet_zone(self, drawing: Drawing, columns: int, rows: int) -> int | None:
        """The widest of `QUIET_ZONES` with which the drawing fits, or None."""
        for quiet_zone in QUIET_ZONES:
            width, height = self.space(drawing, quiet_zone)
            if width <= columns and height <= rows:
                return quiet_zone
        return None

    def text(self, drawing: Drawing = Drawing.HALF, quiet_zone: int = 2, *, invert: bool = False) -> str:
        """Draw for a terminal, one line a row, with a line break at the end.

        `Drawing.HALF` and `Drawing.SPACE` set black and white themselves. `Drawing.ASCII` marks
        light modules with "#", right for light text on a dark background; `invert` is for the other
        way round, and swaps black and white in the coloured drawings.
        """
        if drawing is Drawing.ASCII:
            marks = {invert: "##", not invert: "  "}
            return "".join(
                "".join(marks[dark] for dark in row).rstrip() + "\n"
                for row in self.with_quiet_zone(quiet_zone)
            )
        if drawing is Drawing.SPACE:
            pairs = [[(dark, dark) for dark in row] for row in self.with_quiet_zone(quiet_zone)]
            blank = "  "
        else:
            pairs = [list(row) for row in self.cells(quiet_zone)]
            blank = " "
        ink = {not invert: _BLACK, invert: _WHITE}
        lines = []
        for row in pairs:
            line: list[str] = []
            colours = None
            for upper, lower in row:
                # The glyph's own part is the lower one: of all half blocks it survives fonts whose
                # blocks do not fill the cell best, and equal halves need no glyph at all.
                wanted = (ink[upper], ink[lower])
                if wanted != colours:
                    line.append(f"\x1b[38;5;{wanted[1]};48;5;{wanted[0]}m")
                    colours = wanted
                line.append(blank if upper == lower else "▄")
            lines.append("".join(line) + _RESET + "\n")
        return "".join(lines)

    def svg(self, quiet_zone: int = 4) -> str:
        """An SVG document, black on white, that scales to whatever shows it."""
        _check(quiet_zone)
        image = io.BytesIO()
        self._code.save(
            image,
            kind="svg",
            scale=8,
            # With a unit segno writes the viewBox too, without which an inline image is cut, not scaled.
            unit="px",
            border=quiet_zone,
            dark="#000",
            light="#fff",
            xmldecl=False,
            svgclass=None,
            lineclass=None,
        )
        return image.getvalue().decode("utf-8")

    def png(self, quiet_zone: int = 4, scale: int = 8) -> bytes:
        """A PNG image, black on white, `scale` pixels a module."""
        _check(quiet_zone)
        image = io.BytesIO()
        self._code.save(image, kind="png", scale=scale, border=quiet_zone, dark="#000", light="#fff")
        return image.getvalue()


def make_qr(text: str) -> QrCode:
    """Encode `text`, best a URI, in a small QR code, with as much error correction as it has room for.

    Raises:
        ValueError: The text is longer than the largest QR code holds (2,953 bytes).
    """
    segments = [
        (part, MODE_ALPHANUMERIC if index % 2 else MODE_BYTE, None if index % 2 else "utf-8")
        for index, part in enumerate(_ALPHANUMERIC_RUN.split(text))
        if part
    ]
    try:
        # segno takes (text, mode, encoding) segments; its type stubs name single texts only.
        # Outside ASCII a scanner must be told that the bytes are UTF-8, or it takes some for kanji.
        code = segno.make_qr(segments or "", error="l", eci=not text.isascii())  # type: ignore[arg-type]
    except segno.DataOverflowError:
        message = f"a text of {len(text)} characters does not fit a QR code"
        raise ValueError(message) from None
    modules = tuple(tuple(bool(module) for module in row) for row in code.matrix)
    return QrCode(modules, int(code.version), code)


def _check(quiet_zone: int) -> None:
    if quiet_zone < 1:
        message = "a QR code needs a quiet zone of at least 1 module"
        raise ValueError(message)

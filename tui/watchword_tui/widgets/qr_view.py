"""A QR code that every scanner reads, whatever the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from watchword_otp.qr import Drawing
from watchword_otp.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.filter import LineFilter

    from watchword_otp.qr import QrCode

_BLACK, _WHITE = Color.from_ansi(16), Color.from_ansi(231)
"""From the colour cube, which themes leave alone; shorter to send than the same as true colour."""


class Look(Value, frozen=True):
    """One way to draw a QR code."""

    words: str
    """What people call it."""
    drawing: Drawing = Drawing.HALF
    invert: bool = False
    """White on black: not every scanner reads it, but some screens show it better."""


LOOKS = (
    Look("half blocks"),
    Look("two cells", Drawing.SPACE),
    Look("half blocks, inverted", invert=True),
    Look("two cells, inverted", Drawing.SPACE, invert=True),
)
"""The usual one first. Two cells a module need no glyph, where a font's blocks have gaps."""


class QrView(Widget):
    """Draws a QR code with the widest quiet zone that fits."""

    DEFAULT_CSS = """
    QrView { width: auto; height: auto; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: list[Strip] = []
        self._size = Size(0, 0)

    def show(self, code: QrCode, columns: int, rows: int, look: Look = LOOKS[0]) -> bool:
        """Draw `code` in at most `columns` by `rows` cells; false if it does not fit."""
        quiet_zone = code.best_quiet_zone(look.drawing, columns, rows)
        if quiet_zone is None:
            self.clear()
            return False
        self._size = Size(*code.space(look.drawing, quiet_zone))
        ink = {not look.invert: _BLACK, look.invert: _WHITE}
        if look.drawing is Drawing.SPACE:
            cells = [[(dark, dark) for dark in row] for row in code.with_quiet_zone(quiet_zone)]
            blank = "  "
        else:
            cells = [list(row) for row in code.cells(quiet_zone)]
            blank = " "
        # The glyph is the lower module and equal halves are plain spaces: this reads best in fonts
        # whose blocks do not fill the cell.
        self._rows = [
            Strip(
                [
                    Segment(
                        blank if upper == lower else "▄", Style(color=ink[lower], bgcolor=ink[upper])
                    )
                    for upper, lower in row
                ]
            ).simplify()
            for row in cells
        ]
        self.refresh(layout=True)
        return True

    def clear(self) -> None:
        """Remove the drawing."""
        self._rows, self._size = [], Size(0, 0)
        self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002 - Textual's
        """Columns of the drawing."""
        return self._size.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """Rows of the drawing."""
        return self._size.height

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let no filter touch black and white: NO_COLOR would erase the code."""
        return ()

    def render_line(self, y: int) -> Strip:
        """Draw one row of cells."""
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width)

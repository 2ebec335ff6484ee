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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.filter import LineFilter

    from watchword_otp.qr import QrCode

_INK = {True: Color.from_rgb(0, 0, 0), False: Color.from_rgb(255, 255, 255)}


class QrView(Widget):
    """Draws a QR code as half blocks, black on white, with the widest quiet zone that fits."""

    DEFAULT_CSS = """
    QrView { width: auto; height: auto; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: list[Strip] = []
        self._size = Size(0, 0)

    def show(self, code: QrCode, columns: int, rows: int) -> bool:
        """Draw `code` in at most `columns` by `rows` cells; false if it does not fit."""
        quiet_zone = code.best_quiet_zone(Drawing.HALF, columns, rows)
        if quiet_zone is None:
            self.clear()
            return False
        self._size = Size(*code.space(Drawing.HALF, quiet_zone))
        # The glyph is the lower module and equal halves are plain spaces: this reads best in fonts
        # whose blocks do not fill the cell.
        self._rows = [
            Strip(
                [
                    Segment(
                        " " if upper == lower else "▄", Style(color=_INK[lower], bgcolor=_INK[upper])
                    )
                    for upper, lower in row
                ]
            ).simplify()
            for row in code.cells(quiet_zone)
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

"""The countdown: all that changes each second, so it is drawn in as few bytes as possible."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

_SOON = 5
"""Seconds before the end from which the gauge warns."""


class Gauge(Widget):
    """Seconds left of every key with the same period, as a number and a bar.

    The number stands first: the terminal is sent everything from the left edge of a widget to the
    last cell that changed.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "gauge--number",
        "gauge--bar",
        "gauge--rest",
        "gauge--soon",
    }
    DEFAULT_CSS = """
    Gauge {
        width: auto;
        height: 1;
        .gauge--number { text-style: bold; }
        .gauge--bar { color: $accent; }
        .gauge--rest { color: $foreground 25%; }
        .gauge--soon { color: $warning; text-style: bold; }
    }
    """
    ALLOW_SELECT = False

    def __init__(self, period: int, *, bar: int, show_period: bool) -> None:
        """Make a gauge for keys of `period` seconds; with `show_period` it says which.

        `bar` is its length in cells. Each move of the bar repaints the gauge: 20 cells move every
        1.5 s of a 30 s step.
        """
        super().__init__()
        self.period = period
        self._bar = bar
        self._suffix = f"  of {period} s" if show_period else ""
        self._number_width = max(2, len(str(period)))
        self._left: int | None = None
        self._filled = 0

    def get_content_width(self, container: object, viewport: object) -> int:  # noqa: ARG002 - Textual's
        """Width of number, bar and suffix."""
        return self._head_width + self._bar + len(self._suffix)

    @property
    def _head_width(self) -> int:
        return self._number_width + 5

    def show(self, now: float) -> None:
        """Show the countdown at `now` (Unix seconds)."""
        left = math.ceil(self.period - now % self.period)
        filled = math.ceil(self._bar * left / self.period)
        if left == self._left:
            return
        was_soon = self._left is not None and self._left <= _SOON
        whole = filled != self._filled or was_soon != (left <= _SOON)
        self._left, self._filled = left, filled
        if whole:
            self.refresh()
        else:
            self.refresh(Region(0, 0, self._head_width, 1))

    @property
    def text(self) -> str:
        """What the gauge says, for tests and screen readers: "17 s"."""
        return "" if self._left is None else f"{self._left} s"

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - one line only
        """Draw the one line there is."""
        if self._left is None:
            return Strip.blank(self.size.width)
        soon = self._left <= _SOON
        bar = self.get_component_rich_style("gauge--soon" if soon else "gauge--bar")
        number = bar if soon else self.get_component_rich_style("gauge--number")
        # A mark beside the colour: the codes are about to change.
        mark = "!" if soon else " "
        segments = [
            Segment(f" {self._left:>{self._number_width}} s{mark} ", number),
            Segment("━" * self._filled, bar),
            Segment(
                "─" * (self._bar - self._filled) + self._suffix,
                self.get_component_rich_style("gauge--rest"),
            ),
        ]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

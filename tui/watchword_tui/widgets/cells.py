"""What lists that draw their own lines share: text made to fit its cells, and inks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.style import Style

if TYPE_CHECKING:
    from textual.widget import Widget


def fit(text: str, width: int) -> str:
    """Cut or pad to `width` cells, with one blank at the end and an ellipsis where text is missing."""
    room = width - 1
    if cell_len(text) > room:
        text = set_cell_size(text, max(0, room - 1)).rstrip() + "…"
    return set_cell_size(text, max(0, width))


def ink_of(widget: Widget, component: str) -> Style:
    """A component's colour and weight, to be laid over the line's background."""
    # Not the partial style, whose colour is not mixed with what is behind it.
    return _ink(widget.get_component_rich_style(component))


@lru_cache(maxsize=64)
def _ink(style: Style) -> Style:
    # The same object each time: Rich remembers a style's hash, and by that what styles add up to.
    return Style(color=style.color, bold=style.bold)

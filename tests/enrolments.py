"""The enrolment screen in tests: its QR code read as a camera would, its words as a person does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps import lines
from dialogs import until

if TYPE_CHECKING:
    from rich.color import Color
    from textual.pilot import Pilot

    from watchword_tui.widgets.qr_view import QrView


def modules(view: QrView) -> list[list[bool]]:
    """The modules as the screen's colours have them, true for dark, read from what is drawn."""
    rows = []
    for y in range(view.size.height):
        upper, lower = [], []
        for characters, style, _ in view.render_line(y):
            assert style is not None
            assert style.color is not None
            assert style.bgcolor is not None
            for character in characters:
                background = _is_dark(style.bgcolor)
                upper.append(background)
                lower.append(_is_dark(style.color) if character == "▄" else background)
        rows += [upper, lower]
    return rows


def _is_dark(color: Color) -> bool:
    """Whether a colour is black; it is white otherwise, exactly."""
    triplet = color.get_truecolor()
    assert triplet in {(0, 0, 0), (255, 255, 255)}
    return triplet == (0, 0, 0)


def told(pilot: Pilot[None]) -> str:
    """What stands beside the QR code, in one line."""
    words = pilot.app.screen.query("#words")
    left = words.first().region.x if words else 0
    return " ".join(" ".join(line[left:] for line in lines(pilot)).split())


async def tells(pilot: Pilot[None], *words: str) -> str:
    """Wait until all these words stand beside the QR code; give what stands there."""
    await until(pilot, lambda: all(one in told(pilot) for one in words), repr(words))
    return told(pilot)

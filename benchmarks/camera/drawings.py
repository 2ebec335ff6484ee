"""The drawings that the app's are compared with, as other programs make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchword_otp.qr import QrCode

_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
"""By whether the upper and the lower module are drawn in the terminal's text colour."""

QUIET_ZONE = 4
"""What the standard asks for, and what the programs below draw unless told otherwise."""


def block_drawing(code: QrCode, *, dark_screen: bool) -> str:
    """Draw with full, upper and lower blocks in the terminal's own colours, as most programs do.

    Its light modules are text on a dark screen, its dark ones on a light screen: the right way round
    either way, which these programs leave to their users.
    """
    return "".join(
        "".join(_BLOCKS[upper != dark_screen, lower != dark_screen] for upper, lower in row) + "\n"
        for row in code.cells(QUIET_ZONE)
    )

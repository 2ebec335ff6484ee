"""A page of QR codes as lines for a terminal: the code, and what it holds beside or below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_otp.qr import Drawing
from watchword_tui.exchange.writers.parts import cut, labelled

if TYPE_CHECKING:
    from watchword_tui.exchange.writers.migration import QrPage

_GAP = 2
_NARROWEST = 16
"""Fewest columns beside the code in which labels still tell something."""


def draw_page(page: QrPage, columns: int, rows: int) -> str:
    """Draw a page in so much room, with a line break at the end of each line.

    The room for the code is what `terminal_version` counts with. Where even the code alone does not
    fit, the text says how much room it needs.
    """
    code = page.code()
    words = [f"Code {page.title}", *(labelled(account.key).title for account in page.accounts)]
    quiet_zone = code.best_quiet_zone(Drawing.HALF, columns, rows)
    if quiet_zone is None:
        width, height = code.space(Drawing.HALF, 1)
        words[0] += (
            f" needs {width} columns and {height} rows, here are {columns} and {rows}:"
            " enlarge the window, or export to a file and print it"
        )
        return "".join(f"{word}\n" for word in words)
    width, height = code.space(Drawing.HALF, quiet_zone)
    drawn = code.text(Drawing.HALF, quiet_zone).splitlines()
    beside = columns - width - _GAP
    if beside >= _NARROWEST:
        words = [cut(word, beside) for word in words[:height]]
        drawn = [
            f"{line}{' ' * _GAP}{word}" if word else line
            for line, word in zip(drawn, words + [""] * (height - len(words)), strict=True)
        ]
    else:
        drawn += [cut(word, columns) for word in words[: rows - height]]
    return "".join(f"{line}\n" for line in drawn)

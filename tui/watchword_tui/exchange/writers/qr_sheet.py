"""A sheet of QR codes for Google Authenticator to print: one SVG, cut into A4 pages (ISO 216)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from watchword_tui.exchange.model import Writer, Written
from watchword_tui.exchange.writers.migration import qr_pages
from watchword_tui.exchange.writers.parts import cut, labelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watchword_otp.qr import QrCode
    from watchword_tui.accounts import Account
    from watchword_tui.exchange.writers.migration import QrPage

# All in millimetres.
_WIDTH, _HEIGHT = 210, 297
_MARGIN = 10
_HEAD = 12
_COLUMNS, _ROWS = 2, 3
_CELL_WIDTH = (_WIDTH - 2 * _MARGIN) / _COLUMNS
_CELL_HEIGHT = (_HEIGHT - 2 * _MARGIN - _HEAD) / _ROWS
_CODE = 54
_TITLE_LINE = 4.5
_LINE = 2.8

_LABEL_CELLS = 60
"""Most of a label, wide letters counted twice; longer ones would run into the next column."""

_ADVICE = (
    "Google Authenticator: Transfer accounts, Import accounts, scan every code in order.",
    "Whoever sees this sheet has the keys: lock it away, and destroy it when it has served.",
)
# Legal in labels, and in no XML document (XML 1.0 section 2.2).
_NO_XML = str.maketrans("\ufffe\uffff", "\ufffd\ufffd")


def write(accounts: Sequence[Account], _passphrase: str) -> Written:
    """Write the sheet; see `Writer`."""
    found = qr_pages(accounts)
    per_sheet = _COLUMNS * _ROWS
    sheets = max(1, -(-len(found.pages) // per_sheet))
    height = sheets * _HEIGHT
    size = f'width="{_WIDTH}mm" height="{height}mm" viewBox="0 0 {_WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for sheet in range(sheets):
        top = sheet * _HEIGHT + _MARGIN
        parts += (
            _text(_MARGIN, top + number * _TITLE_LINE, 3.5, line)
            for number, line in enumerate(_ADVICE, start=1)
        )
    for index, page in enumerate(found.pages):
        sheet, place = divmod(index, per_sheet)
        row, column = divmod(place, _COLUMNS)
        left = _MARGIN + column * _CELL_WIDTH
        parts.append(_cell(page, left, sheet * _HEIGHT + _MARGIN + _HEAD + row * _CELL_HEIGHT))
    parts.append("</svg>\n")
    return Written("\n".join(parts).encode(), found.left_out)


def _cell(page: QrPage, left: float, top: float) -> str:
    """A code with its place in the set above and the accounts it holds below."""
    below = top + _TITLE_LINE + _CODE + _LINE
    return "\n".join(
        (
            _text(left, top + _TITLE_LINE - 1, 3.8, page.title),
            _drawing(page.code(), left, top + _TITLE_LINE),
            *(
                _text(left, below + number * _LINE, 2.4, cut(labelled(account.key).title, _LABEL_CELLS))
                for number, account in enumerate(page.accounts)
            ),
        )
    )


def _drawing(code: QrCode, left: float, top: float) -> str:
    rows = code.with_quiet_zone(4)
    path = "".join(
        f"M{column} {row}h1v1h-1z"
        for row, modules in enumerate(rows)
        for column, dark in enumerate(modules)
        if dark
    )
    scale = _CODE / len(rows)
    return (
        f'<path transform="translate({left:g} {top:g}) scale({scale:.6f})"'
        f' shape-rendering="crispEdges" d="{path}"/>'
    )


def _text(left: float, baseline: float, size: float, text: str) -> str:
    safe = escape(text.translate(_NO_XML))
    return f'<text x="{left:g}" y="{baseline:g}" font-size="{size}">{safe}</text>'


WRITER = Writer(name="qr", title="QR codes to print", suffix=".svg", encrypts=False, write=write)

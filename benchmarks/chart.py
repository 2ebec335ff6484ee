"""The chart of a report: one SVG, light and dark, that is read from 320 pixels on.

A bar's label stands above it, so that the whole is narrow enough for large letters. Nothing is told by
colour alone: our bars are named so, and each has its figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from benchmarks.figures import amount
from benchmarks.panels import PANELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.figures import Series
    from benchmarks.panels import Bar, Panel
    from benchmarks.report import Report

WIDTH, MARGIN = 560, 24
INNER = WIDTH - 2 * MARGIN
LINE_LETTERS = 58
"""Letters that fit into a line in the widest of the fonts that it may be drawn with."""

_BAR = 14
"""Height of a bar."""
_ROW = 52
"""From one bar's label to the next one's."""
_LINE = 22
"""From one line of text to the next."""

TITLE = "Watchword, measured"
NOT_MEASURED = "not measured"
_LEGEND = "The thin line under a bar goes from the least to the greatest of the rounds."

_STYLE = """
  svg { color-scheme: light dark; }
  text { font: 16px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
  text { fill: #1f2328; }
  .title { font-size: 24px; font-weight: 700; }
  .panel { font-size: 19px; font-weight: 700; }
  .quiet { fill: #59636e; }
  .mark { font-size: 15px; fill: #59636e; text-anchor: middle; }
  .figure { text-anchor: end; font-variant-numeric: tabular-nums; }
  .ours { font-weight: 700; }
  .ground { fill: #ffffff; stroke: #d0d7de; }
  .track { fill: #eff1f3; }
  .missing { fill: none; stroke: #818b98; stroke-dasharray: 4 4; }
  .bar { fill: #818b98; }
  .bar.ours { fill: #005faf; }
  .spread { stroke: #59636e; stroke-width: 2; stroke-linecap: round; }
  .grid { stroke: #ffffff; stroke-width: 1.5; }
  .rule { stroke: #d0d7de; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6; }
    .quiet, .mark { fill: #a8adb3; }
    .ground { fill: #121212; stroke: #36393d; }
    .track { fill: #232529; }
    .missing { stroke: #8b9198; }
    .bar { fill: #6f767d; }
    .bar.ours { fill: #7cbdff; }
    .spread { stroke: #a8adb3; }
    .grid { stroke: #121212; }
    .rule { stroke: #36393d; }
  }
"""


@dataclass(frozen=True)
class _Scale:
    """From values to pixels."""

    least: float
    """Where a logarithmic scale begins; 0 for one that is not."""
    most: float

    def x(self, value: float) -> float:
        """Pixels from the left edge."""
        if not self.least:
            return MARGIN + INNER * value / self.most
        part = math.log(max(value, self.least) / self.least) / math.log(self.most / self.least)
        return MARGIN + INNER * part

    def marks(self) -> list[float]:
        """The powers of ten within a logarithmic scale."""
        if not self.least:
            return []
        powers = range(math.ceil(math.log10(self.least)), math.floor(math.log10(self.most)) + 1)
        return [10.0**power for power in powers]


def draw(report: Report) -> str:
    """Draw the chart of a report; the same report gives the same text."""
    parts: list[str] = []
    y = MARGIN + 24
    parts.append(_text(MARGIN, y, TITLE, "title"))
    y += 10
    for panel in PANELS:
        y = _draw_panel(parts, panel, report, y)
    parts.append(f'<line class="rule" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y + 6}" y2="{y + 6}"/>')
    y += 34
    for line in (*lines_of(_LEGEND), *lines_of(_setting(report))):
        parts.append(_text(MARGIN, y, line, "quiet"))
        y += _LINE
    height = y - _LINE + MARGIN
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title desc">\n'
        f'<title id="title">{escape(TITLE)}</title>\n'
        f'<desc id="desc">{escape(describe(report))}</desc>\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>\n'
        f"{body}\n</svg>\n"
    )


def describe(report: Report) -> str:
    """Say in sentences what the chart shows, for those who cannot see it."""
    return " ".join(
        f"{panel.title}: "
        + "; ".join(f"{bar.label}: {_figure(_found(bar, report))}" for bar in panel.bars)
        + "."
        for panel in PANELS
    )


def lines_of(text: str) -> Iterator[str]:
    """Break a text into lines that fit."""
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > LINE_LETTERS:
            yield line
            line = word
        else:
            line = f"{line} {word}".lstrip()
    yield line


def _draw_panel(parts: list[str], panel: Panel, report: Report, y: int) -> int:
    """Draw one panel below `y`; give where it ends."""
    y += 40
    parts.append(_text(MARGIN, y, panel.title, "panel"))
    for line in lines_of(panel.note):
        y += _LINE
        parts.append(_text(MARGIN, y, line, "quiet"))
    y += 32
    found = [_found(bar, report) for bar in panel.bars]
    measured = [series for series in found if series is not None]
    scale = _scale(measured, logarithmic=panel.logarithmic) if measured else _Scale(0, 1)
    for bar, series in zip(panel.bars, found, strict=True):
        parts += _draw_bar(bar, series, scale, y)
        y += _ROW
    if marks := scale.marks():
        parts += [
            _text(scale.x(mark), y - 8, _mark(mark, measured[0].unit), "mark")
            for mark in marks
            if MARGIN + 16 <= scale.x(mark) <= WIDTH - MARGIN - 16
        ]
        y += 20
    return y - 8


def _draw_bar(bar: Bar, series: Series | None, scale: _Scale, y: int) -> Iterator[str]:
    """Draw a label with its figure on the line `y`, and the bar under it."""
    kind = "ours" if bar.ours else ""
    top = y + 8
    yield f"<g><title>{escape(f'{bar.label}: {_figure(series)}')}</title>"
    yield _text(MARGIN, y, bar.label, kind)
    if series is None:
        yield _text(WIDTH - MARGIN, y, NOT_MEASURED, "figure quiet")
        yield _rect("missing", MARGIN, top, INNER)
    else:
        yield _text(WIDTH - MARGIN, y, amount(series.median, series.unit), f"figure {kind}".strip())
        yield _rect("track", MARGIN, top, INNER)
        yield _rect(f"bar {kind}".strip(), MARGIN, top, scale.x(series.median) - MARGIN)
        for mark in scale.marks():
            x = scale.x(mark)
            yield _line("grid", x, x, top, top + _BAR)
        least, most = (scale.x(bound) for bound in series.spread)
        yield _line("spread", least, most, top + _BAR + 4, top + _BAR + 4)
    yield "</g>"


def _scale(measured: Sequence[Series], *, logarithmic: bool) -> _Scale:
    """Where a panel's values have their place; a logarithmic scale begins well before the least."""
    bounds = [bound for series in measured for bound in series.spread]
    if not logarithmic:
        return _Scale(0, max(bounds))
    return _Scale(10.0 ** math.floor(math.log10(min(bounds) / 2)), max(bounds))


def _found(bar: Bar, report: Report) -> Series | None:
    return report.find(bar.measure, bar.subject, bar.quantity)


def _figure(series: Series | None) -> str:
    return NOT_MEASURED if series is None else series.as_text()


def _mark(value: float, unit: str) -> str:
    """Write a power of ten on the scale."""
    if unit == "s" and value < 1:
        return f"{value * 1e3:g} ms"
    return f"{value:,g} {unit}"


def _setting(report: Report) -> str:
    """The machine in a line or two."""
    machine = report.machine
    load, _, _ = machine["load before"].partition(" ")
    where = f"{machine['processor']}, {machine['system']}, Python {machine['Python']}"
    return f"{report.date}, {where}; load {load} before."


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{_pixels(x)}" y="{_pixels(y)}">{escape(text)}</text>'


def _rect(kind: str, x: float, y: float, width: float) -> str:
    return (
        f'<rect class="{kind}" x="{_pixels(x)}" y="{_pixels(y)}"'
        f' width="{_pixels(max(width, 1))}" height="{_BAR}" rx="3"/>'
    )


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return (
        f'<line class="{kind}" x1="{_pixels(x1)}" x2="{_pixels(x2)}"'
        f' y1="{_pixels(y1)}" y2="{_pixels(y2)}"/>'
    )


def _pixels(value: float) -> str:
    return f"{round(value, 1):g}"

"""`python -m benchmarks.camera`: photograph QR codes, ours and others', and see which are read."""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import click
from benchmarks.camera.distort import Picture, light_up, shoot
from benchmarks.camera.page import pages
from benchmarks.camera.pictures import APP, KEY, PLAIN, TWO_CELLS, alone, code_of, pictures, two_cells
from benchmarks.camera.report import Seen, figures, table
from benchmarks.camera.session import Read, read, share
from benchmarks.camera.terminals import LOOKS, WITHOUT_BLOCKS
from benchmarks.camera.xterm import display, require_font
from benchmarks.harness import UnavailableError, say, workplace
from benchmarks.machine import machine
from benchmarks.report import Report, Result
from benchmarks.tables import as_text

from watchword_otp import format_uri

if TYPE_CHECKING:
    from collections.abc import Callable

SHOTS = 200
"""Of each picture."""
_KEPT_SHOTS = 6
_SCALES = (9, 10, 11)
"""Pixels a module, as in most of the terminals."""


@click.command()
@click.option(
    "--shots", type=click.IntRange(1), default=SHOTS, show_default=True, help="Of each picture."
)
@click.option(
    "--only", default="", metavar="TEXT", help="Only terminals and other parts with this in their name."
)
@click.option(
    "--keep", type=click.Path(path_type=Path), help="A folder for the pictures and some shots."
)
def main(shots: int, only: str, keep: Path | None) -> None:
    """Photograph QR codes in terminals and on the enrolment page, and see which ones scanners read.

    Exit status: 0 when every figure reaches its goal, 1 when one falls short or cannot be measured.
    """
    result = Result("camera")
    report = Report(machine(), time.strftime("%Y-%m-%d"), [result])
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        waiting = Waiting(pool, shots, keep)
        seen = _terminals(waiting, only, result)
        for name, part in _PARTS.items():
            if only in name:
                say(f"photographing {name}")
                try:
                    part(waiting)
                except UnavailableError as error:
                    result.unavailable.append(f"{name}: {error}")
    result.figures += figures(seen) if seen else []
    if seen:
        print(table(seen, shots), end="\n\n")
    for line in waiting.notes:
        print(line)
    print()
    print(as_text(report))
    sys.exit(not report.passed)


class Waiting:
    """Pictures on their way to the two scanners."""

    def __init__(self, pool: ProcessPoolExecutor, shots: int, keep: Path | None) -> None:
        self.shots = shots
        self.notes: list[str] = []
        """What is no terminal's, a line each."""
        self._pool = pool
        self._keep = keep

    def send(self, name: str, taken: dict[str, Picture], uri: str) -> dict[str, Future[Read]]:
        """Have pictures shot and read by other processes; keep them if somebody wants to look."""
        if self._keep is not None:
            self._keep.mkdir(parents=True, exist_ok=True)
            for drawing, picture in taken.items():
                stem = f"{name}, {drawing}".replace(" ", "_")
                picture.image.save(self._keep / f"{stem}.png")
                panel = light_up(picture)
                for shot in range(min(_KEPT_SHOTS, self.shots)):
                    shoot(panel, shot).save(self._keep / f"{stem}_{shot}.png")
        return {
            drawing: self._pool.submit(read, picture, range(self.shots), uri.encode())
            for drawing, picture in taken.items()
        }


def _terminals(waiting: Waiting, only: str, result: Result) -> list[Seen]:
    sent = []
    with display() as shown_on:
        for look in (one for one in LOOKS if only in one.name):
            say(f"photographing {look.name}")
            try:
                require_font(look)
                with workplace() as folder:
                    taken = pictures(shown_on, look, folder)
            except UnavailableError as error:
                result.unavailable.append(f"{look.name}: {error}")
                continue
            left, top, right, bottom = taken[APP].symbol
            size = code_of(KEY).size
            module = (right - left) / size, (bottom - top) / size
            sent.append((look, module, waiting.send(look.name, taken, format_uri(KEY))))
    seen = []
    for number, (look, module, futures) in enumerate(sent, 1):
        reads = {drawing: each.result() for drawing, each in futures.items()}
        seen.append(Seen(look, module, reads))
        counts = ", ".join(f"{drawing} {len(one.either)}" for drawing, one in reads.items())
        say(f"read {number} of {len(sent)}: {look.name}: {counts}")
        if TWO_CELLS in reads:
            part = share(reads[TWO_CELLS], reads[PLAIN])
            waiting.notes.append(f"Two cells a module, {look.name}: {part:.1%} of the PNG's")
    return seen


def _pages(waiting: Waiting) -> None:
    """The enrolment page, light and dark."""
    with workplace() as folder:
        sent = [
            (scheme, waiting.send(f"page, {scheme}", {"page": page, PLAIN: plain}, uri))
            for scheme, uri, page, plain in pages(folder)
        ]
    for scheme, futures in sent:
        page, plain = futures["page"].result(), futures[PLAIN].result()
        waiting.notes.append(
            f"The enrolment page, {scheme}: {share(page, plain):.1%} of the PNG's"
            f" {len(plain.either) / waiting.shots:.1%}"
        )


def _without_blocks(waiting: Waiting) -> None:
    """See what is left where the font has no half blocks."""
    with display() as shown_on, workplace() as folder:
        taken = pictures(shown_on, WITHOUT_BLOCKS, folder)
        taken[TWO_CELLS] = two_cells(shown_on, WITHOUT_BLOCKS, folder)
    reads = waiting.send("no half blocks", taken, format_uri(KEY))
    parts = (
        f"{drawing} {share(each.result(), reads[PLAIN].result()):.1%}" for drawing, each in reads.items()
    )
    waiting.notes.append(f"A font without half blocks: {', '.join(parts)}")


def _itself(waiting: Waiting) -> None:
    """Hold the PNG against itself in other sizes: no drawing can be told from it more closely."""
    taken = {str(scale): alone(code_of(KEY), scale, dark=True) for scale in _SCALES}
    futures = waiting.send("PNG", taken, format_uri(KEY))
    reads = [each.result() for each in futures.values()]
    parts = [share(one, other) for one, other in permutations(reads, 2)]
    sizes = ", ".join(map(str, _SCALES))
    waiting.notes.append(
        f"The PNG at {sizes} pixels a module, each held against the others:"
        f" {min(parts):.1%} to {max(parts):.1%}"
    )


_PARTS: dict[str, Callable[[Waiting], None]] = {
    "the enrolment page": _pages,
    "a font without half blocks": _without_blocks,
    "the PNG against itself": _itself,
}
"""What is photographed besides the terminals."""


if __name__ == "__main__":
    main()

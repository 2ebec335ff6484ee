"""The app with one account: how soon it shows something, and what it costs while nobody types."""

from __future__ import annotations

import re
import statistics
from typing import TYPE_CHECKING

from benchmarks.harness import BIN, Figure, interleaved, milliseconds, one_account, say
from benchmarks.on_terminal import COLUMNS, ONE_LINE_APP, ROWS, first_frame, watch_idle

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 11
IDLE_SECONDS = 60
"""Two whole periods of a 30 s key, so that every second of one counts alike."""


def measure(folder: Path) -> list[Figure]:
    """Time first frames in turns, then watch the idle app."""
    app = [str(BIN / "watchword"), "--accounts", str(one_account(folder))]
    one_line = [str(BIN / "python"), "-c", ONE_LINE_APP]
    apps, one_lines = interleaved(
        ROUNDS,
        lambda: first_frame(app, folder, _shows_a_code),
        lambda: first_frame(one_line, folder, lambda text: "ready" in text),
    )
    say(f"watching the idle app for {IDLE_SECONDS} s")
    idle = watch_idle(app, folder, IDLE_SECONDS)
    return [
        Figure(
            name="first frame / one-line Textual app",
            value=statistics.median(apps) / statistics.median(one_lines),
            unit="times",
            goal=1.3,
            basis=f"{milliseconds(apps)} against {milliseconds(one_lines)}, median of {ROUNDS}",
        ),
        Figure(
            name="idle app, terminal",
            value=idle.written / idle.seconds,
            unit="bytes/s",
            goal=250,
            basis=f"{idle.written} bytes in {idle.seconds:.0f} s, one account, {COLUMNS}x{ROWS}",
        ),
        Figure(
            name="idle app, processor",
            value=100 * idle.processor / idle.seconds,
            unit="% of a core",
            goal=1,
            basis=f"{idle.processor * 1e3:.0f} ms in {idle.seconds:.0f} s, user and system",
        ),
    ]


def _shows_a_code(text: str) -> bool:
    return "Example" in text and re.search(r"\b\d{3} ?\d{3}\b", text) is not None

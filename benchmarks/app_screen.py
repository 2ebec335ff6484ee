"""The app with one account: how soon it shows something, and what it costs while nobody types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.figures import ratio
from benchmarks.harness import BIN, one_account, say
from benchmarks.on_terminal import ONE_LINE, ONE_LINE_APP, add_idle, first_frame, watch_idle

if TYPE_CHECKING:
    from benchmarks.bench import Bench

ROUNDS = 11
IDLE_SECONDS = 60
"""Two whole periods of a 30 s key, so that every second of one counts alike."""
SUBJECT = "watchword"


def measure(bench: Bench) -> None:
    """Time first frames in turns, then watch the idle app."""
    folder = bench.folder
    app = [str(BIN / "watchword"), "--accounts", str(one_account(folder))]
    one_line = [str(BIN / "python"), "-c", ONE_LINE_APP]
    ours, theirs = bench.in_turns(
        ROUNDS,
        {
            SUBJECT: lambda: first_frame(app, folder, _shows_a_code),
            ONE_LINE: lambda: first_frame(one_line, folder, lambda text: "ready" in text),
        },
        "first frame",
    )
    bench.add(ratio("one account: first frame / a one-line Textual app's", ours, theirs, 1.3))
    say(f"watching the idle app for {IDLE_SECONDS} s")
    add_idle(bench, "one account", SUBJECT, watch_idle(app, folder, IDLE_SECONDS), 250)


def _shows_a_code(text: str) -> bool:
    return "Example" in text and re.search(r"\b\d{3} ?\d{3}\b", text) is not None

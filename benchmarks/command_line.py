"""How long one code on the command line takes, against a Python that does nothing."""

from __future__ import annotations

import statistics
import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.harness import BIN, Figure, interleaved, milliseconds, one_account, plain_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 21


def measure(folder: Path) -> list[Figure]:
    """Time `watchword code` with one account and `python -c pass` in turns."""
    code = [str(BIN / "watchword"), "code", "--accounts", str(one_account(folder))]
    nothing = [str(BIN / "python"), "-c", "pass"]
    codes, nothings = interleaved(ROUNDS, _timed(code, folder), _timed(nothing, folder))
    return [
        Figure(
            name="watchword code / python -c pass",
            value=statistics.median(codes) / statistics.median(nothings),
            unit="times",
            goal=12,
            basis=f"{milliseconds(codes)} against {milliseconds(nothings)}, median of {ROUNDS}",
        )
    ]


def _timed(command: list[str], folder: Path) -> Callable[[], float]:
    environment = plain_environment(folder)

    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return run

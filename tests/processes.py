"""Processes of this machine: whose children they are, whether they still run, and waiting for things."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PROC = Path("/proc")
_ENDED = "ZX"
"""What the first letter of a state is once a process is only waited for."""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20) -> float:
    """Wait for a condition; give the seconds that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, f"never: {what}"
        time.sleep(0.01)
    return time.monotonic() - began


@contextlib.contextmanager
def other_tests(program: str) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """Run what stands for tests of their own, to be killed in the block.

    Args:
        program: Python that prints the number of a process it started and a folder it made, and waits.
    """
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        pid, folder = tests.stdout.readline().split()
        yield tests, int(pid), Path(folder)


def descendants(pid: int) -> list[int]:
    """Everything that runs under a process, its own children first."""
    parents = {child: parent for child, parent, _ in _processes()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waited for."""
    return any(pid == one and state not in _ENDED for one, _, state in _processes())


def _processes() -> Iterator[tuple[int, int, str]]:
    """Every process: its number, its parent's, the first letter of its state."""
    if not (_PROC / "self/stat").exists():
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid=,state="], capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            pid, parent, state = line.split()
            yield int(pid), int(parent), state[0]
        return
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                # The name of its program stands in brackets, and may have some of its own.
                state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
                yield int(entry.name), int(parent), state

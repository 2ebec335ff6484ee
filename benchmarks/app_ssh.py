"""The app at the far end of a real SSH connection: twenty sessions' memory, and bytes on the wire."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import ROOT, Figure, UnavailableError, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from sshd import Sshd
    from terminal import Terminal

SESSIONS = 20
IDLE_SECONDS = 60
"""Two whole periods of a 30 s key, so that every second of one counts alike."""
SETTLE_SECONDS = 3
ENDINGS = 5
_KIB = 1024
_MIB = _KIB * _KIB


def measure(folder: Path) -> list[Figure]:  # noqa: ARG001 - sshd brings a folder of its own
    """Open one session and count, then twenty and weigh them."""
    # The tests know how to run an sshd with deploy's configuration.
    sys.path.append(str(ROOT / "tests"))
    from desk import GITHUB  # noqa: PLC0415 - not found before
    from sshd import running_sshd  # noqa: PLC0415 - as above

    try:
        with running_sshd() as running:
            running.desk.keep(GITHUB)
            return [*_on_the_wire(running), *_endings(running), *_in_memory(running)]
    except BaseException as error:
        # What lacks a program skips a test.
        if type(error).__name__ == "Skipped":
            raise UnavailableError(str(error)) from None
        raise


def _on_the_wire(running: Sshd) -> list[Figure]:
    from wire import Wire  # noqa: PLC0415 - as above

    with Wire(running.port) as wire:
        began = time.perf_counter()
        terminal = _opened(running, wire.port)
        first, first_bytes = time.perf_counter() - began, wire.received
        say(f"watching the wire for {2 * IDLE_SECONDS} s")
        shown = _idle(terminal, lambda: wire.received)
        terminal.press("l")
        locked = _idle(terminal, lambda: wire.received)
        terminal.close()
    basis = f"from sshd to the client, encrypted, in {IDLE_SECONDS} s, one account, 80x24, 256 colours"
    return [
        Figure(
            name="over SSH, connect to first frame",
            value=first,
            unit="s",
            goal=2,
            basis=f"one connection; {first_bytes / _KIB:.0f} KiB came by then",
        ),
        Figure(name="idle session, wire", value=shown / _KIB, unit="KiB/min", goal=30, basis=basis),
        Figure(name="locked session, wire", value=locked / _KIB, unit="KiB/min", goal=1, basis=basis),
    ]


def _endings(running: Sshd) -> list[Figure]:
    """How long the app stays when it should be gone: the worst of several times."""
    from processes import is_running, wait_until  # noqa: PLC0415 - as above

    say(f"ending {2 * ENDINGS} sessions")

    def ended(end: Callable[[Terminal, int], None]) -> float:
        terminal = _opened(running, running.port)
        (app,) = running.apps()
        end(terminal, app)
        took = wait_until(lambda: not is_running(app), "the app has gone")
        terminal.close()
        return took

    killed = [ended(lambda client, _: os.kill(client.pid, signal.SIGKILL)) for _ in range(ENDINGS)]
    told = [ended(lambda _, app: os.kill(app, signal.SIGTERM)) for _ in range(ENDINGS)]
    return [
        Figure(
            name=f"over SSH, {what}: until the app is gone",
            value=max(seconds),
            unit="s",
            goal=1,
            basis=f"the longest of {ENDINGS}; the shortest {min(seconds):.2f} s",
        )
        for what, seconds in (("client killed", killed), ("told to end", told))
    ]


def _in_memory(running: Sshd) -> list[Figure]:
    say(f"opening {SESSIONS} sessions")
    terminals = [_opened(running, running.port) for _ in range(SESSIONS)]
    for terminal in terminals:
        terminal.listen(SETTLE_SECONDS / SESSIONS)
    weights = [_memory(pid) for pid in running.apps()]
    for terminal in terminals:
        terminal.close()
    if len(weights) != SESSIONS:
        raise UnavailableError(f"{len(weights)} of {SESSIONS} sessions stayed open")
    private = [one["Private_Clean"] + one["Private_Dirty"] for one in weights]
    share = sum(one["Pss"] for one in weights)
    return [
        Figure(
            name=f"{SESSIONS} sessions, private memory of each",
            value=statistics.median(private) / _MIB,
            unit="MiB",
            goal=40,
            basis=f"{min(private) / _MIB:.1f} to {max(private) / _MIB:.1f} MiB;"
            f" all together {share / _MIB:.0f} MiB with their share of what is shared (Pss)",
        )
    ]


def _opened(running: Sshd, port: int) -> Terminal:
    terminal = running.connect(port=port)
    terminal.wait_for(lambda screen: "GitHub" in screen and "^q Quit" in screen, "the codes", seconds=60)
    return terminal


def _idle(terminal: Terminal, received: Callable[[], int]) -> int:
    """Bytes that come in a while without a key."""
    terminal.listen(SETTLE_SECONDS)
    before = received()
    terminal.listen(IDLE_SECONDS)
    return received() - before


def _memory(pid: int) -> dict[str, int]:
    """Bytes of a process by kind (proc_pid_smaps(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    return {name: int(rest.split()[0]) * _KIB for name, _, rest in (one.partition(":") for one in lines)}

"""The app at the far end of a real SSH connection: twenty sessions' memory, and bytes on the wire."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Series, single
from benchmarks.harness import UnavailableError, find_test_helpers, say, skips_are_unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench

    from sshd import Sshd
    from terminal import Terminal

SESSIONS = 20
IDLE_SECONDS = 60
"""Two whole periods of a 30 s key, so that every second of one counts alike."""
SETTLE_SECONDS = 3
ENDINGS = 5
SUBJECT = "watchword over SSH"
_KIB = 1024
_MIB = _KIB * _KIB


def measure(bench: Bench) -> None:
    """Open one session and count, then twenty and weigh them."""
    find_test_helpers()
    from desk import GITHUB  # noqa: PLC0415 - not found before
    from sshd import running_sshd  # noqa: PLC0415 - as above

    with skips_are_unavailable(), running_sshd() as running:
        running.desk.keep(GITHUB)
        _on_the_wire(bench, running)
        _endings(bench, running)
        _in_memory(bench, running)


def _on_the_wire(bench: Bench, running: Sshd) -> None:
    from wire import Wire  # noqa: PLC0415 - as above

    with Wire(running.port) as wire:
        began = time.perf_counter()
        terminal = _opened(running, wire.port)
        first, first_bytes = time.perf_counter() - began, float(wire.received)
        say(f"watching the wire for {2 * IDLE_SECONDS} s")
        shown = _idle(terminal, lambda: wire.received)
        terminal.press("l")
        locked = _idle(terminal, lambda: wire.received)
        terminal.close()
    frame = Series(SUBJECT, "connect to first frame", "s", (first,))
    until_then = Series(SUBJECT, "bytes by then", "bytes", (first_bytes,))
    idle, silent = (
        Series(SUBJECT, f"{what}: on the wire", "KiB/min", (received / _KIB,))
        for what, received in (("idle", shown), ("locked", locked))
    )
    bench.keep(frame, until_then, idle, silent)
    bench.add(
        single("over SSH: connect to first frame", frame, 2),
        single("over SSH, idle: bytes on the wire", idle, 30),
        single("over SSH, locked: bytes on the wire", silent, 1),
    )


def _endings(bench: Bench, running: Sshd) -> None:
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

    ends: dict[str, Callable[[Terminal, int], None]] = {
        "client killed": lambda client, _: os.kill(client.pid, signal.SIGKILL),
        "told to end": lambda _, app: os.kill(app, signal.SIGTERM),
    }
    for what, end in ends.items():
        gone = Series(
            SUBJECT, f"{what}: until it is gone", "s", tuple(ended(end) for _ in range(ENDINGS))
        )
        bench.keep(gone)
        least, most = gone.spread
        name = f"over SSH, {what}: until the app is gone, the longest of {ENDINGS}"
        bench.add(Figure(name, most, "s", 1, spread=(least, most)))


def _in_memory(bench: Bench, running: Sshd) -> None:
    say(f"opening {SESSIONS} sessions")
    terminals = [_opened(running, running.port) for _ in range(SESSIONS)]
    for terminal in terminals:
        terminal.listen(SETTLE_SECONDS / SESSIONS)
    weights = [_memory(pid) for pid in running.apps()]
    for terminal in terminals:
        terminal.close()
    if len(weights) != SESSIONS:
        raise UnavailableError(f"{len(weights)} of {SESSIONS} sessions stayed open")
    subject = f"each of {SESSIONS} sessions"
    private, share = (
        Series(subject, quantity, "bytes", tuple(sum(map(float, kinds)) for kinds in weighed))
        for quantity, weighed in (
            ("private memory", [(one["Private_Clean"], one["Private_Dirty"]) for one in weights]),
            ("with its share of what is shared (Pss)", [(one["Pss"],) for one in weights]),
        )
    )
    bench.keep(private, share)
    bench.add(
        Figure(
            name=f"{SESSIONS} SSH sessions: private memory of each",
            value=private.median / _MIB,
            unit="MiB",
            goal=40,
            spread=(min(private.values) / _MIB, max(private.values) / _MIB),
        )
    )


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

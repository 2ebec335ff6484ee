"""Processor time: how much of it processes took, and giving a process only a share."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks.harness import UnavailableError, find_test_helpers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_T = TypeVar("_T")

_PERIOD = 10_000
"""Microseconds over which a share is counted: short, for a node not to be away for long at a time."""

_UNIFIED = Path("/sys/fs/cgroup")
_SPLIT = Path("/sys/fs/cgroup/cpu")


@dataclass(frozen=True)
class Spent:
    """Processor time of one stretch of work, seconds."""

    seconds: float
    """How long it was; no processor time."""
    by: Mapping[str, float]
    """What groups of processes took."""
    senders: float
    """What programs took that were started and ended meanwhile."""
    machine: float
    """What everything on this machine took, and what was taken from it by others beside it."""

    @property
    def others(self) -> float:
        """Cores that were busy with something else, on average."""
        return max(self.machine - self.senders - sum(self.by.values()), 0.0) / self.seconds


def spending(groups: Mapping[str, Sequence[int]], work: Callable[[], _T]) -> tuple[_T, Spent]:
    """Do something, and see what processes and all that runs under them took meanwhile.

    Args:
        groups: Process numbers by what is told of them together.
        work: What to do; what it starts, it waits for.

    Raises:
        UnavailableError: This system does not tell.
    """
    before = {name: _taken(pids) for name, pids in groups.items()}
    children, machine, began = _children(), _machine(), time.perf_counter()
    done = work()
    seconds, machine = time.perf_counter() - began, _machine() - machine
    senders = _children() - children
    by = {}
    for name, pids in groups.items():
        after = _taken(pids)
        by[name] = sum(taken - before[name].get(task, 0.0) for task, taken in after.items())
    return done, Spent(seconds, by, senders, machine)


@contextlib.contextmanager
def only_a_share(pid: int, share: float) -> Iterator[None]:
    """Give a process no more than a share of one core, by a control group of Linux.

    Raises:
        UnavailableError: No such group can be made here.
    """
    root, limits = _groups(share)
    group = root / f"watchword-bench-{pid}"
    try:
        group.mkdir()
        for name, value in limits.items():
            (group / name).write_text(value, encoding="ascii")
        (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        raise UnavailableError(
            f"a process cannot be given a share of a processor: {error.strerror}; run it as root, where"
            " control groups are not closed"
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (root / "cgroup.procs").write_text(str(pid), encoding="ascii")
        group.rmdir()


def _groups(share: float) -> tuple[Path, dict[str, str]]:
    """Where groups are made, and what limits one; version 2 if it has a say in the processor."""
    quota = round(share * _PERIOD)
    with contextlib.suppress(OSError):
        if "cpu" in (_UNIFIED / "cgroup.controllers").read_text(encoding="ascii").split():
            (_UNIFIED / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
            return _UNIFIED, {"cpu.max": f"{quota} {_PERIOD}"}
    return _SPLIT, {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)}


def _machine() -> float:
    """Seconds that all cores together were busy, or kept from us (proc_stat(5))."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        raise UnavailableError("the system does not say how busy it is") from None
    user, nice, system, _idle, _waiting, *interrupts = map(int, line.split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _taken(pids: Sequence[int]) -> dict[str, float]:
    """Seconds on a processor of each thread of processes and their descendants (schedstats of Linux)."""
    find_test_helpers()
    from processes import descendants  # noqa: PLC0415 - not found before

    taken: dict[str, float] = {}
    for pid in {one for root in pids for one in (root, *descendants(root))}:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                told = (task / "schedstat").read_text(encoding="ascii")
                taken[task.name] = int(told.split()[0]) / 1e9
    if not taken:
        raise UnavailableError("the system does not say what its processes take")
    return taken

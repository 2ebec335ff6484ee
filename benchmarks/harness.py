"""What every benchmark needs: figures with goals, fair rounds, peers of their own, one report."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "build" / "bench"
"""Where peers are installed and databases live: on the project's own disk, for fsync to mean it."""

BIN = Path(sys.executable).parent
"""Where this environment's commands are."""


class UnavailableError(Exception):
    """Something that is measured or measured against cannot be had; the message says what and why."""


@dataclass(frozen=True)
class Figure:
    """One number with its goal."""

    name: str
    value: float
    unit: str
    goal: float
    """In the same unit."""
    basis: str
    """The measurements the number is made of."""
    at_least: bool = False
    """Whether more is better; otherwise less is."""

    @property
    def passed(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass
class Report:
    """What was measured, on what, and what could not be."""

    machine: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything was measured and every goal reached."""
        return not self.unavailable and all(figure.passed for figure in self.figures)

    def as_json(self) -> str:
        """One JSON object for programs."""
        figures = [{**asdict(figure), "passed": figure.passed} for figure in self.figures]
        found = {"machine": self.machine, "figures": figures, "unavailable": self.unavailable}
        return json.dumps(found, indent=2)

    def as_text(self) -> str:
        """A table for people."""
        rows = [("figure", "measured", "goal", "")]
        for figure in self.figures:
            bound = "at least" if figure.at_least else "at most"
            rows.append(
                (
                    figure.name,
                    f"{figure.value:.2f} {figure.unit}",
                    f"{bound} {figure.goal:g} {figure.unit}",
                    "PASS" if figure.passed else "FALL SHORT",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        bases = [f"{figure.name}: {figure.basis}" for figure in self.figures]
        machine = [f"{name}: {value}" for name, value in self.machine.items()]
        missing = [f"not measured: {reason}" for reason in self.unavailable]
        parts = [table if self.figures else [], bases, machine, missing]
        return "\n\n".join("\n".join(part) for part in parts if part)


def interleaved(rounds: int, *subjects: Callable[[], float]) -> list[list[float]]:
    """Measure the subjects in turns, so that a busy moment hits all alike; give each one's samples.

    Each is run once more at first, uncounted, for caches to fill.
    """
    for subject in subjects:
        subject()
    samples: list[list[float]] = [[] for _ in subjects]
    for _ in range(rounds):
        for subject, found in zip(subjects, samples, strict=True):
            found.append(subject())
    return samples


def milliseconds(samples: Sequence[float]) -> str:
    """Write a median of seconds with its spread."""
    middle, least, most = (each(samples) * 1e3 for each in (statistics.median, min, max))
    return f"{middle:.0f} ms ({least:.0f} to {most:.0f})"


def require_program(name: str) -> str:
    """Give the path of a program of this machine.

    Raises:
        UnavailableError: It is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise UnavailableError(f"the program {name} is not installed")
    return path


def peer_environment(name: str, packages: Sequence[str]) -> Path:
    """Give the folder of commands of an environment with `packages`, made when first asked for.

    Raises:
        UnavailableError: They cannot be installed.
    """
    folder = CACHE / "peers" / name
    commands = folder / "bin"
    wanted = "\n".join(packages)
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return commands
    say(f"installing {', '.join(packages)}")
    venv.create(folder, clear=True, with_pip=True)
    install = [str(commands / "python"), "-m", "pip", "install", "--quiet", *packages]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UnavailableError(f"{', '.join(packages)} cannot be installed: {last}")
    stamp.write_text(wanted, encoding="utf-8")
    return commands


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Make an empty folder that goes away afterwards."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as folder:
        yield Path(folder)


def plain_environment(folder: Path) -> dict[str, str]:
    """Environment variables of a user without any settings, at home in `folder`."""
    return {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }


def one_account(folder: Path) -> Path:
    """Write an accounts file with one ordinary account; give its path."""
    path = folder / "accounts.txt"
    path.write_text(
        "otpauth://totp/Example:alice@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example\n",
        encoding="utf-8",
    )
    path.chmod(0o600)
    return path


def machine() -> dict[str, str]:
    """Describe what the figures were measured on."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "fsync": f"{_fsync_seconds() * 1e3:.2f} ms",
        "system": f"{platform.system()} {platform.machine()}, {platform.libc_ver()[0] or 'libc'}",
        "python": platform.python_version(),
        "packages": ", ".join(
            f"{name} {version(name)}" for name in ("watchword", "textual", "aiohttp", "pyotp")
        ),
    }


def say(line: str) -> None:
    """Tell people what is going on, apart from the report."""
    print(line, file=sys.stderr, flush=True)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _fsync_seconds() -> float:
    """Median of writing a page through to the disk."""
    samples = []
    with workplace() as folder, (folder / "page").open("wb", buffering=0) as page:
        for _ in range(50):
            started = time.perf_counter()
            page.write(b"x" * 4096)
            os.fsync(page.fileno())
            samples.append(time.perf_counter() - started)
    return statistics.median(samples)

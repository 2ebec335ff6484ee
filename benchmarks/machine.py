"""What the figures were measured on."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.harness import workplace

_PACKAGES = ("watchword", "textual", "aiohttp", "pyotp", "cryptography", "uvloop")


def machine() -> dict[str, str]:
    """Describe this machine and what is installed, by kind; nothing in it names the machine."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "fsync": f"{_fsync_seconds() * 1e3:.2f} ms",
        "system": f"{platform.system()} {platform.machine()}, {platform.libc_ver()[0] or 'libc'}",
        "Python": platform.python_version(),
        "packages": ", ".join(filter(None, map(_package, _PACKAGES))),
    }


def _package(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


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

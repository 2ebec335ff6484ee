"""Sending requests with wrk, and what came of them."""

from __future__ import annotations

import json
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import UnavailableError, plain_environment, require_program

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCRIPT = Path(__file__).with_name("requests.lua")


@dataclass(frozen=True)
class Served:
    """Where to send requests."""

    url: str
    token: str
    yes: str
    """What the answer to a good code holds."""
    pid: int


@dataclass(frozen=True)
class Round:
    """What wrk counted in one round."""

    seconds: float
    yes: int
    """Answers 200 that say yes."""
    no: int
    """Other answers 200."""
    other: int
    """Answers of another status."""
    errors: int
    """Connections that failed."""
    p50: float
    """Seconds."""
    p99: float
    """Seconds."""

    @property
    def answers(self) -> int:
        """Answers that count."""
        return self.yes + self.no

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def send(server: Served, requests: Path, *, connections: int, seconds: int) -> Round:
    """Send requests from all connections, each as soon as the one before it is answered.

    Raises:
        UnavailableError: Some answer was neither yes nor no, so that the round is not worth its name.
    """
    command = [require_program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s"]
    command += ["-s", str(_SCRIPT), server.url, "--", str(requests), server.yes]
    environment = plain_environment(requests.parent) | {"BEARER": server.token}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    try:
        found = Round(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        raise UnavailableError(f"wrk gives no result: {done.stderr.strip()}") from None
    if found.other or found.errors or not found.yes:
        raise UnavailableError(
            f"{found.yes} answers were yes and {found.no} no, {found.other} were refusals,"
            f" {found.errors} requests failed"
        )
    return found


def ratios(ours: Sequence[Round], theirs: Sequence[Round]) -> list[float]:
    """Our rate over theirs, round by round."""
    return [our.rate / their.rate for our, their in zip(ours, theirs, strict=True)]


def spread(numbers: Sequence[float]) -> str:
    """From the least to the most."""
    return f"{min(numbers):.2f} to {max(numbers):.2f}"


def describe(rounds: Sequence[Round]) -> str:
    """The median rate and latencies of some rounds."""
    rate = statistics.median(found.rate for found in rounds)
    p50 = statistics.median(found.p50 for found in rounds)
    p99 = statistics.median(found.p99 for found in rounds)
    return f"{rate:.0f}/s (median {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms)"

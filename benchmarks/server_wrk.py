"""Sending requests with wrk, and what came of them."""

from __future__ import annotations

import json
import statistics
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Series
from benchmarks.harness import UnavailableError, plain_environment, require_program
from benchmarks.rounds import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.bench import Bench

RATE = "answers a second"
"""What a rate is called in the report."""

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


@dataclass(frozen=True)
class Load:
    """How one subject fared in its rounds."""

    rate: Series
    p50: Series
    p99: Series


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


def send_to_all(targets: Sequence[tuple[Served, Path]], *, connections: int, seconds: int) -> Round:
    """Send to several servers at once, each its own requests from its own connections; give the sums.

    The median latency is the mean of the servers' medians, p99 the greatest of theirs.

    Args:
        targets: A server and what it is sent, each.
        connections: To each.
        seconds: How long.

    Raises:
        UnavailableError: See `send`.
    """
    with ThreadPoolExecutor(len(targets)) as pool:
        sent = [
            pool.submit(send, server, requests, connections=connections, seconds=seconds)
            for server, requests in targets
        ]
    rounds = [each.result() for each in sent]
    return Round(
        seconds=max(each.seconds for each in rounds),
        yes=sum(each.yes for each in rounds),
        no=sum(each.no for each in rounds),
        other=0,
        errors=0,
        p50=statistics.mean(each.p50 for each in rounds),
        p99=max(each.p99 for each in rounds),
    )


def send_in_turns(bench: Bench, rounds: int, senders: Mapping[str, Callable[[], Round]]) -> list[Load]:
    """Load several servers in turns; keep and give what came of each.

    Args:
        bench: Where it is kept.
        rounds: How often each is loaded, 1 or more; once more before it counts.
        senders: What sends one round, by the name of what is measured.
    """
    loads = [
        Load(
            rate=Series(subject, RATE, "/s", tuple(found.rate for found in sent)),
            p50=Series(subject, "median latency", "s", tuple(found.p50 for found in sent)),
            p99=Series(subject, "p99", "s", tuple(found.p99 for found in sent)),
        )
        for subject, sent in in_turns(rounds, senders).items()
    ]
    for load in loads:
        bench.keep(load.rate, load.p50, load.p99)
    return loads

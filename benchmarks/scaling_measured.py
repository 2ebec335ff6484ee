"""What `python -m benchmarks.scaling` measures, as it is kept in docs/scaling.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

KEPT = "docs/scaling.json"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """So many processes, keys and connections, and what came of it: the middle one of the rounds.

    What is told of each check is that of all rounds together.
    """

    processes: int
    keys: int
    connections: int
    rate: float
    """Checks a second."""
    p50: float
    """Seconds."""
    p99: float
    """Seconds."""
    batch: float
    """Checks in one, on average."""
    commit: float
    """Seconds from a batch's start to its commit, on average."""
    node: float
    """Processor seconds of the nodes, each check."""
    database: float
    """Processor seconds of PostgreSQL, each check."""
    sender: float
    """Processor seconds of wrk, each check."""
    log: float
    """Bytes of write-ahead log, each check."""
    images: float
    """Whole pages in the log, each check: a page's first change after a checkpoint brings one."""
    flushes: float
    """Of the log to disk, each check."""
    others: float
    """Cores that were busy with something else: on an idle machine hardly any."""
    memory: float
    """Bytes that the largest of the nodes had in RAM by itself, after work."""


class Stages(msgspec.Struct, frozen=True, kw_only=True):
    """Single steps, seconds, each measured by itself."""

    http: float
    """Processor: bare aiohttp's, each request with JSON in and out."""
    decide: float
    """Processor: to open the secret, draw codes, decide and chain the audit row, each check."""
    socket_trip: float
    """The simplest question to PostgreSQL and back, over the Unix socket."""
    tcp_trip: float
    """The same over TCP on this machine."""
    flushes: list[float]
    """Writing 8 KiB over what was written before, through to the disk (fdatasync)."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes, of the database with most keys."""

    key: float
    """Each key's row, with its share of free room."""
    key_indexes: float
    """Each key's entries in all indexes."""
    audit: float
    """Each row of the audit log."""
    audit_indexes: float
    """Each row's entry in the index."""
    image: float
    """A whole page in the log, without the hole in its middle."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    date: str
    machine: dict[str, str]
    cores: int
    postgres: str
    """The version."""
    points: list[Point]
    stages: Stages
    sizes: Sizes

    def sweep(self) -> list[Point]:
        """The points of one process and few keys: they differ in connections, and so in batches."""
        least = min((each for each in self.points if each.processes == 1), key=_by_connections)
        return [each for each in self.points if (each.processes, each.keys) == (1, least.keys)]


def _by_connections(point: Point) -> int:
    return point.connections


def kept(root: Path) -> Measured:
    """Read the run that is kept.

    Args:
        root: The folder of the project.
    """
    return msgspec.json.decode((root / KEPT).read_bytes(), type=Measured)


def as_json(measured: Measured) -> str:
    """Write a run to be kept, with five significant digits: more than they are worth."""
    rounded = _rounded(msgspec.to_builtins(measured))
    return msgspec.json.format(msgspec.json.encode(rounded), indent=1).decode() + "\n"


def _rounded(value: object) -> object:
    match value:
        case float():
            return float(f"{value:.5g}")
        case dict():
            return {name: _rounded(each) for name, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
        case _:
            return value

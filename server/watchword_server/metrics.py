"""What the server counts, for Prometheus. No label names a user, a key, a token or an address."""

from __future__ import annotations

from bisect import bisect_left
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from watchword_server.exposition import families_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiohttp.web import AbstractResource
    from prometheus_client import Metric

    from watchword_server.exposition import Family

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histograms of time."""

_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_NO_ROUTE = "none"
_VERSION = version("watchword")
_LABELS = ("route", "method", "status")


class _Tally:
    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(SECONDS) + 1)
        self.seconds = 0.0


class _Requests(Collector):
    """Requests by route, method and status, and the time they took.

    In plain numbers, since a counter and a histogram of prometheus_client took five times as long,
    for each request.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[AbstractResource | None, str, int], _Tally] = {}

    def answered(
        self, resource: AbstractResource | None, method: str, status: int, seconds: float
    ) -> None:
        try:
            tally = self._tallies[resource, method, status]
        except KeyError:
            tally = self._tallies[resource, method, status] = _Tally()
        tally.buckets[bisect_left(SECONDS, seconds)] += 1
        tally.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        total = CounterMetricFamily(
            "watchword_requests", "Requests answered, by route, method and status.", labels=_LABELS
        )
        times = HistogramMetricFamily(
            "watchword_request_seconds",
            "Seconds from a request's headers to its answer.",
            labels=["route"],
        )
        by_route: dict[str, _Tally] = {}
        for (resource, method, status), tally in self._tallies.items():
            route = _NO_ROUTE if resource is None else resource.canonical
            total.add_metric([route, method, str(status)], sum(tally.buckets))
            sum_ = by_route.setdefault(route, _Tally())
            sum_.buckets = [a + b for a, b in zip(sum_.buckets, tally.buckets, strict=True)]
            sum_.seconds += tally.seconds
        for route, tally in by_route.items():
            times.add_metric([route], list(_cumulative(tally)), tally.seconds)
        return [total, times]

    def describe(self) -> Iterable[Metric]:
        # What collect() gives depends on what was asked for; it is called once more, in vain, without.
        return ()


def _cumulative(tally: _Tally) -> Iterator[tuple[str, float]]:
    bounds = (*(str(bound) for bound in SECONDS), "+Inf")
    return zip(bounds, accumulate(tally.buckets), strict=True)


class Metrics:
    """The counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = _Requests()
        self._registry.register(self._requests)
        self.answered = self._requests.answered
        self._checks = Counter(
            "watchword_checks", "Codes judged, by verdict.", ["verdict"], registry=self._registry
        )
        self._verdicts: dict[str, Counter] = {}
        self._batch_size = Histogram(
            "watchword_batch_size", "Checks in one commit.", buckets=_BATCHES, registry=self._registry
        )
        self._commit_seconds = Histogram(
            "watchword_commit_seconds",
            "Seconds from a batch's start to its commit.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "watchword_refused_connections",
            "Connections refused because there were too many.",
            registry=self._registry,
        )
        self._ready = Gauge(
            "watchword_ready", "Whether a check would be answered: 1 or 0.", registry=self._registry
        )
        Info("watchword_build", "This server.", registry=self._registry).info({"version": _VERSION})

    def decided(self, verdict: str, count: int = 1) -> None:
        """Count `count` checks with this verdict, one of the few that `verifier` knows."""
        try:
            child = self._verdicts[verdict]
        except KeyError:
            child = self._verdicts[verdict] = self._checks.labels(verdict)
        child.inc(count)

    def committed(self, size: int, seconds: float) -> None:
        """Note a batch of `size` checks that took `seconds` from its start to its commit."""
        self._batch_size.observe(size)
        self._commit_seconds.observe(seconds)

    def refused_connection(self) -> None:
        """Count a connection that was one too many."""
        self._refused.inc()

    def ready(self, *, is_ready: bool) -> None:
        """Note whether the server is ready."""
        self._ready.set(is_ready)

    def families(self) -> list[Family]:
        """All of it."""
        return families_of(self._registry)

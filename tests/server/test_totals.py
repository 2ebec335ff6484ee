"""Counters of several workers, added up; and plain values, whose text is what the library writes."""

from __future__ import annotations

import math

import msgspec
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import choose_encoder
from prometheus_client.parser import text_string_to_metric_families

from watchword_server.exposition import Family, expose, families_of
from watchword_server.metrics import Metrics
from watchword_server.workers.totals import Totals, added


def busy(*, checks: int, seconds: float, is_ready: bool = True) -> list[Family]:
    """What a worker has counted, after its way through a channel."""
    metrics = Metrics()
    for _ in range(checks):
        metrics.answered(None, "POST", 200, seconds)
        metrics.committed(2, seconds)
    metrics.decided("accepted", checks)
    metrics.ready(is_ready=is_ready)
    return msgspec.json.decode(msgspec.json.encode(metrics.families()), type=list[Family])


def read(families: list[Family]) -> dict[tuple[str, str], float]:
    """The samples as Prometheus reads them, by name and by the label that tells them apart."""
    text = expose(families, "")[0].decode()
    return {
        (sample.name, sample.labels.get("le") or sample.labels.get("verdict") or ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text"])
def test_the_text_of_plain_values_is_that_of_the_library(accept: str) -> None:
    registry = CollectorRegistry()
    Counter("jobs", "Jobs.", ["kind"], registry=registry).labels('a"b').inc(2)
    Gauge("depth", "How deep.", registry=registry).set(math.inf)
    Histogram("size", "How large.", buckets=(1, 2), registry=registry).observe(1.5)
    Info("build", "What this is.", registry=registry).info({"version": "1"})
    encode, content_type = choose_encoder(accept)
    assert expose(families_of(registry), accept) == (encode(registry), content_type)


def test_counters_and_histograms_are_sums() -> None:
    found = read(added([busy(checks=3, seconds=0.002), busy(checks=2, seconds=3.0)]))
    assert found["watchword_checks_total", "accepted"] == 5
    assert found["watchword_requests_total", ""] == 5
    assert found["watchword_request_seconds_bucket", "0.0025"] == 3
    assert found["watchword_request_seconds_bucket", "+Inf"] == 5
    assert found["watchword_request_seconds_sum", ""] == pytest.approx(6.006)
    assert found["watchword_batch_size_count", ""] == 5
    assert found["watchword_build_info", ""] == 1


def test_when_counting_began_is_no_sum() -> None:
    one, other = busy(checks=1, seconds=1.0), busy(checks=1, seconds=1.0)
    began = [read(families)["watchword_batch_size_created", ""] for families in (one, other)]
    assert read(added([other, one]))["watchword_batch_size_created", ""] == min(began)


def test_all_are_as_ready_as_the_one_that_is_not() -> None:
    ready, not_ready = (busy(checks=1, seconds=1.0, is_ready=each) for each in (True, False))
    assert read(added([ready, ready]))["watchword_ready", ""] == 1
    assert read(added([ready, not_ready, ready]))["watchword_ready", ""] == 0


def test_no_sum_falls_when_a_worker_ends_and_begins_again() -> None:
    totals = Totals()
    totals.heard(1, busy(checks=5, seconds=1.0))
    totals.heard(2, busy(checks=7, seconds=1.0, is_ready=False))
    seen = [read(totals.sum())]
    totals.ended(2)
    seen.append(read(totals.sum()))
    totals.heard(2, busy(checks=1, seconds=1.0))
    seen.append(read(totals.sum()))
    counted = [found["watchword_checks_total", "accepted"] for found in seen]
    assert counted == [12, 12, 13]
    # Readiness is of those that live.
    assert [found["watchword_ready", ""] for found in seen] == [0, 1, 1]


def test_one_that_ends_before_it_was_heard_leaves_nothing() -> None:
    totals = Totals()
    totals.ended(1)
    assert totals.sum() == []

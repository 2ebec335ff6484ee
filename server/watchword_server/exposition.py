"""Counters as plain values, which can be sent to another process, and in the text of Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable


class Family(msgspec.Struct, frozen=True):
    """A metric with all of its samples."""

    name: str
    kind: str
    """As Prometheus calls it: counter, gauge, histogram, info."""
    help: str
    samples: Sequence[Sample]


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number."""

    name: str
    """The family's, perhaps with an ending."""
    labels: dict[str, str]
    value: float


def families_of(collector: Collector) -> list[Family]:
    """What a collector, such as a registry, has counted until now."""
    return [
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            [Sample(sample.name, dict(sample.labels), sample.value) for sample in metric.samples],
        )
        for metric in collector.collect()
    ]


def expose(families: Sequence[Family], accept: str) -> tuple[bytes, str]:
    """All of it in the text format that the `Accept` header asks for, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(_Given(families)), content_type


class _Given(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        for family in self._families:
            metric = Metric(family.name, family.help, family.kind)
            for sample in family.samples:
                metric.add_sample(sample.name, sample.labels, sample.value)
            yield metric

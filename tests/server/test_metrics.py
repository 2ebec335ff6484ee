"""What is counted, who may read it, and that it names nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from watchword_server.app import create_app
from watchword_server.appkeys import METRICS
from watchword_server.exposition import expose
from watchword_server.metrics import Metrics

if TYPE_CHECKING:
    import httpx

    from servers import RunningServer


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    text = expose(metrics.families(), "")[0].decode()
    return samples(text).get((name, tuple(sorted(labels.items()))), 0.0)


async def test_requests_are_counted_by_template(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    for _ in range(3):
        await client.get("/check/123456")
    await client.get("/nowhere/at/all")
    await client.request("DELETE", "/qr")
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = samples(answer.text)

    def requests(route: str, method: str, status: str) -> float:
        labels = (("method", method), ("route", route), ("status", status))
        return found["watchword_requests_total", labels]

    assert requests("/check/{code}", "GET", "200") == 3
    assert requests("none", "GET", "404") == 1
    assert requests("none", "DELETE", "405") == 1
    assert found["watchword_request_seconds_count", (("route", "/check/{code}"),)] == 3
    assert found["watchword_request_seconds_bucket", (("le", "+Inf"), ("route", "/check/{code}"))] == 3
    assert found["watchword_request_seconds_sum", (("route", "/check/{code}"),)] > 0
    assert found["watchword_ready", ()] == 1
    assert [name for name, _ in found if name == "watchword_build_info"]
    for private in ("123456", "nowhere", "default", "127.0.0.1", server.token):
        assert private not in answer.text


async def test_openmetrics_comes_if_asked_for(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_only_its_scope_may_read_it(server: RunningServer) -> None:
    for token, status in ((server.check_token, 403), ("", 401)):
        async with server.client(token) as client:
            assert (await client.get("/metrics")).status_code == status


async def test_each_application_counts_for_itself(server: RunningServer) -> None:
    one, other = (create_app(ledger=server.ledger, clock=server.clock)[METRICS] for _ in range(2))
    one.decided("accepted")
    assert value(one, "watchword_checks_total", verdict="accepted") == 1
    assert value(other, "watchword_checks_total", verdict="accepted") == 0


def test_checks_batches_and_connections() -> None:
    metrics = Metrics()
    metrics.decided("accepted")
    metrics.decided("wrong", 3)
    metrics.committed(3, 0.004)
    metrics.committed(200, 0.2)
    metrics.refused_connection()
    metrics.ready(is_ready=True)
    assert value(metrics, "watchword_checks_total", verdict="accepted") == 1
    assert value(metrics, "watchword_checks_total", verdict="wrong") == 3
    assert value(metrics, "watchword_batch_size_bucket", le="4.0") == 1
    assert value(metrics, "watchword_batch_size_bucket", le="256.0") == 2
    assert value(metrics, "watchword_commit_seconds_bucket", le="0.005") == 1
    assert value(metrics, "watchword_refused_connections_total") == 1
    assert value(metrics, "watchword_ready") == 1


def test_the_histogram_of_times_is_cumulative() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.002, 99.0):
        metrics.answered(None, "GET", 200, seconds)
    bounds = {"0.001": 2, "0.0025": 3, "10.0": 3, "+Inf": 4}
    for bound, count in bounds.items():
        assert value(metrics, "watchword_request_seconds_bucket", le=bound, route="none") == count

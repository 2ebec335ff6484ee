"""Ready means that a check would be answered now; if it would not, what is wrong."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from servers import running_server
from watchword_server import readiness
from watchword_server.edge import Edge
from watchword_server.metrics import Metrics
from watchword_server.readiness import Readiness
from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    from pathlib import Path


FINE = {"store": "ok", "sealing-keys": "ok", "clock": "ok", "disk": "ok"}


class Probed:
    """A ledger that counts how often it is tried, and can be made to fail or to wait."""

    def __init__(self) -> None:
        self.times = 0
        self.error: StoreError | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def probe(self) -> None:
        self.times += 1
        await self.go.wait()
        if self.error is not None:
            raise self.error


def look(ledger: Any, *, data_path: Path | None = None) -> Readiness:
    return Readiness(ledger, data_path=data_path, metrics=Metrics())


async def test_all_is_well(tmp_path: Path) -> None:
    assert await look(Probed(), data_path=tmp_path).checks() == FINE


async def test_a_failing_store_is_named_by_its_cause_and_no_path() -> None:
    store = Probed()
    store.error = StoreError("/srv/watchword.db is full", Cause.DISK_FULL)
    assert await look(store).faults() == {"store": "disk-full"}


async def test_however_many_ask_it_is_tried_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Probed()
    store.go.clear()
    ready = look(store)
    waiting = [asyncio.create_task(ready.checks()) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    store.go.set()
    assert await asyncio.gather(*waiting[1:]) == [FINE] * 19
    assert await ready.checks() == FINE
    assert store.times == 1
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)
    await ready.checks()
    assert store.times == 2


async def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(tmp_path)
    monkeypatch.setattr(readiness, "MIN_FREE_BYTES", found.f_bavail * found.f_frsize * 2)
    assert "KiB are needed" in (await look(Probed(), data_path=tmp_path).faults())["disk"]


async def test_a_data_folder_that_is_gone(tmp_path: Path) -> None:
    faults = await look(Probed(), data_path=tmp_path / "gone").faults()
    assert faults == {"disk": "the data folder is gone"}
    assert str(tmp_path) not in str(faults)


@pytest.mark.parametrize(
    ("cause", "blamed"),
    [
        (Cause.SEALING_KEY_MISSING, "sealing-keys"),
        (Cause.SEALING_KEY_WRONG, "sealing-keys"),
        (Cause.CLOCK_BACK, "clock"),
        (Cause.DAMAGED, "store"),
    ],
)
async def test_each_cause_has_one_to_blame(cause: Cause, blamed: str) -> None:
    store = Probed()
    store.error = StoreError("it failed", cause)
    assert await look(store).checks() == {**FINE, blamed: cause.value}


async def test_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)
    async with (
        running_server(tmp_path, edge=Edge(data_path=tmp_path)) as server,
        server.client() as client,
    ):
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        server.clock.advance(-100)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        problem = answer.json()
        assert problem["type"] == "urn:watchword:problem:not-ready"
        assert problem["checks"] == {**FINE, "clock": "clock-stepped-back"}
        assert problem["detail"] == (
            "clock: the server's clock was set back"
            " (clock-stepped-back; watchword-server doctor on the server says what to do)"
        )
        assert "watchword_ready 0.0" in (await client.get("/metrics")).text
        assert (await client.get("/healthz")).status_code == 200


async def test_who_is_about_to_stop_is_not_ready() -> None:
    ready = look(Probed())
    assert await ready.faults() == {}
    ready.stop()
    assert await ready.faults() == {"server": "the server is stopping"}

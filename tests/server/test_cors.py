"""Pages of other origins: only those listed, and never with credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servers import RunningServer, running_server
from watchword_server.edge import Edge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

OURS = "https://app.example.net"
CHECK = "/v1/keys/default/check"
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture
async def shared(tmp_path: Path) -> AsyncIterator[RunningServer]:
    edge = Edge(cors_origins=(OURS, "https://b.example"), refusals_per_minute=4)
    async with running_server(tmp_path, edge=edge) as server:
        yield server


async def test_a_preflight_is_answered(shared: RunningServer) -> None:
    async with shared.client("") as client:
        answer = await client.options(CHECK, headers={"Origin": OURS, **ASKING})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert allowed == ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Request-Id"]
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_answers_can_be_read_and_problems_too(shared: RunningServer) -> None:
    async with shared.client() as client:
        good = await client.get("/qr", headers={"Origin": OURS})
        bad = await client.get("/nowhere", headers={"Origin": OURS})
        unmet = await client.get("/qr", headers={"Origin": OURS, "Expect": "a miracle"})
    assert (good.status_code, bad.status_code, unmet.status_code) == (200, 404, 417)
    for answer in (good, bad, unmet):
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
        exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        assert {"Date", "ETag", "Location", "Retry-After", "RateLimit", "X-Request-Id"} <= exposed
    assert good.headers["Vary"] == "Accept, Origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "*", "https://app.example.net.evil.example", OURS.upper()]
)
async def test_others_are_told_nothing(shared: RunningServer, origin: str) -> None:
    async with shared.client() as client:
        preflight = await client.options(CHECK, headers={"Origin": origin, **ASKING})
        answer = await client.get("/qr", headers={"Origin": origin})
    assert (preflight.status_code, preflight.headers["Allow"]) == (405, "POST")
    for each in (preflight, answer):
        assert not [name for name in each.headers if name.startswith("access-control")]
        # A cache must not show one origin's answer to another.
        assert "Origin" in each.headers["Vary"]


async def test_what_is_no_preflight_is_405(shared: RunningServer) -> None:
    async with shared.client() as client:
        assert (await client.options(CHECK, headers={"Origin": OURS})).status_code == 405
        assert (await client.options("/nowhere", headers={"Origin": OURS, **ASKING})).status_code == 404


async def test_unless_asked_for_there_is_none(client: httpx.AsyncClient) -> None:
    preflight = await client.options(CHECK, headers={"Origin": OURS, **ASKING})
    answer = await client.get("/qr", headers={"Origin": OURS})
    assert (preflight.status_code, preflight.headers["Allow"]) == (405, "POST")
    for each in (preflight, answer):
        assert not [name for name in each.headers if name.startswith("access-control")]
    assert answer.headers["Vary"] == "Accept"

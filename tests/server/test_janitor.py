"""What is done from time to time: pending keys end, and what is over is dropped."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from each_store import run_sql
from key_routes import check, confirm, invite, make, make_active, refused, rotate
from servers import audit_events
from watchword_server import janitor
from watchword_server.audit import Caller
from watchword_server.enrolment import create_key
from watchword_server.newkeys import NewKey
from watchword_server.tokens import TokenBook

if TYPE_CHECKING:
    import httpx
    import pytest

    from servers import RunningServer

DAY = 86_400


async def tidy(server: RunningServer) -> None:
    book = TokenBook(server.store, clock=server.clock)
    await janitor.tidy(server.ledger, book, server.clock)


async def expired(server: RunningServer) -> list[str]:
    events = await audit_events(server.ledger)
    return [event.key for event in events if event.event == "key.expire"]


async def test_pending_keys_end_after_a_day_and_the_log_says_so(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made = await make(client)
    server.clock.advance(DAY - 1)
    await make(client, "later")
    await tidy(server)
    assert await expired(server) == []
    server.clock.advance(1)
    await tidy(server)
    assert await expired(server) == ["alice"]
    assert refused(await client.get("/v1/keys/alice")) == (404, "no-such-key")
    answer = await confirm(client, made.code(server.clock))
    assert refused(answer) == (404, "no-such-key")
    assert (await client.get("/v1/keys/later")).status_code == 200
    event = (await audit_events(server.ledger))[-1]
    assert (event.actor, event.address) == ("server", "")
    await tidy(server)
    assert await expired(server) == ["alice"]


async def test_a_successor_ends_and_its_key_stays(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    old = await make_active(client, server.clock)
    await rotate(client)
    await invite(client)
    server.clock.advance(DAY)
    await tidy(server)
    key = (await client.get("/v1/keys/alice")).json()
    assert (key["status"], key["successor"]) == ("active", None)
    assert (await check(client, old.code(server.clock))).json()["valid"] is True
    assert await run_sql(server.database, "SELECT * FROM tickets") == []


async def test_confirmed_keys_stay(server: RunningServer, client: httpx.AsyncClient) -> None:
    made = await make_active(client, server.clock)
    server.clock.advance(DAY * 3650)
    await tidy(server)
    assert (await check(client, made.code(server.clock))).json()["valid"] is True


async def test_more_than_one_batch_ends_in_one_round(server: RunningServer) -> None:
    key = server.key
    for number in range(205):
        await create_key(server.ledger, NewKey(name=f"key{number}", key=key), Caller("test"))
    server.clock.advance(DAY)
    await tidy(server)
    assert len(await expired(server)) == 205


async def test_two_janitors_end_a_key_once(server: RunningServer, client: httpx.AsyncClient) -> None:
    for number in range(20):
        await make(client, f"key{number}")
    server.clock.advance(DAY)
    await asyncio.gather(*(tidy(server) for _ in range(4)))
    assert len(await expired(server)) == 20


async def test_links_and_kept_answers_that_are_over_are_dropped(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    await make(client)
    await invite(client)
    headers = {"Idempotency-Key": "k" * 16}
    path = "/v1/keys/default/check"
    await client.post(path, json={"code": server.code()}, headers=headers)
    counts = "SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM answers)"
    await tidy(server)
    assert await run_sql(server.database, counts) == [(1, 1)]
    server.clock.advance(600)
    await tidy(server)
    assert await run_sql(server.database, counts) == [(0, 1)]
    server.clock.advance(DAY)
    await tidy(server)
    assert await run_sql(server.database, counts) == [(0, 0)]


async def test_a_round_that_fails_is_told_and_the_next_one_does_its_work(
    server: RunningServer,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await make(client)
    server.clock.advance(DAY)
    monkeypatch.setattr(janitor, "ROUND_SECONDS", 0.01)
    await run_sql(server.database, "ALTER TABLE tickets RENAME TO elsewhere")
    book = TokenBook(server.store, clock=server.clock)
    async with janitor.tidying(server.ledger, book, server.clock, None):
        for _ in range(500):
            if "tidying up has to wait" in caplog.text:
                break
            await asyncio.sleep(0.01)
        await run_sql(server.database, "ALTER TABLE elsewhere RENAME TO tickets")
        for _ in range(500):
            if (await client.get("/v1/keys/alice")).status_code == 404:
                break
            await asyncio.sleep(0.01)
    assert "tidying up has to wait" in caplog.text
    assert await expired(server) == ["alice"]


class TestAuditLog:
    async def test_old_rows_go_and_the_rest_still_holds(
        self, server: RunningServer, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(3):
            await client.post("/v1/keys/default/check", json={"code": server.code()})
            server.clock.advance(86_400)
        with caplog.at_level(logging.INFO):
            await janitor.tidy_audit(server.ledger, server.clock, 1.5 * 86_400)
        page = (await client.get("/v1/audit")).json()
        verdict = (await client.get("/v1/audit/verify")).json()
        assert [row["event"]["event"] for row in page["rows"]] == ["check", "audit.prune"]
        assert verdict["intact"] is True
        assert f"audit checkpoint {verdict['head']}" in caplog.text

    async def test_without_a_limit_all_rows_stay(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        server.clock.advance(3650 * 86_400)
        await janitor.tidy_audit(server.ledger, server.clock, None)
        assert (await client.get("/v1/audit")).json()["rows"][0]["seq"] == 1

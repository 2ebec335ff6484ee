"""The audit log over HTTP: in pages, of one key, verified; and readable when someone changed it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from each_store import run_sql
from key_routes import check, confirm, make_active, make_token, refused, resync, rotate

if TYPE_CHECKING:
    import httpx

    from servers import RunningServer

VERIFY = "/v1/audit/verify"


async def page(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/audit", params=query)
    assert answer.status_code == 200, answer.json()
    read: dict[str, Any] = answer.json()
    return read


async def all_rows(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = 0
    while True:
        read = await page(client, after=after, **query)
        rows += read["rows"]
        if read["next"] == after:
            return rows
        after = read["next"]


async def busy(server: RunningServer, client: httpx.AsyncClient) -> None:
    """A life: ten rows and more, of two keys."""
    made = await make_active(client, server.clock)
    await check(client, made.code(server.clock))
    await check(client, made.code(server.clock))
    await check(client, server.wrong_code(), "default")
    await resync(client, made.code(server.clock, 5), made.code(server.clock, 6))
    new = await rotate(client)
    await confirm(client, new.code(server.clock))
    await client.patch("/v1/keys/alice", json={"issuer": "x"})
    await client.delete("/v1/keys/alice/lock")
    await client.delete("/v1/keys/alice")


async def test_every_change_and_decision_is_a_row(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    start = (await page(client))["head"]
    await busy(server, client)
    rows = (await page(client, after=start))["rows"]
    events = [row["event"] for row in rows]
    told = [(event["event"], event["key"], event.get("verdict", "")) for event in events]
    assert told == [
        ("key.create", "alice", ""),
        ("confirm", "alice", "accepted"),
        ("check", "alice", "accepted"),
        ("check", "alice", "replayed"),
        ("check", "default", "wrong"),
        ("resync", "alice", "accepted"),
        ("key.rotate", "alice", ""),
        ("confirm", "alice", "accepted"),
        ("key.change", "alice", ""),
        ("lock.reset", "alice", ""),
        ("key.delete", "alice", ""),
    ]
    assert {event["actor"] for event in events} == {"token:all"}
    assert {event["address"] for event in events} == {"127.0.0.1"}
    assert [row["seq"] for row in rows] == list(range(start + 1, start + 12))


async def test_a_row_says_which_request_it_was(server: RunningServer, client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/keys/default/check", json={"code": server.code()}, headers={"X-Request-Id": "door-7"}
    )
    assert answer.headers["X-Request-Id"] == "door-7"
    assert (await page(client))["rows"][-1]["event"]["request_id"] == "door-7"


class TestPages:
    async def test_go_on_where_the_last_one_ended(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await busy(server, client)
        whole = (await page(client, limit=1000))["rows"]
        for limit in (1, 3, 5):
            assert await all_rows(client, limit=limit) == whole
        last = await page(client, after=whole[-1]["seq"])
        assert (last["rows"], last["next"], last["head"]) == ([], whole[-1]["seq"], whole[-1]["seq"])

    async def test_rows_that_come_in_between_come_in_the_end(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await busy(server, client)
        first = await page(client, limit=4)
        await check(client, server.code(), "default")
        rest = (await page(client, after=first["next"], limit=1000))["rows"]
        numbers = [row["seq"] for row in (*first["rows"], *rest)]
        assert numbers == list(range(1, numbers[-1] + 1))
        assert rest[-1]["event"]["verdict"] == "accepted"

    async def test_can_be_of_one_key(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        await busy(server, client)
        rows = await all_rows(client, key="default", limit=1)
        assert {row["event"]["key"] for row in rows} == {"default"}
        assert rows == [row for row in await all_rows(client) if row["event"]["key"] == "default"]
        nobody = await page(client, key="nobody")
        assert (nobody["rows"], nobody["next"]) == ([], nobody["head"])

    @pytest.mark.parametrize(
        "query", ["after=-1", "after=x", "limit=0", "limit=1001", f"key={'x' * 65}", "actor=x"]
    )
    async def test_have_queries_of_their_form(self, client: httpx.AsyncClient, query: str) -> None:
        assert refused(await client.get(f"/v1/audit?{query}")) == (400, "malformed-query")

    async def test_begin_after_any_row_there_could_be(self, client: httpx.AsyncClient) -> None:
        read = await page(client, after=2**53)
        assert (read["rows"], read["next"]) == ([], 2**53)


async def test_one_needs_the_scope(server: RunningServer, client: httpx.AsyncClient) -> None:
    for path in ("/v1/audit", VERIFY):
        async with server.client(server.check_token) as stranger:
            assert refused(await stranger.get(path)) == (403, "insufficient-scope")
    token = await make_token(client, "audit:read")
    async with server.client(token) as auditor:
        for path in ("/v1/audit", VERIFY):
            assert (await auditor.get(path)).status_code == 200


class TestVerifying:
    async def test_a_whole_log(self, server: RunningServer, client: httpx.AsyncClient) -> None:
        await busy(server, client)
        verdict = (await client.get(VERIFY)).json()
        last = (await page(client, limit=1000))["rows"][-1]
        assert verdict == {
            "intact": True,
            "rows": last["seq"],
            "head": f"{last['seq']}:{last['mac']}",
            "chains": 1,
            "fault": None,
        }

    @pytest.mark.parametrize(
        ("statement", "said"),
        [
            ("UPDATE audit SET event = replace(event, 'accepted', 'wrong') WHERE seq = 4", "row 4 "),
            ("UPDATE audit SET event = 'nonsense' WHERE seq = 4", "row 4 "),
            ("UPDATE audit SET event = '' WHERE seq = 4", "row 4 "),
            ('UPDATE audit SET event = \'{"at":"x"}\' WHERE seq = 4', "row 4 "),
            ("UPDATE audit SET event = 'é☃' WHERE seq = 4", "row 4 "),
            ("UPDATE audit SET mac = 'é' WHERE seq = 4", "row 4 "),
            ("UPDATE audit SET mac = '' WHERE seq = 4", "row 4 "),
            ("UPDATE audit SET mac = upper(mac) WHERE seq = 4", "row 4 "),
            ("DELETE FROM audit WHERE seq = 4", "after row 3 comes row 5"),
            ("DELETE FROM audit WHERE seq > 8", "its end is cut"),
            ("DELETE FROM audit", "its end is cut"),
            ("UPDATE audit SET seq = 1000 WHERE seq = 4", "after row 3 comes row 5"),
            ("UPDATE audit_head SET mac = 'é'", "its end is cut"),
            ("UPDATE audit SET seq = -4 WHERE seq = 4", "after row 3 comes row 5"),
        ],
    )
    async def test_finds_what_was_done_to_it_and_shows_it_all_the_same(
        self, server: RunningServer, client: httpx.AsyncClient, statement: str, said: str
    ) -> None:
        await self.find(server, client, statement, said)

    @pytest.mark.sqlite
    @pytest.mark.parametrize("column", ["event", "mac"])
    async def test_finds_what_is_no_text(
        self, server: RunningServer, client: httpx.AsyncClient, column: str
    ) -> None:
        statement = f"UPDATE audit SET {column} = CAST(x'ff00' AS TEXT) WHERE seq = 4"
        await self.find(server, client, statement, "row 4 ")

    async def find(
        self, server: RunningServer, client: httpx.AsyncClient, statement: str, said: str
    ) -> None:
        await busy(server, client)
        await run_sql(server.database, statement)
        answer = await client.get(VERIFY)
        assert answer.status_code == 200, answer.json()
        verdict = answer.json()
        assert verdict["intact"] is False
        assert said in verdict["fault"]
        assert verdict["rows"] <= 12
        # It can be read, now of all times; and checks go on.
        await page(client, limit=1000)
        await page(client, key="alice")
        assert (await check(client, server.code(1), "default")).json()["valid"] is True

    async def test_without_its_end_nothing_is_decided_any_more(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await run_sql(server.database, "DELETE FROM audit_head")
        answer = await check(client, server.code(), "default")
        assert refused(answer) == (503, "store-unavailable")
        assert answer.json()["cause"] == "database-damaged"
        assert (await client.head("/readyz")).status_code == 503

    async def test_a_row_that_nobody_can_read_says_so(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await busy(server, client)
        await run_sql(server.database, "UPDATE audit SET event = 'nonsense' WHERE seq = 4")
        row = (await page(client))["rows"][3]
        assert (row["seq"], row["event"]["event"]) == (4, "unreadable")
        assert row["event"]["detail"] == "the row was changed"

    async def test_two_rows_that_changed_places(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await busy(server, client)
        moves = ((3, -1), (4, 3), (-1, 4))
        await run_sql(
            server.database,
            *(f"UPDATE audit SET seq = {there} WHERE seq = {here}" for here, there in moves),
        )
        assert "row 3 does not follow" in (await client.get(VERIFY)).json()["fault"]

    async def test_a_log_that_grows_meanwhile_is_no_fault(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await busy(server, client)
        wrong = server.wrong_code()
        verdicts, _ = await asyncio.gather(
            asyncio.gather(*(client.get(VERIFY) for _ in range(10))),
            asyncio.gather(*(check(client, wrong, "default") for _ in range(40))),
        )
        assert [verdict.json()["intact"] for verdict in verdicts] == [True] * 10

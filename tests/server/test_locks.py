"""A key's lock over HTTP: looked at, waited for, taken off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from each_store import run_sql
from key_routes import check, confirm, make, make_active, make_token, refused, rotate
from servers import audit_events, running_server

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from servers import RunningServer

LOCK = "/v1/keys/default/lock"
OPEN = {
    "locked": False,
    "disabled": False,
    "locked_until": None,
    "failures": 0,
    "attempts_left": 5,
}


async def fail(server: RunningServer, client: httpx.AsyncClient, times: int) -> None:
    for _ in range(times):
        assert (await check(client, server.wrong_code(), "default")).status_code == 200


async def test_it_is_shown_as_it_is(server: RunningServer, client: httpx.AsyncClient) -> None:
    assert (await client.get(LOCK)).json() == OPEN
    await fail(server, client, 3)
    assert (await client.get(LOCK)).json() == OPEN | {"failures": 3, "attempts_left": 2}
    await fail(server, client, 2)
    locked = {
        "locked": True,
        "locked_until": "2027-01-15T08:00:30Z",
        "failures": 5,
        "attempts_left": 0,
    }
    assert (await client.get(LOCK)).json() == OPEN | locked
    server.clock.advance(30)
    assert (await client.get(LOCK)).json() == OPEN | {"failures": 5, "attempts_left": 1}
    await check(client, server.code(), "default")
    assert (await client.get(LOCK)).json() == OPEN


async def test_it_doubles_up_to_an_hour_and_ends_for_good_at_a_hundred(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    await fail(server, client, 4)
    for seconds in (30, 60, 120, 240, 480, 960, 1920, 3600, 3600):
        await fail(server, client, 1)
        refusal = await check(client, server.code(), "default")
        assert (*refused(refusal), refusal.headers["Retry-After"]) == (429, "locked", str(seconds))
        server.clock.advance(seconds)
    await run_sql(server.database, "UPDATE keys SET failures = 99")
    await fail(server, client, 1)
    disabled = {"locked": True, "disabled": True, "failures": 100, "attempts_left": 0}
    shown = (await client.get(LOCK)).json()
    assert {member: shown[member] for member in disabled} == disabled
    server.clock.advance(86_400 * 365)
    assert refused(await check(client, server.code(), "default")) == (423, "disabled")
    assert (await client.get(LOCK)).json() == OPEN | disabled


async def test_taking_it_off_forgets_failures_and_no_used_code(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    used = server.code()
    assert (await check(client, used, "default")).json()["valid"] is True
    await fail(server, client, 5)
    answer = await client.delete(LOCK)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get(LOCK)).json() == OPEN
    assert (await check(client, used, "default")).json()["reason"] == "replayed"
    assert (await check(client, server.code(1), "default")).json()["valid"] is True
    event = next(each for each in await audit_events(server.ledger) if each.event == "lock.reset")
    assert (event.key, event.actor, event.detail) == ("default", "token:all", "5 failures")


async def test_a_disabled_key_is_there_again(server: RunningServer, client: httpx.AsyncClient) -> None:
    await run_sql(server.database, "UPDATE keys SET failures = 100")
    await client.delete(LOCK)
    assert (await check(client, server.code(), "default")).json()["valid"] is True


async def test_there_need_be_none_to_take_off(client: httpx.AsyncClient) -> None:
    assert (await client.delete(LOCK)).status_code == 204
    assert (await client.delete(LOCK)).status_code == 204


async def test_there_must_be_a_key(client: httpx.AsyncClient) -> None:
    for method in ("GET", "DELETE"):
        answer = await client.request(method, "/v1/keys/nobody/lock")
        assert refused(answer) == (404, "no-such-key")


async def test_a_pending_key_has_one(server: RunningServer, client: httpx.AsyncClient) -> None:
    made = await make(client)
    for _ in range(5):
        await confirm(client, made.wrong(server.clock))
    assert (await client.get("/v1/keys/alice/lock")).json()["locked"] is True
    assert (await client.delete("/v1/keys/alice/lock")).status_code == 204
    assert (await confirm(client, made.code(server.clock))).status_code == 200


async def test_a_rotating_key_has_one(server: RunningServer, client: httpx.AsyncClient) -> None:
    old = await make_active(client, server.clock)
    new = await rotate(client)
    for _ in range(5):
        await confirm(client, new.wrong(server.clock))
    assert refused(await check(client, old.code(server.clock))) == (429, "locked")
    await client.delete("/v1/keys/alice/lock")
    assert (await check(client, old.code(server.clock))).json()["valid"] is True
    assert (await confirm(client, new.code(server.clock))).status_code == 200


async def test_looking_and_taking_off_are_two_scopes(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    reader = await make_token(client, "keys:read", "keys:write", name="reader")
    async with server.client(reader) as limited:
        assert (await limited.get(LOCK)).status_code == 200
        assert refused(await limited.delete(LOCK)) == (403, "insufficient-scope")
    opener = await make_token(client, "locks:write", name="opener")
    async with server.client(opener) as limited:
        assert refused(await limited.get(LOCK)) == (403, "insufficient-scope")
        assert (await limited.delete(LOCK)).status_code == 204


async def test_it_survives_a_restart(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, server.client() as client:
        await fail(server, client, 5)
        before = (await client.get(LOCK)).json()
    async with running_server(tmp_path) as server, server.client() as client:
        assert (await client.get(LOCK)).json() == before
        assert (await check(client, server.code(), "default")).status_code == 429

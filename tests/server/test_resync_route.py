"""Finding an app's clock or counter again over HTTP, by two codes in a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from each_store import run_sql
from key_routes import check, make, make_active, refused, resync
from servers import audit_events

if TYPE_CHECKING:
    import httpx

    from servers import RunningServer


async def lock_of(client: httpx.AsyncClient) -> tuple[int, bool]:
    lock = (await client.get("/v1/keys/alice/lock")).json()
    return lock["failures"], lock["locked"]


@pytest.mark.parametrize("off", [-100, -40, -3, 0, 7, 99])
async def test_a_clock_is_found_and_followed(
    server: RunningServer, client: httpx.AsyncClient, off: int
) -> None:
    made = await make_active(client, server.clock)
    server.clock.advance(30 * 200)
    clock = server.clock
    found = await resync(client, made.code(clock, off), made.code(clock, off + 1))
    assert (found.status_code, found.json()) == (200, {"offset": off + 1})
    key = (await client.get("/v1/keys/alice")).json()
    assert (key["drift"], key["offset"]) == (off + 1, off + 1)
    # Both are burnt, and the window is where the app is.
    for step in (off, off + 1):
        assert (await check(client, made.code(clock, step))).json()["reason"] == "replayed"
    assert (await check(client, made.code(clock, off + 2))).json()["valid"] is True
    server.clock.advance(3000)
    assert (await check(client, made.code(clock, off + 2))).json()["valid"] is True
    if abs(off) > 3:
        assert (await check(client, made.code(clock))).json()["valid"] is False


async def test_two_codes_that_do_not_follow_one_another_are_wrong(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made, clock = await make_active(client, server.clock), server.clock
    for number, (first, second) in enumerate(((5, 5), (6, 5), (5, 7), (101, 102), (5, None)), 1):
        last = made.wrong(clock) if second is None else made.code(clock, second)
        answer = await resync(client, made.code(clock, first), last)
        assert refused(answer) == (422, "wrong-code")
        assert await lock_of(client) == (number, number == 5)
    codes = made.code(clock, 5), made.code(clock, 6)
    assert refused(await resync(client, *codes)) == (429, "locked")
    server.clock.advance(30)
    # Nothing of what was wrong is used up.
    assert (await resync(client, *codes)).status_code == 200


async def test_an_old_pair_is_refused(server: RunningServer, client: httpx.AsyncClient) -> None:
    made, clock = await make_active(client, server.clock), server.clock
    await check(client, made.code(clock))
    for pair in ((-2, -1), (-1, 0)):
        answer = await resync(client, *(made.code(clock, step) for step in pair))
        assert refused(answer) == (422, "wrong-code")
    # The first of this pair is used: it is no proof of anything.
    answer = await resync(client, made.code(clock, 0), made.code(clock, 1))
    assert refused(answer) == (422, "wrong-code")
    assert (await lock_of(client))[0] == 0
    pair_ahead = made.code(clock, 1), made.code(clock, 2)
    assert (await resync(client, *pair_ahead)).status_code == 200
    assert refused(await resync(client, *pair_ahead)) == (422, "wrong-code")


@pytest.mark.parametrize(("first", "second"), [("", ""), ("123456", "12345"), ("abcdef", "123456")])
async def test_what_are_no_codes_cost_nothing(
    server: RunningServer, client: httpx.AsyncClient, first: str, second: str
) -> None:
    await make_active(client, server.clock)
    for _ in range(6):
        assert refused(await resync(client, first, second)) == (400, "malformed-code")
    assert await lock_of(client) == (0, False)


async def test_a_disabled_key_is_not_looked_for(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made, clock = await make_active(client, server.clock), server.clock
    await run_sql(server.database, "UPDATE keys SET failures = 100")
    answer = await resync(client, made.code(clock, 1), made.code(clock, 2))
    assert refused(answer) == (423, "disabled")


async def test_there_must_be_an_active_key(client: httpx.AsyncClient) -> None:
    assert refused(await resync(client, "000000", "000000", "nobody")) == (404, "no-such-key")
    await make(client)
    assert refused(await resync(client, "000000", "000000")) == (409, "key-pending")


async def test_a_hotp_counter_is_found_far_ahead_and_never_behind(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made, clock = await make_active(client, server.clock, kind="hotp", counter=10), server.clock
    answer = await resync(client, made.code(clock, 60), made.code(clock, 61))
    assert answer.json() == {"offset": 60}
    assert (await check(client, made.code(clock, 61))).json()["reason"] == "replayed"
    assert (await check(client, made.code(clock, 62))).json()["valid"] is True
    answer = await resync(client, made.code(clock, 30), made.code(clock, 31))
    assert refused(answer) == (422, "wrong-code")
    assert (await client.get("/v1/keys/alice")).json()["drift"] == 0


async def test_it_is_in_the_log_without_codes(server: RunningServer, client: httpx.AsyncClient) -> None:
    made, clock = await make_active(client, server.clock), server.clock
    codes = made.code(clock, 8), made.code(clock, 9)
    await resync(client, *codes)
    event = (await audit_events(server.ledger))[-1]
    assert (event.event, event.verdict, event.offset, event.key) == ("resync", "accepted", 9, "alice")
    assert not [code for code in codes if code in repr(event)]

"""Longer ways to the same faults: right codes at locked doors, all doors at once, labels as names."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from key_routes import (
    check,
    confirm,
    invite,
    make,
    make_active,
    make_token,
    recovery_codes,
    redeem,
    refused,
    resync,
    rotate,
)
from raw_http import answers
from servers import KEY, Clock, RunningServer, running_server
from watchword_otp import code_at

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    import httpx

    from key_routes import Made

    Ask = Callable[[], Coroutine[Any, Any, httpx.Response]]

NO_CODE = "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"

EQUAL_STEPS = 37_079_356, 37_079_357
"""Adjacent steps in which RFC 6238's secret has the same code of six digits."""

WAYS = ("by key", "by path", "confirm", "page", "recovery", "resync")


async def is_valid(client: httpx.AsyncClient, code: str, name: str = "default") -> bool:
    answer = await check(client, code, name)
    assert answer.status_code == 200, answer.json()
    return bool(answer.json()["valid"])


async def failures(client: httpx.AsyncClient, name: str = "default") -> int:
    return int((await client.get(f"/v1/keys/{name}/lock")).json()["failures"])


def right_ways(
    server: RunningServer, client: httpx.AsyncClient, new: Made, page: str, recovery: str
) -> dict[str, Ask]:
    """A right code by every way there is, for the default key and its successor."""
    ahead = server.code(5), server.code(6)
    return {
        "by key": lambda: check(client, server.code(), "default"),
        "by path": lambda: client.get(f"/check/{server.code()}"),
        "confirm": lambda: confirm(client, new.code(server.clock), "default"),
        "page": lambda: client.post(page, data={"code": new.code(server.clock)}),
        "recovery": lambda: redeem(client, recovery, "default"),
        "resync": lambda: resync(client, *ahead, "default"),
    }


@pytest.mark.parametrize("way", WAYS)
async def test_w16_w19_a_right_code_opens_no_locked_key_by_any_way(
    server: RunningServer, client: httpx.AsyncClient, way: str
) -> None:
    (recovery, *_) = await recovery_codes(client, "default")
    new = await rotate(client, "default")
    page = await invite(client, "default")
    ask = right_ways(server, client, new, page, recovery)[way]
    for _ in range(5):
        await check(client, server.wrong_code(), "default")
    assert (await ask()).status_code == 429
    server.clock.advance(29)
    assert (await ask()).status_code == 429
    server.clock.advance(1)
    answer = await ask()
    assert answer.status_code == 200
    if answer.headers["Content-Type"] == "application/json":
        said = answer.json()
        assert said.get("valid", said.get("status", True)) is True


async def test_w26_wrong_codes_by_all_ways_at_once_stay_within_the_budget(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    new = await rotate(client, "default")
    page = await invite(client, "default")
    wrong, new_wrong = server.wrong_code(), new.wrong(server.clock)
    ways: list[Ask] = [
        lambda: check(client, wrong, "default"),
        lambda: client.get(f"/check/{wrong}"),
        lambda: confirm(client, new_wrong, "default"),
        lambda: client.post(page, data={"code": new_wrong}),
        lambda: redeem(client, NO_CODE, "default"),
        lambda: resync(client, wrong, wrong, "default"),
    ]
    sent = await asyncio.gather(*(ask() for ask in ways * 10))
    statuses = Counter(answer.status_code for answer in sent)
    assert (statuses[200] + statuses[422], statuses[429]) == (5, 55)
    assert await failures(client) == 5


@pytest.mark.parametrize("size", [2, 4, 16, 64])
async def test_w08_a_code_by_both_routes_and_resync_at_once_is_true_once(
    server: RunningServer, client: httpx.AsyncClient, size: int
) -> None:
    # Each takes the next code, and resync the one after it along.
    ways: list[Ask] = [
        lambda: check(client, server.code(1), "default"),
        lambda: client.get(f"/check/{server.code(1)}"),
        lambda: resync(client, server.code(1), server.code(2), "default"),
    ]
    for _ in range(5):
        sent = await asyncio.gather(*(ways[number % 3]() for number in range(size)))
        resynced = [answer for answer in sent if answer.url.path.endswith("resync")]
        checked = [answer.json() for answer in sent if answer not in resynced]
        trues = [said for said in checked if said.get("valid", said.get("status")) is True]
        assert len(trues) + sum(answer.status_code == 200 for answer in resynced) == 1
        server.clock.advance(120)


@pytest.mark.parametrize(
    "spelling",
    ["+{0}", "-{0}", "{0}.0", "{0}e0", "0x{0}", "{0}\0", "{0},{0}", "{0}#", "0{0}", "{0}{0}", "[{0}]"],
)
async def test_w01_a_code_with_anything_beside_it_is_none(
    server: RunningServer, client: httpx.AsyncClient, spelling: str
) -> None:
    answer = await check(client, spelling.format(server.code()), "default")
    assert refused(answer) == (400, "malformed-code")
    assert await is_valid(client, server.code())


@pytest.mark.parametrize(
    "spelling",
    ["DEFAULT", "default%20", "default%00", "default%0A", "default.", "default/", "./default",
     "x/../default", "%64efault", "d%65f%61ult", "default%2f", "default;x", "default%23", "//default"],
)  # fmt: skip
async def test_w03_no_path_as_it_came_is_another_budget(
    server: RunningServer, client: httpx.AsyncClient, spelling: str
) -> None:
    """Over a socket, since a client would put some of these right."""
    body = json.dumps({"code": server.wrong_code()}).encode()
    request = (
        f"POST /v1/keys/{spelling}/check HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    (answer,) = await answers(server.url, request.encode() + body)
    assert answer.status in {200, 404}
    assert await failures(client) == (answer.status == 200)


async def test_w04_labels_are_nobodys_identity(server: RunningServer, client: httpx.AsyncClient) -> None:
    alice = await make_active(client, server.clock, "alice", account="bob", issuer="default")
    bob = await make_active(client, server.clock, "bob", account="alice")
    await client.patch("/v1/keys/alice", json={"account": "default"})
    for _ in range(5):
        await check(client, alice.wrong(server.clock), "alice")
    assert (await check(client, alice.code(server.clock), "alice")).status_code == 429
    assert not await is_valid(client, alice.code(server.clock), "bob")
    assert await is_valid(client, bob.code(server.clock), "bob")
    assert await is_valid(client, server.code())


@pytest.mark.parametrize("window", [0, 1, 2])
async def test_w06_a_code_of_two_adjacent_steps_is_one_code_a_moment(
    tmp_path: Path, window: int
) -> None:
    first, second = EQUAL_STEPS
    assert code_at(KEY, first) == code_at(KEY, second)
    clock = Clock(first * 30.0)
    async with (
        running_server(tmp_path, clock=clock, window=window) as server,
        server.client() as client,
    ):
        code = server.code()
        assert await is_valid(client, code)
        assert not await is_valid(client, code)
        clock.advance(29)
        assert not await is_valid(client, code)
        clock.advance(1)
        # With a window it matched both steps, and consumed the later one. Without one the code of
        # this step is another one that happens to look the same.
        assert await is_valid(client, code) is (window == 0)
        assert not await is_valid(client, code)
        clock.advance(30)
        assert await is_valid(client, server.code())


async def test_w06_one_from_either_end_of_the_window_takes_all_before_it_along(tmp_path: Path) -> None:
    async with running_server(tmp_path, window=3) as server, server.client() as client:
        for offset, valid in ((-3, True), (-1, True), (-2, False), (2, True), (1, False), (3, True)):
            assert await is_valid(client, server.code(offset)) is valid
        server.clock.advance(90)
        assert not await is_valid(client, server.code())
        assert await is_valid(client, server.code(1))


@pytest.mark.parametrize("steps", [2, 3, 10])
async def test_w40_a_wrong_code_burns_none_of_a_pending_key(
    server: RunningServer, client: httpx.AsyncClient, steps: int
) -> None:
    made = await make(client)
    page = await invite(client)
    coming = made.code(server.clock, steps)
    assert (await confirm(client, coming)).status_code == 422
    assert (await client.post(page, data={"code": coming})).status_code == 422
    server.clock.advance(30 * steps)
    assert (await client.post(page, data={"code": coming})).status_code == 200


@pytest.mark.parametrize("seconds", [1, 5, 9])
async def test_w39_a_clock_a_little_back_makes_no_used_code_new(
    server: RunningServer, client: httpx.AsyncClient, seconds: int
) -> None:
    used = server.code()
    assert await is_valid(client, used)
    server.clock.advance(-seconds)
    # It is the step before now.
    assert not await is_valid(client, used)
    assert not await is_valid(client, server.code())
    server.clock.advance(30 + seconds)
    assert await is_valid(client, server.code())


async def test_w39_no_way_in_decides_by_a_clock_set_back(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    (recovery, *_) = await recovery_codes(client, "default")
    new = await rotate(client, "default")
    page = await invite(client, "default")
    server.clock.advance(-7200)
    ways = right_ways(server, client, new, page, recovery)
    for way in WAYS:
        answer = await ways[way]()
        assert refused(answer) == (503, "store-unavailable"), way
        assert answer.json()["cause"] == "clock-stepped-back"
    assert (await client.get("/readyz")).status_code == 503
    server.clock.advance(7200)
    # Nothing was used up by any of them.
    assert (await ways["recovery"]()).json()["valid"] is True
    assert (await ways["by path"]()).json() == {"status": True}
    assert (await ways["page"]()).status_code == 200


async def test_w21_another_session_is_no_other_budget(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, server.client() as client:
        for number in range(4):
            # Each time another token, and with it another connection.
            token = await make_token(client, "check", "check:detail", name=f"t{number}")
            async with server.client(token) as fresh:
                answer = await check(fresh, server.wrong_code(), "default")
            assert answer.json()["attempts_left"] == 4 - number
        server.clock.advance(3600)
    async with running_server(tmp_path, clock=server.clock) as server, server.client() as client:
        assert await failures(client) == 4
        await rotate(client, "default")
        await client.patch("/v1/keys/default", json={"window": 2})
        assert await failures(client) == 4
        assert await is_valid(client, server.code())
        assert await failures(client) == 0

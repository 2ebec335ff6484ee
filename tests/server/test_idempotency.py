"""Idempotency-Key: who lost an answer asks again and gets the same one, and nobody else gains by it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from servers import Clock, RunningServer, audit_events, find_key, running_server
from watchword_otp import Key, Secret
from watchword_server.bootstrap import activate_key
from watchword_server.tokens import Scope, Token, digest_of

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

CHECK = "/v1/keys/default/check"


async def post(
    client: httpx.AsyncClient, code: str, retry: str | None = "request-1", name: str = "default"
) -> httpx.Response:
    headers = {} if retry is None else {"Idempotency-Key": retry}
    return await client.post(f"/v1/keys/{name}/check", json={"code": code}, headers=headers)


async def verdicts(server: RunningServer) -> list[str]:
    return [event.verdict for event in await audit_events(server.ledger) if event.event == "check"]


async def test_a_retry_gets_the_first_answer_and_is_judged_once(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    first = await post(client, server.code())
    server.clock.advance(300)
    again = await post(client, server.code(-10))
    assert first.json()["valid"] is True
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert await verdicts(server) == ["accepted"]


async def test_a_wrong_code_sent_again_and_again_with_its_key_counts_once(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    answers = [await post(client, server.wrong_code()) for _ in range(10)]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json()["attempts_left"] == 4
    assert (await find_key(server.store)).state.failures == 1


async def test_a_refusal_is_the_answer_too(server: RunningServer, client: httpx.AsyncClient) -> None:
    for number in range(5):
        await post(client, server.wrong_code(), f"wrong-{number}")
    locked = await post(client, server.code())
    server.clock.advance(31)
    again = await post(client, server.code(-1))
    assert (locked.status_code, again.status_code) == (429, 429)
    # Another key for it is another request, and is judged.
    assert (await post(client, server.code(-1), "request-2")).json()["valid"] is True


@pytest.mark.parametrize("retry", ["request-2", "Request-1", None])
async def test_the_same_code_with_another_key_or_none_is_a_replay(
    server: RunningServer, client: httpx.AsyncClient, retry: str | None
) -> None:
    await post(client, server.code())
    assert (await post(client, server.code(), retry)).json()["reason"] == "replayed"


async def test_the_same_key_for_another_request_is_refused_and_judges_nothing(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    await activate_key(server.ledger, "other", Key(secret=Secret(b"x" * 20)))
    first = await post(client, server.code())
    for answer in (
        await post(client, server.code(1)),
        await post(client, server.code(), name="other"),
        await client.get(f"/check/{server.code(1)}", headers={"Idempotency-Key": "request-1"}),
    ):
        problem = "urn:watchword:problem:idempotency-key-reused"
        if answer.request.method == "POST":
            assert (answer.status_code, answer.json()["type"]) == (422, problem)
    assert (await post(client, server.code())).content == first.content
    assert (await find_key(server.store, "other")).state.failures == 0


async def test_keys_of_other_tokens_are_apart(server: RunningServer) -> None:
    async with server.client() as one, server.client(server.check_token) as other:
        assert (await post(one, server.code())).json()["valid"] is True
        # Otherwise one token could learn what another was told.
        assert (await post(other, server.code())).json() == {"valid": False}
        assert (await post(other, server.code(1), "request-1")).status_code == 422


async def test_64_at_once_are_one_request(server: RunningServer) -> None:
    async with server.client() as client:
        answers = await asyncio.gather(*(post(client, server.code()) for _ in range(64)))
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (200, answers[0].content),
    }
    assert answers[0].json()["valid"] is True
    assert await verdicts(server) == ["accepted"]


async def test_it_survives_a_restart_and_ends_after_a_day(tmp_path: Path) -> None:
    clock = Clock()
    mine = Token(name="mine", digest=digest_of("ww_mine"), scopes=frozenset({Scope.CHECK}))
    async with running_server(tmp_path, clock=clock, tokens=[mine]) as server:
        code = server.code()
        async with server.client("ww_mine") as client:
            assert (await post(client, code)).json() == {"valid": True}
    async with running_server(tmp_path, clock=clock, tokens=[mine]) as server:
        async with server.client("ww_mine") as client:
            clock.advance(86_399)
            await server.store.prune(clock())
            assert (await post(client, code)).json() == {"valid": True}
            clock.advance(1)
            assert (await post(client, code)).json() == {"valid": False}
        assert await verdicts(server) == ["accepted", "replayed"]


@pytest.mark.parametrize("retry", ["", "two words", "x" * 256, "tab\there", "\u00e9"])
async def test_a_key_that_is_none_is_refused(
    server: RunningServer, client: httpx.AsyncClient, retry: str
) -> None:
    answer = await client.post(
        CHECK,
        json={"code": server.code()},
        headers=[(b"Idempotency-Key", retry.encode())],
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:watchword:problem:malformed-header")
    assert "1 to 255 visible ASCII characters without spaces" in answer.json()["detail"]
    assert await verdicts(server) == []


async def test_neither_code_nor_key_is_kept(tmp_path: Path) -> None:
    # Ten digits: no chained MAC has them by chance.
    key = Key(secret=Secret(b"x" * 20), digits=10)
    async with running_server(tmp_path, key=key) as server, server.client() as client:
        codes = [server.code(), server.code(9)]
        for number, code in enumerate(codes):
            assert (await post(client, code, f"my-very-own-request-{number}")).status_code == 200
        for file in await asyncio.to_thread(lambda: list(tmp_path.glob("watchword.db*"))):
            content = await asyncio.to_thread(file.read_bytes)
            for text in (*codes, "my-very-own", server.token):
                assert text.encode() not in content, file.name

"""Recovery codes over HTTP: ten, long, each good once, known to the file only by their hashes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from each_store import everything_in, run_sql
from key_routes import check, confirm, make, make_active, recovery_codes, redeem, refused, rotate
from servers import Clock, audit_events, running_server
from watchword_server.recovery import RECOVERY_BITS

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from servers import RunningServer

SIZES = (2, 4, 16, 64)
UNKNOWN = "aaaa-aaaa-aaaa-aaaa-aaaa-aaaa"


async def redeemed(client: httpx.AsyncClient, code: str) -> bool:
    answer = await redeem(client, code, "default")
    assert answer.status_code == 200
    assert isinstance(answer.json()["valid"], bool)
    return bool(answer.json()["valid"])


class TestMaking:
    async def test_gives_ten_of_a_hundred_and_twenty_bits(self, client: httpx.AsyncClient) -> None:
        codes = await recovery_codes(client, "default")
        assert len(set(codes)) == 10
        for code in codes:
            letters = code.replace("-", "")
            assert [len(group) for group in code.split("-")] == [4] * 6
            assert set(letters) <= set("abcdefghijklmnopqrstuvwxyz234567")
            # Five bits a letter; NIST SP 800-63B-4 section 3.1.2 asks a fast hash for 112.
            assert len(letters) * 5 == RECOVERY_BITS >= 112
        assert not set(codes) & set(await recovery_codes(client, "default"))

    async def test_voids_those_there_were(self, client: httpx.AsyncClient) -> None:
        old, new = await recovery_codes(client, "default"), await recovery_codes(client, "default")
        assert not await redeemed(client, old[0])
        assert await redeemed(client, new[0])

    async def test_needs_an_active_key(self, client: httpx.AsyncClient) -> None:
        await make(client)
        for name in ("alice", "nobody"):
            answer = await client.post(f"/v1/keys/{name}/recovery-codes")
            assert refused(answer) == (404, "no-such-key")


class TestRedeeming:
    async def test_each_is_valid_once(self, client: httpx.AsyncClient) -> None:
        codes = await recovery_codes(client, "default")
        for left, code in zip(range(9, -1, -1), codes, strict=True):
            answer = await redeem(client, code, "default")
            assert answer.json() == {"valid": True, "remaining": left}
        for code in codes:
            answer = await redeem(client, code, "default")
            # Used and wrong look the same, but only a wrong one costs an attempt.
            assert answer.json() == {"valid": False, "remaining": None}
        used, wrong = await redeem(client, codes[0], "default"), await redeem(client, UNKNOWN, "default")
        assert used.content == wrong.content
        assert (await client.get("/v1/keys/default/lock")).json()["failures"] == 1

    @pytest.mark.parametrize("number", range(6))
    async def test_is_not_particular_about_writing(self, client: httpx.AsyncClient, number: int) -> None:
        code = (await recovery_codes(client, "default"))[number]
        ways = [
            code.upper(),
            code.replace("-", ""),
            code.replace("-", " "),
            f"  {code}\t",
            code.title().replace("-", " - "),
            code.replace("-", "\u00a0"),
        ]
        assert await redeemed(client, ways[number])
        assert not await redeemed(client, code)

    @pytest.mark.parametrize(
        "code",
        ["", "aaaa", UNKNOWN[:-1], f"{UNKNOWN}a", UNKNOWN.replace("a", "1"), UNKNOWN.replace("a", "0"),
         UNKNOWN.replace("a", "\u017f"), UNKNOWN.replace("a", "\u0131"), UNKNOWN.replace("-", "_"),
         "492039"],
    )  # fmt: skip
    async def test_what_is_none_costs_nothing(self, client: httpx.AsyncClient, code: str) -> None:
        for _ in range(6):
            answer = await redeem(client, code, "default")
            assert refused(answer) == (400, "malformed-code")
            assert "a recovery code has 24 letters and digits" in answer.json()["detail"]
        assert (await client.get("/v1/keys/default/lock")).json()["failures"] == 0

    async def test_works_where_the_phone_is_gone_and_leaves_its_codes_alone(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        codes = await recovery_codes(client, "default")
        before = (await client.get("/v1/keys/default")).json()
        assert await redeemed(client, codes[0])
        assert (await client.get("/v1/keys/default")).json() == before
        assert (await check(client, server.code(), "default")).json()["valid"] is True

    async def test_a_lock_holds_and_a_right_one_is_not_used_up_by_it(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        codes = await recovery_codes(client, "default")
        for _ in range(5):
            assert not await redeemed(client, UNKNOWN)
        answer = await redeem(client, codes[0], "default")
        assert refused(answer) == (429, "locked")
        assert answer.headers["Retry-After"] == "30"
        server.clock.advance(30)
        assert await redeemed(client, codes[0])

    async def test_a_disabled_key_redeems_nothing(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        codes = await recovery_codes(client, "default")
        await run_sql(server.database, "UPDATE keys SET failures = 100")
        assert refused(await redeem(client, codes[0], "default")) == (423, "disabled")

    async def test_of_another_key_is_wrong(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        await make_active(client, server.clock)
        codes = await recovery_codes(client, "default")
        assert (await redeem(client, codes[0])).json()["valid"] is False
        assert await redeemed(client, codes[0])

    async def test_there_must_be_a_key(self, client: httpx.AsyncClient) -> None:
        assert refused(await redeem(client, UNKNOWN, "nobody")) == (404, "no-such-key")

    async def test_survives_a_restart_used_as_it_was(self, tmp_path: Path) -> None:
        async with running_server(tmp_path) as server, server.client() as client:
            codes = await recovery_codes(client, "default")
            assert await redeemed(client, codes[0])
        async with running_server(tmp_path) as server, server.client() as client:
            assert not await redeemed(client, codes[0])
            assert await redeemed(client, codes[1])


async def test_the_file_and_the_log_hold_only_hashes(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made = await make(client)
    codes = (await confirm(client, made.code(server.clock))).json()["recovery_codes"]
    new = await rotate(client)
    codes += (await confirm(client, new.code(server.clock))).json()["recovery_codes"]
    codes += await recovery_codes(client)
    for code in codes[::7]:
        await redeem(client, code)
    assert not [code for code in codes if code in repr(await audit_events(server.ledger))]
    content = (await everything_in(server.database)).lower()
    for code in codes:
        assert code.encode() not in content
        assert code.replace("-", "").encode() not in content
    rows = await run_sql(server.database, "SELECT length(digest) FROM recovery_codes")
    assert {length for (length,) in rows} == {32}


async def test_of_many_at_the_same_moment_one_is_valid(tmp_path: Path) -> None:
    """Through two applications on one file."""
    clock = Clock()
    async with (
        running_server(tmp_path, clock=clock) as one,
        running_server(tmp_path, clock=clock) as two,
        one.client() as first,
        two.client() as second,
    ):
        for _ in range(2):
            for number, code in enumerate(await recovery_codes(first, "default")):
                size = SIZES[number % len(SIZES)]
                sent = [redeem((first, second)[n % 2], code, "default") for n in range(size)]
                answers = [answer.json()["valid"] for answer in await asyncio.gather(*sent)]
                assert Counter(answers) == {True: 1, False: size - 1}
        events = await audit_events(one.ledger)
    redeems = [event.verdict for event in events if event.event == "redeem"]
    assert redeems.count("accepted") == 20


async def test_many_wrong_ones_at_once_cannot_exceed_the_budget(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(*(redeem(client, UNKNOWN, "default") for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 45}
    assert (await check(client, server.code(), "default")).status_code == 429

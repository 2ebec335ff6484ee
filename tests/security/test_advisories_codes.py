"""What went wrong in other validators with codes and time, each tried here over HTTP.

Each test has the number of the advisories it stands for. This file has W01, W06 to W12, W27, W28,
W30, W32, W34, W35 and W39 to W42;
test_advisories_budget.py has W02 to W04, W16 to W26, W31 and W36;
test_advisories_surface.py has W05, W13 to W15, W23, W29, W33, W37 and W38.
"""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest

from key_routes import check, confirm, make, make_active, refused, resync, rotate
from servers import KEY, NOON, Clock, RunningServer, find_key, running_server
from watchword_otp import Key, Kind, Secret, code_at, step_at
from watchword_server.bootstrap import activate_key
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import Advance, Changes, Snapshot, Wanted
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

TWIN_STEPS = (37_079_356, 37_079_357)
"""Two adjacent steps in which RFC 6238's SHA1 key has the same six digits."""


async def said(client: httpx.AsyncClient, code: str, name: str = "default") -> str:
    """The reason that an operator is told."""
    return str((await check(client, code, name)).json()["reason"])


@pytest.mark.parametrize(
    "around", ["{} ", " {}", "{}\t", "{}\n", "{}\r\n", "\u00a0{}", "{}\u2003", "\ufeff{}", "{}\x00"]
)
async def test_w01_a_used_code_with_space_around_it_is_no_new_code(
    server: RunningServer, client: httpx.AsyncClient, around: str
) -> None:
    assert await said(client, server.code()) == "accepted"
    before = (await find_key(server.store)).state
    assert refused(await check(client, around.format(server.code()), "default")) == (
        400,
        "malformed-code",
    )
    assert (await find_key(server.store)).state == before
    assert await said(client, server.code()) == "replayed"


class TestW06:
    """What is remembered is the step that matched, not the one it was."""

    async def test_w06_a_trailing_code_stays_used(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        trailing = server.code(-1)
        assert await said(client, trailing) == "accepted"
        assert await said(client, trailing) == "replayed"
        server.clock.advance(29.9)
        assert await said(client, trailing) == "replayed"
        # The one of now is newer and was not used.
        assert await said(client, server.code()) == "accepted"

    async def test_w06_a_code_used_in_its_step_stays_used_in_the_next(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        code = server.code()
        assert await said(client, code) == "accepted"
        server.clock.advance(30)
        assert await said(client, code) == "replayed"
        assert await said(client, server.code()) == "accepted"

    async def test_w06_a_code_ahead_of_time_takes_those_before_it_along(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        assert await said(client, server.code(1)) == "accepted"
        assert await said(client, server.code()) == await said(client, server.code(-1)) == "replayed"

    async def test_w06_a_code_of_two_adjacent_steps_is_accepted_once(self, tmp_path: Path) -> None:
        first, second = TWIN_STEPS
        code = code_at(KEY, first)
        assert code_at(KEY, second) == code
        clock = Clock(first * 30.0)
        async with running_server(tmp_path, clock=clock) as server, server.client() as client:
            assert await said(client, code) == "accepted"
            for _ in range(4):
                assert await said(client, code) == "replayed"
                clock.advance(20)
            assert await said(client, server.code()) == "accepted"


async def test_w07_an_accepted_code_is_refused_by_every_way_in(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    code = server.code()
    assert await said(client, code) == "accepted"
    for _ in range(3):
        assert await said(client, code) == "replayed"
        assert (await client.get(f"/check/{code}")).json() == {"status": False}
        answer = await resync(client, code, server.code(1), "default")
        assert refused(answer) == (422, "wrong-code")
    assert (await find_key(server.store)).state.failures == 0


async def test_w08_of_identical_codes_at_the_same_moment_one_is_true(server: RunningServer) -> None:
    # test_once.py has 200 rounds for each way in.
    async with server.client() as client:
        for size in (2, 4, 16, 64):
            answers = await asyncio.gather(
                *(check(client, server.code(), "default") for _ in range(size))
            )
            assert [answer.json()["valid"] for answer in answers].count(True) == 1
            server.clock.advance(30)


def just(changes: Changes, _: Snapshot) -> tuple[Changes, None]:
    return changes, None


async def test_w09_a_claim_on_a_state_that_is_gone_is_noticed(server: RunningServer) -> None:
    # test_mutations.py takes the count of rows out, and this and others fail.
    key = msgspec.structs.replace(await find_key(server.store), state=KeyState(failures=3))
    for claim in (KeyState(failures=1), KeyState(last_step=5, consumed_at=NOON)):
        changes = Changes(advances=[Advance(key, claim)])
        with pytest.raises(StoreError):
            await server.store.transact(Wanted(), partial(just, changes))


@pytest.mark.parametrize("period", [7, 31, 61])
async def test_w10_no_fraction_of_a_second_makes_a_used_code_new(tmp_path: Path, period: int) -> None:
    key = Key(secret=Secret(b"x" * 20), period=period)
    clock = Clock(NOON + 0.37)
    async with running_server(tmp_path, key=key, clock=clock) as server, server.client() as client:
        code = server.code()
        answer = (await check(client, code, "default")).json()
        assert (answer["reason"], answer["offset"]) == ("accepted", 0)
        for fraction in (0.01, 0.5, 0.62, 1.001, period / 3, period / 2):
            clock.advance(fraction)
            answer = (await check(client, code, "default")).json()
            assert answer["reason"] == "replayed"
            assert isinstance(answer["offset"], int)


async def test_w11_resync_takes_no_old_pair_and_burns_both_of_a_new_one(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    assert await said(client, server.code()) == "accepted"
    for offset in (-50, -2, -1, 0):
        answer = await resync(client, server.code(offset), server.code(offset + 1), "default")
        assert answer.status_code == 422
    assert (await resync(client, server.code(4), server.code(5), "default")).status_code == 200
    for used in (4, 5):
        assert await said(client, server.code(used)) == "replayed"
    assert await said(client, server.code(6)) == "accepted"


@pytest.mark.parametrize("number", ["w12", "w41"])
async def test_w12_w41_keys_with_the_same_secret_are_consumed_apart(
    server: RunningServer, client: httpx.AsyncClient, number: str
) -> None:
    names = ["default", f"{number}.twin", f"{number}.other"]
    for name in names[1:]:
        await activate_key(server.ledger, name, server.key)
    code = server.code()
    for name in names:
        others = {each: (await find_key(server.store, each)).state for each in names if each != name}
        assert await said(client, code, name) == "accepted"
        assert await said(client, code, name) == "replayed"
        assert others == {each: (await find_key(server.store, each)).state for each in others}


async def test_w27_a_crash_forgets_neither_used_codes_nor_locks(tmp_path: Path) -> None:
    # test_once.py kills a real process.
    crashed = tmp_path / "crashed"
    async with running_server(tmp_path) as server, server.client() as client:
        code = server.code()
        assert await said(client, code) == "accepted"
        for _ in range(4):
            await check(client, server.wrong_code(), "default")
        await asyncio.to_thread(crashed.mkdir)
        # The files as they are at this moment, nothing closed.
        for file in await asyncio.to_thread(lambda: list(tmp_path.glob("*.*"))):
            await asyncio.to_thread(shutil.copy2, file, crashed / file.name)
    async with running_server(crashed, clock=server.clock) as server, server.client() as client:
        assert await said(client, code) == "replayed"
        assert (await check(client, server.wrong_code(), "default")).json()["locked_for"] == 30
        assert refused(await check(client, server.code(1), "default")) == (429, "locked")


async def test_w28_a_code_tried_on_one_key_charges_no_other(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    for name in ("alice", "bob"):
        await activate_key(server.ledger, name, Key(secret=Secret(name.encode() * 4)))
    for _ in range(5):
        await check(client, server.wrong_code(), "alice")
    assert refused(await check(client, "000000", "alice")) == (429, "locked")
    for name in ("bob", "default"):
        assert (await find_key(server.store, name)).state.failures == 0


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 7, 8, 12, 60])
async def test_w30_only_whole_codes_are_compared(
    server: RunningServer, client: httpx.AsyncClient, length: int
) -> None:
    code = (server.code() * 10)[:length]
    assert refused(await check(client, code, "default")) == (400, "malformed-code")
    assert (await client.get(f"/check/{code or '%20'}")).json() == {"status": False}
    assert await said(client, server.code()) == "accepted"


async def test_w32_no_code_is_a_master_key(server: RunningServer, client: httpx.AsyncClient) -> None:
    step = step_at(KEY, NOON)
    for number in range(10):
        key = Key(secret=Secret.generate())
        await activate_key(server.ledger, f"key{number}", key)
        right = {code_at(key, step + offset) for offset in (-1, 0, 1)}
        for guess in {"000000", "123456", "111111", "999999"} - right:
            assert await said(client, guess, f"key{number}") == "wrong"


async def test_w34_a_pending_key_neither_answers_true_nor_bars_anyone(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made = await make(client)
    for _ in range(10):
        assert refused(await check(client, made.code(server.clock))) == (409, "key-pending")
    successor = await rotate(client, "default")
    assert (
        await said(client, successor.code(server.clock)) == "wrong"
        if (successor.code(server.clock) != server.code())
        else True
    )
    assert await said(client, server.code()) == "accepted"
    assert (await confirm(client, made.code(server.clock))).status_code == 200


async def test_w35_a_new_enrolment_that_nobody_confirms_leaves_the_old_key_alone(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    old = await make_active(client, server.clock)
    for _ in range(3):
        await rotate(client)
    assert await said(client, old.code(server.clock), "alice") == "accepted"
    server.clock.advance(2 * 86_400)
    assert await said(client, old.code(server.clock), "alice") == "accepted"


class TestW39:
    async def test_w39_a_clock_set_back_makes_nothing_new(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        used = server.code()
        assert await said(client, used) == "accepted"
        server.clock.advance(-7200)
        for code in (used, server.code()):
            answer = await check(client, code, "default")
            assert (answer.status_code, answer.json()["cause"]) == (503, "clock-stepped-back")
        server.clock.advance(7200)
        assert await said(client, used) == "replayed"

    @pytest.mark.parametrize("member", ["now", "time", "timestamp", "at", "initTime", "t", "step"])
    async def test_w39_nobody_sends_the_time(
        self, server: RunningServer, client: httpx.AsyncClient, member: str
    ) -> None:
        path, old = "/v1/keys/default/check", server.code(-10)
        sent = {"code": old, member: server.clock.now - 300}
        assert refused(await client.post(path, json=sent)) == (400, "malformed-body")
        answer = await client.post(path, json={"code": old}, params={member: "1799999700"})
        assert refused(answer) == (400, "malformed-query")
        answer = await client.post(path, json={"code": old}, headers={"Date": "x", "X-Time": "1"})
        assert answer.json()["reason"] == "wrong"


async def test_w40_a_wrong_code_that_will_be_right_is_not_burnt(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    for ahead in (2, 3):
        early = server.code(ahead)
        assert await said(client, early) == "wrong"
        server.clock.advance(30 * (ahead - 1))
        assert await said(client, early) == "accepted"


async def test_w40_nor_is_a_counter_out_of_reach(
    server: RunningServer, client: httpx.AsyncClient
) -> None:
    made = await make_active(client, server.clock, kind="hotp", counter=0)
    assert made.key.kind is Kind.HOTP
    far = code_at(made.key, 7)
    assert await said(client, far, "alice") == "wrong"
    assert await said(client, code_at(made.key, 2), "alice") == "accepted"
    assert await said(client, far, "alice") == "accepted"


@pytest.mark.parametrize(
    ("now", "code"), [(2_000_000_000.0, "69279037"), (20_000_000_000.0, "65353130")]
)
async def test_w42_time_does_not_end_in_2038(tmp_path: Path, now: float, code: str) -> None:
    # RFC 6238 appendix B: 2033 and 2603.
    key = Key(secret=KEY.secret, digits=8)
    async with running_server(tmp_path, key=key, clock=Clock(now)) as server, server.client() as client:
        assert await said(client, code) == "accepted"
        assert await said(client, code) == "replayed"


async def test_w42_nor_with_32_bits_of_steps(tmp_path: Path) -> None:
    clock = Clock(2.0**32 * 30 + 11)
    async with running_server(tmp_path, clock=clock) as server, server.client() as client:
        assert await said(client, server.code()) == "accepted"
        assert (await find_key(server.store)).state.last_step == 2**32
        assert await said(client, server.code()) == "replayed"
        assert await said(client, server.code(1)) == "accepted"

"""Each code is accepted once: at the same moment, in two processes, after a kill."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from server_processes import server_process
from servers import KEY, NO_TLS, NOON, Clock, RunningServer
from watchword_otp import Key, Secret, code_at, parse_uri, step_at
from watchword_server.app import create_app
from watchword_server.appkeys import CHECKER
from watchword_server.checker import MAX_BATCH, Checker
from watchword_server.serve import make_runner
from watchword_server.store.protocol import StoreError
from watchword_server.store.sqlite import SqliteStore
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from watchword_server.store.protocol import Decide


async def answers(urls: list[str], token: str, code: str, times: int) -> list[bool]:
    """Send one code many times at once, spread over `urls`."""
    limits = httpx.Limits(max_connections=times)
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {token}"},
        limits=limits,
        trust_env=False,
        verify=NO_TLS,
        timeout=20,
    ) as client:
        sent = [
            client.post(f"{urls[number % len(urls)]}/v1/keys/default/check", json={"code": code})
            for number in range(times)
        ]
        return [answer.json()["valid"] for answer in await asyncio.gather(*sent)]


async def test_of_64_at_the_same_moment_one_is_valid(server: RunningServer) -> None:
    for _ in range(5):
        assert (await answers([server.url], server.check_token, server.code(), 64)).count(True) == 1
        server.clock.advance(30)


async def test_wrong_codes_at_the_same_moment_cannot_exceed_the_budget(server: RunningServer) -> None:
    async with server.client() as client:
        sent = [
            client.post("/v1/keys/default/check", json={"code": server.wrong_code()}) for _ in range(50)
        ]
        statuses = [answer.status_code for answer in await asyncio.gather(*sent)]
    assert statuses.count(200) == 5
    assert statuses.count(429) == 45


async def test_two_stores_on_one_database_accept_it_once_between_them(server: RunningServer) -> None:
    second = await SqliteStore.open(server.database)
    checkers = [Checker(each, clock=server.clock, window=1) for each in (server.store, second)]
    for _ in range(5):
        checks = [checker.check("default", server.code()) for checker in checkers * 16]
        decisions = await asyncio.gather(*checks)
        verdicts = [decision.verdict for decision in decisions if decision is not None]
        assert verdicts.count(Verdict.ACCEPTED) == 1
        assert verdicts.count(Verdict.REPLAYED) == 31
        server.clock.advance(30)
    await second.close()


async def key_of(url: str, token: str) -> Key:
    async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
        answer = await client.get(
            f"{url}/qr", params={"format": "uri"}, headers={"Authorization": f"Bearer {token}"}
        )
    return parse_uri(answer.text)


def now_code(key: Key, offset: int = 0) -> str:
    """The code of the real time. Offsets 0 and 1 stay in the window when a step begins meanwhile."""
    return code_at(key, step_at(key, time.time()) + offset)


async def test_two_processes_on_one_database_accept_it_once_between_them(tmp_path: Path) -> None:
    with server_process(tmp_path) as one, server_process(tmp_path) as two:
        assert one.token is not None
        assert two.token is None
        key = await key_of(one.url, one.token)
        for offset in (0, 1):
            sent = now_code(key, offset)
            assert (await answers([one.url, two.url], one.token, sent, 32)).count(True) == 1


async def test_a_kill_forgets_nothing_that_was_answered(tmp_path: Path) -> None:
    with server_process(tmp_path) as killed:
        assert killed.token is not None
        token = killed.token
        key = await key_of(killed.url, token)
        sent = now_code(key)
        assert await answers([killed.url], token, sent, 1) == [True]
        assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    with server_process(tmp_path) as restarted:
        assert await answers([restarted.url], token, sent, 1) == [False]
        async with httpx.AsyncClient(trust_env=False, verify=NO_TLS) as client:
            answer = await client.post(
                f"{restarted.url}/v1/keys/default/check",
                json={"code": sent},
                headers={"Authorization": f"Bearer {token}"},
            )
        assert answer.json()["reason"] == "replayed"


class SlowStore:
    """A store whose commit takes until it is told to."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.go = asyncio.Event()
        self.settled: list[int] = []

    async def settle(self, names: Collection[str], decide: Decide) -> None:
        await self.go.wait()
        self.settled.append(len(names))
        await self._store.settle(names, decide)


def checker_of(store: object) -> Checker:
    return Checker(store, clock=Clock(), window=1)  # type: ignore[arg-type]


class TestChecker:
    async def test_who_goes_away_takes_nobody_along_and_the_code_stays_used(
        self, store: SqliteStore
    ) -> None:
        slow = SlowStore(store)
        checker = checker_of(slow)
        code = code_at(KEY, step_at(KEY, NOON))
        gone = asyncio.create_task(checker.check("default", code))
        patient = asyncio.create_task(checker.check("default", code))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        slow.go.set()
        decision = await patient
        assert decision is not None
        # The cancelled one came first, and what it sent is used all the same.
        assert decision.verdict is Verdict.REPLAYED

    async def test_no_answer_before_the_commit(self, store: SqliteStore) -> None:
        slow = SlowStore(store)
        check = asyncio.create_task(checker_of(slow).check("default", "000000"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not check.done()
        slow.go.set()
        assert await check is not None

    async def test_draining_waits_for_every_answer(self, store: SqliteStore) -> None:
        slow = SlowStore(store)
        checker = checker_of(slow)
        checks = [asyncio.create_task(checker.check("default", "000000")) for _ in range(3)]
        await asyncio.sleep(0)
        draining = asyncio.create_task(checker.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        slow.go.set()
        await draining
        assert all(await asyncio.gather(*checks))
        # With nothing to wait for it returns at once.
        await checker.drain()

    async def test_an_application_does_not_end_before_its_checks(self, store: SqliteStore) -> None:
        slow = SlowStore(store)
        app = create_app(store=slow, clock=Clock())  # type: ignore[arg-type]
        runner = make_runner(app)
        await runner.setup()
        check = asyncio.create_task(app[CHECKER].check("default", "000000"))
        await asyncio.sleep(0)
        ending = asyncio.create_task(runner.cleanup())
        done, _ = await asyncio.wait([ending], timeout=0.05)
        assert not done
        slow.go.set()
        await ending
        assert await check is not None

    async def test_many_waiting_checks_share_commits(self, store: SqliteStore) -> None:
        slow = SlowStore(store)
        checker = checker_of(slow)
        checks = [asyncio.create_task(checker.check("default", "junk")) for _ in range(MAX_BATCH + 10)]
        await asyncio.sleep(0)
        slow.go.set()
        await asyncio.gather(*checks)
        assert len(slow.settled) <= 3

    async def test_a_failing_store_fails_the_batch_and_not_the_next(self, store: SqliteStore) -> None:
        class FailsOnce(SlowStore):
            failed = False

            async def settle(self, names: Collection[str], decide: Decide) -> None:
                if not self.failed:
                    self.failed = True
                    raise StoreError("broken")
                await super().settle(names, decide)

        failing = FailsOnce(store)
        failing.go.set()
        checker = checker_of(failing)
        code = code_at(KEY, step_at(KEY, NOON))
        results = await asyncio.gather(
            *(checker.check("default", code) for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StoreError] * 3
        decision = await checker.check("default", code)
        assert decision is not None
        assert decision.verdict is Verdict.ACCEPTED

    async def test_keys_of_one_batch_do_not_touch_each_other(self, store: SqliteStore) -> None:
        keys = {f"key{number}": Key(secret=Secret(bytes([number]) * 20)) for number in range(20)}
        for name, key in keys.items():
            await store.activate_key(name, key, NOON)
        checker = checker_of(store)
        step = step_at(KEY, NOON)
        sent = [(name, code_at(key, step)) for name, key in keys.items()] * 2
        decisions = await asyncio.gather(*(checker.check(name, code) for name, code in sent))
        verdicts = [decision.verdict if decision else None for decision in decisions]
        assert verdicts == [Verdict.ACCEPTED] * 20 + [Verdict.REPLAYED] * 20
        assert await checker.check("nobody", "000000") is None

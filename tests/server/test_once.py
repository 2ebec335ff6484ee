"""Each code is accepted once: at the same moment, in two processes, after a kill.

Each of the ways in has 200 rounds, 50 of each size, and a log that holds together afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import aiohttp
import msgspec
import pytest

from each_store import open_store_of
from server_processes import server_process
from servers import (
    KEY,
    NOON,
    Clock,
    asked,
    audit_events,
    change,
    checker_of,
    find_key,
    open_ledger,
    store_token,
)
from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.app import create_app
from watchword_server.appkeys import CHECKER
from watchword_server.audit import Caller
from watchword_server.bootstrap import activate_key
from watchword_server.checker import MAX_BATCH
from watchword_server.enrolment import by_name, by_ticket, confirm_key, create_key, make_link
from watchword_server.errors import RefusedError
from watchword_server.ledger import Ledger
from watchword_server.newkeys import NewKey
from watchword_server.recovery import redeem, replace_recovery_codes
from watchword_server.serve import make_runner
from watchword_server.sitting import Outcome
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import PutKey, Status
from watchword_server.tokens import Scope, Token, digest_of, new_token
from watchword_server.verifier import KeyState, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from servers import RunningServer
    from watchword_server.ledger import Act
    from watchword_server.store.records import Snapshot, Wanted

T = TypeVar("T")

SIZES = (2, 4, 16, 64)
ROUNDS = 50
"""Of each size."""

WRONG_AT_ONCE = 50
CALLER = Caller("test")
CLOCK = Clock()
"""One that stands still."""


@contextlib.asynccontextmanager
async def http(token: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that opens as many connections as there are requests at once."""
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers=headers
    ) as session:
        yield session


async def answers(
    session: aiohttp.ClientSession, urls: Sequence[str], code: str, times: int, name: str = "default"
) -> list[tuple[int, bool | None]]:
    """Send one code many times at once, spread over `urls`; give statuses and what they said."""

    async def send(url: str) -> tuple[int, bool | None]:
        async with session.post(f"{url}/v1/keys/{name}/check", json={"code": code}) as answer:
            return answer.status, (await answer.json(content_type=None)).get("valid")

    return await asyncio.gather(*(send(urls[number % len(urls)]) for number in range(times)))


class TestOneProcess:
    async def test_of_many_at_the_same_moment_one_is_valid(self, server: RunningServer) -> None:
        async with http(server.check_token) as session:
            for size in SIZES * ROUNDS:
                got = await answers(session, [server.url], server.code(), size)
                assert sorted(got) == [*[(200, False)] * (size - 1), (200, True)]
                server.clock.advance(30)
        verdicts = Counter(event.verdict for event in await audit_events(server.ledger))
        assert verdicts["accepted"] == len(SIZES) * ROUNDS
        assert verdicts["replayed"] == (sum(SIZES) - len(SIZES)) * ROUNDS

    async def test_wrong_ones_cannot_exceed_the_budget(self, server: RunningServer) -> None:
        async with http(server.check_token) as session:
            got = await answers(session, [server.url], server.wrong_code(), WRONG_AT_ONCE)
        assert Counter(got) == {(200, False): 5, (429, None): WRONG_AT_ONCE - 5}


class TestTwoStores:
    """One process with two connections, as two processes have."""

    @pytest.fixture
    async def ledgers(self, ledger: Ledger, tmp_path: Path) -> AsyncIterator[list[Ledger]]:
        second = await open_store_of(tmp_path)
        yield [ledger, await open_ledger(second, tmp_path, CLOCK)]
        await second.close()

    async def test_of_many_at_the_same_moment_one_is_accepted(self, ledgers: list[Ledger]) -> None:
        clock = Clock()
        ledgers = [Ledger(each.store, each.keyring, clock=clock) for each in ledgers]
        checkers = [checker_of(each) for each in ledgers]
        for size in SIZES * ROUNDS:
            code = code_at(KEY, step_at(KEY, clock.now))
            sent = [checkers[number % 2].check(asked(code)) for number in range(size)]
            outcomes = await asyncio.gather(*sent)
            verdicts = Counter(each.decision.verdict for each in outcomes if each.decision is not None)
            assert verdicts == {Verdict.ACCEPTED: 1, Verdict.REPLAYED: size - 1}
            clock.advance(30)
        await audit_events(ledgers[1])

    async def test_wrong_ones_cannot_exceed_the_budget(self, ledgers: list[Ledger]) -> None:
        checkers = [checker_of(each) for each in ledgers]
        sent = [checkers[number % 2].check(asked("000000")) for number in range(WRONG_AT_ONCE)]
        outcomes = await asyncio.gather(*sent)
        verdicts = Counter(each.decision.verdict for each in outcomes if each.decision is not None)
        assert verdicts == {Verdict.WRONG: 5, Verdict.LOCKED: WRONG_AT_ONCE - 5}

    async def test_of_many_recovery_codes_one_is_accepted(self, ledgers: list[Ledger]) -> None:
        codes = (await replace_recovery_codes(ledgers[0], "default", CALLER)).codes
        for code in codes:
            sent = [redeem(ledgers[number % 2], "default", code, CALLER) for number in range(16)]
            verdicts = Counter(each.decision.verdict for each in await asyncio.gather(*sent))
            assert verdicts == {Verdict.ACCEPTED: 1, Verdict.REPLAYED: 15}
        await audit_events(ledgers[1])

    async def test_of_many_first_codes_by_one_ticket_one_confirms(self, ledgers: list[Ledger]) -> None:
        await create_key(ledgers[0], NewKey(name="alice", key=KEY), CALLER)
        ticket = (await make_link(ledgers[0], "alice", CALLER)).ticket
        code = code_at(KEY, step_at(KEY, NOON))
        got = await asyncio.gather(
            *(
                confirm_key(ledgers[number % 2], by_ticket(ticket), code, CALLER, window=1)
                for number in range(16)
            ),
            return_exceptions=True,
        )
        confirmed = [each for each in got if not isinstance(each, BaseException)]
        assert [each.decision.verdict for each in confirmed] == [Verdict.ACCEPTED]
        assert sum(isinstance(each, RefusedError) for each in got) == 15
        assert (await find_key(ledgers[1].store, "alice")).status is Status.ACTIVE
        await audit_events(ledgers[1])

    async def test_of_many_confirmations_wrong_ones_cannot_exceed_the_budget(
        self, ledgers: list[Ledger]
    ) -> None:
        await create_key(ledgers[0], NewKey(name="alice", key=KEY), CALLER)
        got = await asyncio.gather(
            *(
                confirm_key(ledgers[number % 2], by_name("alice"), "000000", CALLER, window=1)
                for number in range(WRONG_AT_ONCE)
            )
        )
        verdicts = Counter(each.decision.verdict for each in got)
        assert verdicts == {Verdict.WRONG: 5, Verdict.LOCKED: WRONG_AT_ONCE - 5}


def secret_of(number: int) -> Key:
    return Key(secret=Secret(number.to_bytes(20)))


def now_code(key: Key, offset: int = 0) -> str:
    """The code of the real time. Offsets 0 and 1 stay in the window when a step begins meanwhile."""
    return code_at(key, step_at(key, time.time()) + offset)


async def furnish(folder: Path, keys: int) -> str:
    """Make a database for server processes, with a key for each round; give a token for it."""
    store = await open_store_of(folder)
    ledger = Ledger(store, (await open_ledger(store, folder, CLOCK)).keyring, clock=time.time)
    await activate_key(ledger, "default", KEY)
    for number in range(keys):
        await activate_key(ledger, f"key{number}", secret_of(number))
    text = new_token()
    await store_token(store, Token(name="test", digest=digest_of(text), scopes=frozenset(Scope)))
    await store.close()
    return text


class TestTwoProcesses:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        folder = tmp_path / "data"
        folder.mkdir(mode=0o700)
        return folder

    async def test_of_many_at_the_same_moment_one_is_valid(self, tmp_path: Path, data: Path) -> None:
        token = await furnish(data, len(SIZES) * ROUNDS + 1)
        serving = {"WATCHWORD_SERVER_DATA_DIR": str(data)}
        with (
            server_process(tmp_path, environment=serving) as one,
            server_process(tmp_path, environment=serving) as two,
        ):
            urls = [one.url, two.url]
            async with http(token) as session:
                for number, size in enumerate(SIZES * ROUNDS):
                    code = now_code(secret_of(number))
                    got = await answers(session, urls, code, size, f"key{number}")
                    assert sorted(got, key=str) == [*[(200, False)] * (size - 1), (200, True)]
                last = len(SIZES) * ROUNDS
                wrong = wrong_now(secret_of(last))
                got = await answers(session, urls, wrong, WRONG_AT_ONCE, f"key{last}")
                assert Counter(got) == {(200, False): 5, (429, None): WRONG_AT_ONCE - 5}
        store = await open_store_of(data)
        events = await audit_events(await open_ledger(store, data, CLOCK))
        await store.close()
        assert sum(event.verdict == "accepted" for event in events) == len(SIZES) * ROUNDS

    async def test_a_kill_forgets_nothing_that_was_answered(self, tmp_path: Path, data: Path) -> None:
        token = await furnish(data, 1)
        serving = {"WATCHWORD_SERVER_DATA_DIR": str(data)}
        code, wrong = now_code(secret_of(0)), wrong_now(secret_of(0))
        async with http(token) as session:
            with server_process(tmp_path, environment=serving) as killed:
                assert await answers(session, [killed.url], code, 1, "key0") == [(200, True)]
                assert await answers(session, [killed.url], wrong, 3, "key0") == [(200, False)] * 3
                assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
            with server_process(tmp_path, environment=serving) as restarted:
                async with session.post(
                    f"{restarted.url}/v1/keys/key0/check", json={"code": code}
                ) as answer:
                    said = await answer.json()
        assert (said["reason"], said["attempts_left"]) == ("replayed", 2)


def wrong_now(key: Key) -> str:
    near = {now_code(key, offset) for offset in range(-40, 41)}
    return next(f"{number:06}" for number in range(100) if f"{number:06}" not in near)


class SlowLedger(Ledger):
    """A ledger whose commit takes until it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger.store, ledger.keyring, clock=CLOCK)
        self.go = asyncio.Event()
        self.settled = 0

    async def transact(
        self,
        wanted: Wanted,
        decide: Callable[[Snapshot, float], tuple[Act, T]],
        *,
        whatever_the_clock: bool = False,
    ) -> T:
        await self.go.wait()
        self.settled += 1
        return await super().transact(wanted, decide, whatever_the_clock=whatever_the_clock)


class TestChecker:
    async def test_who_goes_away_takes_nobody_along_and_the_code_stays_used(
        self, ledger: Ledger
    ) -> None:
        slow = SlowLedger(ledger)
        checker = checker_of(slow)
        code = code_at(KEY, step_at(KEY, NOON))
        gone = asyncio.create_task(checker.check(asked(code)))
        patient = asyncio.create_task(checker.check(asked(code)))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        slow.go.set()
        decision = (await patient).decision
        # The cancelled one came first, and what it sent is used all the same.
        assert decision is not None
        assert decision.verdict is Verdict.REPLAYED

    async def test_no_answer_before_the_commit(self, ledger: Ledger) -> None:
        slow = SlowLedger(ledger)
        check = asyncio.create_task(checker_of(slow).check(asked("000000")))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not check.done()
        slow.go.set()
        assert (await check).decision is not None

    async def test_draining_waits_for_every_answer(self, ledger: Ledger) -> None:
        slow = SlowLedger(ledger)
        checker = checker_of(slow)
        checks = [asyncio.create_task(checker.check(asked("000000"))) for _ in range(3)]
        await asyncio.sleep(0)
        draining = asyncio.create_task(checker.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        slow.go.set()
        await draining
        assert all(each.decision for each in await asyncio.gather(*checks))
        # With nothing to wait for it returns at once.
        await checker.drain()

    async def test_an_application_does_not_end_before_its_checks(self, ledger: Ledger) -> None:
        slow = SlowLedger(ledger)
        app = create_app(ledger=slow, clock=CLOCK)
        runner = make_runner(app)
        await runner.setup()
        check = asyncio.create_task(app[CHECKER].check(asked("000000")))
        await asyncio.sleep(0)
        ending = asyncio.create_task(runner.cleanup())
        done, _ = await asyncio.wait([ending], timeout=0.05)
        assert not done
        slow.go.set()
        await ending
        assert (await check).decision is not None

    async def test_many_waiting_checks_share_commits(self, ledger: Ledger) -> None:
        slow = SlowLedger(ledger)
        checker = checker_of(slow)
        checks = [asyncio.create_task(checker.check(asked("junk"))) for _ in range(MAX_BATCH + 10)]
        await asyncio.sleep(0)
        slow.go.set()
        await asyncio.gather(*checks)
        assert slow.settled <= 3

    async def test_a_failing_store_fails_the_batch_and_not_the_next(self, ledger: Ledger) -> None:
        class FailsOnce(SlowLedger):
            async def transact(
                self,
                wanted: Wanted,
                decide: Callable[[Snapshot, float], tuple[Act, T]],
                *,
                whatever_the_clock: bool = False,
            ) -> T:
                result = await super().transact(wanted, decide, whatever_the_clock=whatever_the_clock)
                if self.settled == 1:
                    raise StoreError("broken")
                return result

        failing = FailsOnce(ledger)
        failing.go.set()
        checker = checker_of(failing)
        results = await asyncio.gather(
            *(checker.check(asked("000000")) for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StoreError] * 3
        assert (await checker.check(asked("000000"))).decision is not None

    async def test_keys_of_one_batch_do_not_touch_each_other(self, ledger: Ledger) -> None:
        keys = {f"key{number}": secret_of(number) for number in range(20)}
        for name, key in keys.items():
            await activate_key(ledger, name, key)
        checker = checker_of(ledger)
        step = step_at(KEY, NOON)
        sent = [asked(code_at(key, step), name) for name, key in keys.items()] * 2
        outcomes = await asyncio.gather(*map(checker.check, sent))
        verdicts = [each.decision.verdict if each.decision else None for each in outcomes]
        assert verdicts == [Verdict.ACCEPTED] * 20 + [Verdict.REPLAYED] * 20
        assert (await checker.check(asked("000000", "nobody"))).decision is None

    async def test_one_key_that_does_not_open_takes_none_of_its_batch_along(
        self, ledger: Ledger
    ) -> None:
        await activate_key(ledger, "broken", secret_of(1))
        stored = await find_key(ledger.store, "broken")
        spoilt = msgspec.structs.replace(stored, secret=stored.secret[:-1] + b"?")
        await change(ledger.store, PutKey(stored, spoilt))
        checker = checker_of(ledger)
        code = code_at(KEY, step_at(KEY, NOON))
        broken, whole = await asyncio.gather(
            checker.check(asked("000000", "broken")), checker.check(asked(code)), return_exceptions=True
        )
        assert isinstance(broken, StoreError)
        assert isinstance(whole, Outcome)
        assert whole.decision is not None
        assert whole.decision.verdict is Verdict.ACCEPTED
        assert (await find_key(ledger.store, "broken")).state == KeyState()

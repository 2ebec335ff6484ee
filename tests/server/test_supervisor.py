"""How workers are kept up: decided by what they say and by a clock that only the test moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from standin_workers import LISTENING, MADE, Crew, settled
from watchword_server.errors import GaveUpError, UserError
from watchword_server.exposition import Family, Sample
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.workers.messages import (
    Asking,
    Beat,
    Count,
    Counted,
    Failed,
    Listening,
    NotReady,
    Opened,
    Reload,
    Reloaded,
    Total,
)
from watchword_server.workers.supervisor import (
    MAX_IN_VAIN,
    PATIENCE_SECONDS,
    REPLY_SECONDS,
    STOP_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def number_of(families: Sequence[Family], name: str) -> float:
    """The value of the only sample of this name."""
    (value,) = [sample.value for family in families for sample in family.samples if sample.name == name]
    return value


def judged(count: float) -> list[Family]:
    return [
        Family("watchword_checks", "counter", "", [Sample("watchword_checks_total", {}, count)]),
        Family("watchword_ready", "gauge", "", [Sample("watchword_ready", {}, 1.0)]),
    ]


class TestStarting:
    async def test_the_others_start_when_the_first_has_made_what_they_need(self) -> None:
        crew = Crew(3)
        async with crew.supervisor as supervisor:
            await settled()
            assert crew.numbers == [1]
            await crew.started[0].say(Beat())
            assert crew.numbers == [1]
            assert not supervisor.prepared.is_set()
            await crew.started[0].say(LISTENING)
            assert supervisor.prepared.is_set()
            assert sorted(crew.numbers) == [1, 2, 3]
            await crew.started[1].say(LISTENING)
            assert not supervisor.complete.is_set()
            await crew.started[2].say(LISTENING)
            assert supervisor.complete.is_set()
            assert supervisor.first == LISTENING

    @pytest.mark.parametrize(
        ("cause", "kind"), [(None, UserError), (Cause.SEALING_KEY_WRONG, StoreError)]
    )
    async def test_what_cannot_work_is_said_and_not_tried_again(
        self, cause: Cause | None, kind: type[Exception]
    ) -> None:
        crew = Crew(2)
        async with crew.supervisor:
            await settled()
            await crew.started[0].say(Failed("mend it", cause))
            await crew.started[0].end("ended with exit status 2")
            with pytest.raises(kind, match="mend it") as caught:
                await crew.verdict()
        assert getattr(caught.value, "cause", None) == cause
        assert crew.numbers == [1]

    async def test_the_database_may_be_ready_later(self) -> None:
        crew = Crew(1)
        async with crew.supervisor as supervisor:
            await settled()
            setback = NotReady("no keys", Cause.SEALING_KEY_MISSING)
            await crew.started[0].say(Listening("db", setback), Opened(MADE))
            assert supervisor.first is not None
            assert supervisor.first.found == setback
        assert crew.opened == [MADE]


class TestKeepingUp:
    async def test_one_that_ends_is_started_again_after_ever_longer_waits(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        crew = Crew(2)
        async with crew.supervisor:
            await crew.all_listen()
            waits = []
            for _ in range(7):
                last = crew.started[-1]
                began = crew.time.now
                await last.end()
                before = len(crew.started)
                while len(crew.started) == before:
                    await crew.time.advance(1)
                    await crew.started[0].say(Beat())
                assert crew.started[-1].number == last.number
                waits.append(crew.time.now - began)
                await crew.started[-1].say(LISTENING)
            assert waits == [1, 2, 4, 8, 16, 30, 30]
            # It has shown that it can live.
            for _ in range(60):
                await crew.time.advance(1)
                for hand in (crew.started[0], crew.started[-1]):
                    await hand.say(Beat())
            before = len(crew.started)
            await crew.started[-1].end()
            await crew.time.advance(1)
            assert len(crew.started) == before + 1
        number = crew.started[-1].number
        assert f"worker {number} ended by SIGKILL; it is started again in 1 s" in caplog.text

    async def test_nobody_is_started_again_while_all_end(self) -> None:
        crew = Crew(2)
        async with crew.supervisor:
            await crew.all_listen()
        await crew.time.advance(100)
        assert sorted(crew.numbers) == [1, 2]
        assert all(hand.told == ["stop"] for hand in crew.started)

    @pytest.mark.parametrize("is_full", [False, True])
    async def test_if_none_comes_up_it_gives_up(self, *, is_full: bool) -> None:
        crew = Crew(2)
        crew.is_full = is_full
        async with crew.supervisor:
            await settled()
            for _ in range(MAX_IN_VAIN):
                if not is_full:
                    await crew.started[-1].end("ended by SIGSEGV")
                await crew.time.advance(30)
            with pytest.raises(GaveUpError, match="5 times in a row before it listened"):
                await crew.verdict()
        assert crew.numbers == ([] if is_full else [1] * MAX_IN_VAIN)

    async def test_while_another_one_serves_it_never_does(self) -> None:
        crew = Crew(2)
        async with crew.supervisor:
            await crew.all_listen()
            serving, ailing = crew.started
            await ailing.end()
            for _ in range(MAX_IN_VAIN + 3):
                for _ in range(30):
                    await crew.time.advance(1)
                    await serving.say(Beat())
                await crew.started[-1].say(Failed("the database is away", Cause.FAILED))
                await crew.started[-1].end("ended with exit status 2")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(crew.verdict(), 0)

    async def test_one_that_fell_silent_is_killed(self, caplog: pytest.LogCaptureFixture) -> None:
        crew = Crew(2)
        async with crew.supervisor as supervisor:
            await crew.all_listen()
            living, stuck = crew.started
            for _ in range(int(PATIENCE_SECONDS)):
                await crew.time.advance(1)
                await living.say(Beat())
            assert supervisor.all_answer()
            assert stuck.told == []
            await crew.time.advance(2)
            assert (living.told, stuck.told) == ([], ["kill"])
            assert f"worker {stuck.number} was not heard for 20 s" in caplog.text
            await crew.time.advance(1)
            assert len(crew.started) == 3

    async def test_one_that_cannot_even_be_killed_is_told_to_systemd(self) -> None:
        crew = Crew(1)
        async with crew.supervisor as supervisor:
            await crew.all_listen()
            crew.time.now += PATIENCE_SECONDS + 1
            assert not supervisor.all_answer()

    async def test_a_machine_that_slept_is_not_the_workers_fault(self) -> None:
        crew = Crew(2)
        async with crew.supervisor:
            await crew.all_listen()
            crew.time.now += 3600
            await crew.time.advance(0)
            for hand in crew.started:
                await hand.say(Beat())
            await crew.time.advance(5)
            assert [hand.told for hand in crew.started] == [[], []]

    async def test_one_that_does_not_end_when_told_is_killed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        crew = Crew(2)
        await crew.supervisor.__aenter__()
        await crew.all_listen()
        crew.started[1].is_stubborn = True
        ending = asyncio.create_task(crew.supervisor.__aexit__(None, None, None))
        await settled()
        for _ in range(int(STOP_SECONDS)):
            assert not ending.done()
            await crew.started[1].say(Beat())
            await crew.time.advance(1)
        await ending
        assert [hand.told for hand in crew.started] == [["stop"], ["stop", "kill"]]
        assert "worker 2 does not end; it is killed" in caplog.text


class TestCounting:
    async def test_all_are_asked_and_added_up(self) -> None:
        crew = Crew(3)
        async with crew.supervisor:
            await crew.all_listen()
            asked, *others = crew.started
            await asked.say(Asking(7, judged(1)))
            assert asked.told == []
            for count, other in zip((10, 100), others, strict=True):
                assert other.told == [Count()]
                await other.say(Counted(judged(count)))
            (total,) = asked.told
            assert isinstance(total, Total)
            assert total.question == 7
            assert number_of(total.families, "watchword_checks_total") == 111
            assert number_of(total.families, "watchword_workers") == 3
            assert number_of(total.families, "watchword_worker_restarts_total") == 0

    async def test_what_an_ended_one_counted_stays(self) -> None:
        crew = Crew(2)
        async with crew.supervisor:
            await crew.all_listen()
            asked, other = crew.started
            await asked.say(Asking(1, judged(1)))
            await other.say(Counted(judged(10)))
            await other.end()
            await asked.say(Asking(2, judged(2)))
            total = asked.told[-1]
            assert isinstance(total, Total)
            assert number_of(total.families, "watchword_checks_total") == 12
            assert number_of(total.families, "watchword_workers") == 1
            assert number_of(total.families, "watchword_worker_restarts_total") == 1

    async def test_one_that_ends_meanwhile_or_is_stuck_keeps_nobody_waiting_long(self) -> None:
        crew = Crew(3)
        async with crew.supervisor:
            await crew.all_listen()
            asked, ending, stuck = crew.started
            await asked.say(Asking(1, judged(1)))
            await ending.end()
            assert asked.told == []
            assert stuck.told == [Count()]
            await crew.time.advance(REPLY_SECONDS)
            (total,) = asked.told
            assert isinstance(total, Total)
            assert number_of(total.families, "watchword_checks_total") == 1


async def test_a_reload_is_done_when_all_have_done_it() -> None:
    crew = Crew(2)
    async with crew.supervisor as supervisor:
        await crew.all_listen()
        reloading = asyncio.create_task(supervisor.reload())
        await settled()
        assert [hand.told for hand in crew.started] == [[Reload()], [Reload()]]
        await crew.started[0].say(Reloaded())
        assert not reloading.done()
        await crew.started[1].say(Reloaded())
        assert reloading.done()

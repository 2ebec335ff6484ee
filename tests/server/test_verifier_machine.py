"""Any sequence of events, against the rules told once more in other words.

The rules are in `stories.Story`. A machine tells the same events to a story and to the verifier, once
by its pure functions and once through a ledger on a real database whose server starts anew in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from servers import NOON, Clock, asked, audit_events, checker_of, find_key, open_ledger
from stories import STEAM, Story, drawn
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_server.audit import CLOCK_TOLERANCE, Caller, Event
from watchword_server.bootstrap import activate_key
from watchword_server.enrolment import create_key, rotate_key
from watchword_server.keyadmin import examine_code, resync_key, unlock_key
from watchword_server.ledger import Act, Ledger
from watchword_server.newkeys import NewKey
from watchword_server.resync import diagnose, examine, resync
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Changes, Snapshot, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.verifier import Decision, KeyState, Verdict, decide, unlocked

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

WINDOW, LOOK_AHEAD = 1, 5
"""Of keys that have none of their own."""

CALLER = Caller("test")
SECRET = Secret(b"12345678901234567890")
KEYS = {
    "common": (Key(secret=SECRET), 1),
    "strict": (Key(secret=SECRET), 0),
    "wide": (Key(secret=SECRET, digits=4), 10),
    "odd": (Key(secret=SECRET, period=7, algorithm=Algorithm.SHA256, digits=8), 3),
    "long": (Key(secret=SECRET, period=61, algorithm=Algorithm.SHA512, digits=10), 2),
    "steam": (Key(secret=SECRET, kind=Kind.STEAM, digits=5), 1),
    "counter": (Key(secret=SECRET, kind=Kind.HOTP), 5),
    "narrow": (Key(secret=SECRET, kind=Kind.HOTP, digits=4), 0),
}
"""Each with its window. Those of 4 digits meet the same code in two steps now and then."""

STRONG_KEYS = {
    name: (replace(key, digits=max(key.digits, 6), period=max(key.period, 13)), window)
    if key.kind is not Kind.STEAM
    else (key, window)
    for name, (key, window) in KEYS.items()
}
"""The same as far as they can be made in a server: not too easy to guess."""

names = st.sampled_from(sorted(KEYS))
jumps = st.one_of(
    st.integers(-90, 90),
    st.floats(-1, 1, allow_nan=False),
    st.sampled_from([-7200, -11, -10, 10.5, 3600, 86_400, 0.999]),
)
moments = st.sampled_from(
    [0.0, 0.5, -0.5, -86_400.25, NOON, NOON + 29.999, 2.0**31, 2.0**32 + 7, 2.0**41]
)


class Machine(RuleBasedStateMachine):
    """The events; what they do to the verifier is told by a subclass."""

    keys = KEYS

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.stories = {name: Story(key, window) for name, (key, window) in self.keys.items()}
        self.retired: dict[tuple[str, Key], Story] = {}
        self.last_used: dict[str, str] = {}

    def check(self, name: str, sent: str) -> Decision:
        raise NotImplementedError

    def examine(self, name: str, sent: str) -> Verdict:
        raise NotImplementedError

    def resync(self, name: str, first: str, second: str) -> Verdict:
        raise NotImplementedError

    def unlock(self, name: str) -> None:
        raise NotImplementedError

    def activate(self, name: str, key: Key) -> None:
        raise NotImplementedError

    def state(self, name: str) -> KeyState:
        raise NotImplementedError

    def begin(self) -> bool:
        """Whether anything is decided at this time at all."""
        return True

    @rule(seconds=jumps)
    def the_clock_moves(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(moment=moments)
    def the_clock_is_set(self, moment: float) -> None:
        self.clock.now = moment

    @rule(name=names)
    def the_lock_ends(self, name: str) -> None:
        self.clock.now = max(self.clock.now, self.stories[name].opens_at)

    @rule(name=names, offset=st.integers(-12, 12))
    def a_code_of_some_step(self, name: str, offset: int) -> None:
        self.send(name, self.code(name, offset))

    @rule(name=names)
    def the_code_expected(self, name: str) -> None:
        self.send(name, self.code(name, self.stories[name].drift))

    @precondition(lambda self: self.last_used)
    @rule(data=st.data())
    def a_used_code(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.last_used)))
        before = self.stories[name].failures
        self.send(name, self.last_used[name])
        if self.last_used[name] == drawn(self.stories[name].key, max(self.stories[name].used)):
            assert self.stories[name].failures == before, "a replay added to the lock"

    @rule(name=names, number=st.integers(0, 10**10 - 1))
    def a_guess(self, name: str, number: int) -> None:
        self.send(name, self.guess(name, number))

    @rule(name=names, times=st.integers(1, 110))
    def guesses_as_soon_as_the_lock_ends(self, name: str, times: int) -> None:
        for number in range(times):
            self.clock.now = max(self.clock.now, self.stories[name].opens_at)
            self.send(name, self.guess(name, number))

    @rule(name=names, text=st.text(max_size=11))
    def some_text(self, name: str, text: str) -> None:
        self.send(name, text)

    @rule(name=names)
    def a_code_too_early_and_again_in_time(self, name: str) -> None:
        story = self.stories[name]
        early = self.code(name, story.drift + story.window + 1)
        self.send(name, early)
        if story.key.kind is not Kind.HOTP:
            self.clock.advance(story.key.period)
        self.send(name, early)

    @rule(name=names, offset=st.integers(-110, 110))
    def two_consecutive_codes(self, name: str, offset: int) -> None:
        self.pair(name, self.code(name, offset), self.code(name, offset + 1))

    @rule(name=names, back=st.integers(0, 2))
    def the_last_code_used_and_the_one_after(self, name: str, back: int) -> None:
        key, last = self.stories[name].key, max(self.stories[name].used, default=2) - back
        self.pair(name, drawn(key, max(0, last)), drawn(key, max(0, last) + 1))

    @rule(name=names, offset=st.integers(-20, 20), other=st.integers(-20, 20))
    def two_other_codes(self, name: str, offset: int, other: int) -> None:
        self.pair(name, self.code(name, offset), self.code(name, other))

    @rule(name=names, offset=st.integers(-12, 12))
    def an_operator_examines_a_code(self, name: str, offset: int) -> None:
        sent = self.code(name, offset)
        if self.begin():
            assert self.examine(name, sent) is self.stories[name].examine(sent, self.clock.now)

    @rule(name=names)
    def an_operator_unlocks(self, name: str) -> None:
        if self.begin():
            self.unlock(name)
            self.stories[name].forgive()

    @rule(name=names, number=st.integers(0, 2))
    def another_secret_takes_over_or_an_old_one_returns(self, name: str, number: int) -> None:
        before = self.stories[name]
        secret = SECRET if number == 0 else Secret(bytes([number]) * 20)
        key = replace(before.key, secret=secret)
        if key == before.key or not self.begin():
            return
        self.activate(name, key)
        self.retired[name, before.key] = before
        window = LOOK_AHEAD if key.kind is Kind.HOTP else WINDOW
        self.stories[name] = self.retired.pop((name, key), Story(key, window))
        self.last_used.pop(name, None)

    @rule()
    def the_server_restarts(self) -> None:
        raise NotImplementedError

    @invariant()
    def no_step_was_accepted_twice_or_after_a_newer_one(self) -> None:
        for story in (*self.stories.values(), *self.retired.values()):
            assert story.accepted == sorted(set(story.accepted))

    def send(self, name: str, sent: str) -> None:
        if not self.begin():
            return
        story = self.stories[name]
        decision = self.check(name, sent)
        verdict, offset = story.check(sent, self.clock.now)
        assert (decision.verdict, decision.offset) == (verdict, offset)
        if verdict is Verdict.ACCEPTED:
            self.last_used[name] = sent
        shut_for = math.ceil(story.opens_at - self.clock.now)
        is_shut = story.shut(self.clock.now) is Verdict.LOCKED
        assert decision.locked_for == (shut_for if is_shut else None)
        left = 0 if story.shut(self.clock.now) else max(1, 5 - story.failures)
        assert decision.attempts_left == left
        self.compare(name)

    def pair(self, name: str, first: str, second: str) -> None:
        if self.begin():
            found = self.resync(name, first, second)
            assert found is self.stories[name].resync(first, second, self.clock.now)
            self.compare(name)

    def compare(self, name: str) -> None:
        """What is remembered is what happened."""
        state, story = self.state(name), self.stories[name]
        assert state.last_step == max(story.used, default=-1)
        assert (state.failures, state.locked_until) == (story.failures, story.opens_at)
        assert state.drift == story.drift

    def code(self, name: str, offset: int) -> str:
        story = self.stories[name]
        return drawn(story.key, max(0, story.here(self.clock.now) + offset))

    def guess(self, name: str, number: int) -> str:
        key = self.stories[name].key
        if key.kind is Kind.STEAM:
            return "".join(STEAM[number // 26**place % 26] for place in range(key.digits))
        return f"{number % 10**key.digits:0{key.digits}}"


class PureMachine(Machine):
    """On the pure functions; a restart is what a store does: write down and read again."""

    def __init__(self) -> None:
        super().__init__()
        self.states = {(name, key): KeyState() for name, (key, _) in self.keys.items()}

    def check(self, name: str, sent: str) -> Decision:
        key, before, window = self.stories[name].key, self.state(name), self.stories[name].window
        decision = decide(key, before, sent, self.clock.now, window)
        assert decide(key, before, sent, self.clock.now, window) == decision
        # Whatever a diagnosis finds, it gives no verdict and no state.
        diagnose(key, before, sent, self.clock.now, window)
        self.states[name, key] = decision.state
        return decision

    def examine(self, name: str, sent: str) -> Verdict:
        story = self.stories[name]
        before = self.state(name)
        found = examine(story.key, before, sent, self.clock.now, story.window)
        assert found.state.last_step == before.last_step
        self.states[name, story.key] = found.state
        return found.verdict

    def resync(self, name: str, first: str, second: str) -> Verdict:
        key = self.stories[name].key
        decision = resync(key, self.state(name), first, second, self.clock.now)
        self.states[name, key] = decision.state
        return decision.verdict

    def unlock(self, name: str) -> None:
        self.states[name, self.stories[name].key] = unlocked(self.state(name))

    def activate(self, name: str, key: Key) -> None:
        self.states.setdefault((name, key), KeyState())

    def state(self, name: str) -> KeyState:
        return self.states[name, self.stories[name].key]

    @rule()
    def the_server_restarts(self) -> None:
        self.states = {
            which: msgspec.json.decode(msgspec.json.encode(state), type=KeyState)
            for which, state in self.states.items()
        }


class StoredMachine(Machine):
    """Through a ledger on a SQLite file; a restart closes it and opens it again.

    The ledger refuses a clock that is before the last row of its log, and then nothing may change.
    """

    keys = STRONG_KEYS

    def __init__(self) -> None:
        super().__init__()
        self.written_at = -math.inf
        self.stack = contextlib.ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.ledger = self.run(self.opened())
        self.checker = checker_of(self.ledger)
        for name, (key, window) in self.keys.items():
            self.run(
                create_key(
                    self.ledger, NewKey(name=name, key=key, window=window), CALLER, confirmed=True
                )
            )
        self.written_at = self.clock.now

    def teardown(self) -> None:
        with self.stack:
            events = self.run(audit_events(self.ledger))
            stories = (*self.stories.values(), *self.retired.values())
            checked = sum(event.verdict == "accepted" and event.event == "check" for event in events)
            pairs = sum(event.verdict == "accepted" and event.event == "resync" for event in events)
            assert checked + 2 * pairs == sum(len(story.accepted) for story in stories)
            self.run(self.ledger.store.close())

    async def opened(self) -> Ledger:
        store = await SqliteStore.open(self.folder / "watchword.db")
        return await open_ledger(store, self.folder, self.clock)

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.runner.run(work)

    def begin(self) -> bool:
        if self.clock.now >= self.written_at - CLOCK_TOLERANCE:
            self.written_at = max(self.clock.now, self.written_at)
            return True
        before = self.state("common")
        with pytest.raises(StoreError) as refused:
            self.run(self.checker.check(asked(self.code("common", 0), "common")))
        assert refused.value.cause is Cause.CLOCK_BACK
        assert self.state("common") == before
        return False

    @rule()
    def an_operator_vouches_for_the_clock(self) -> None:
        def decide(_: Snapshot, now: float) -> tuple[Act, None]:
            return Act(Changes(), [Event(at=now, event="clock.accept")]), None

        self.run(self.ledger.transact(Wanted(), decide, whatever_the_clock=True))
        self.written_at = self.clock.now

    @rule(name=names)
    def a_successor_is_handed_out_and_never_confirmed(self, name: str) -> None:
        if self.begin():
            self.run(rotate_key(self.ledger, name, CALLER))

    @rule()
    def the_server_restarts(self) -> None:
        self.run(self.ledger.store.close())
        self.ledger = self.run(self.opened())
        self.checker = checker_of(self.ledger)
        for name in KEYS:
            self.compare(name)

    def check(self, name: str, sent: str) -> Decision:
        question = msgspec.structs.replace(asked(sent, name), wants_diagnosis=True)
        decision = self.run(self.checker.check(question)).decision
        assert decision is not None
        return decision

    def examine(self, name: str, sent: str) -> Verdict:
        return self.run(examine_code(self.ledger, name, sent, CALLER, window=WINDOW)).verdict

    def resync(self, name: str, first: str, second: str) -> Verdict:
        return self.run(resync_key(self.ledger, name, first, second, CALLER)).verdict

    def unlock(self, name: str) -> None:
        self.run(unlock_key(self.ledger, name, CALLER))

    def activate(self, name: str, key: Key) -> None:
        self.run(activate_key(self.ledger, name, key))

    def state(self, name: str) -> KeyState:
        return self.run(find_key(self.ledger.store, name)).state


TestPure = PureMachine.TestCase
TestPure.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)

TestStored = StoredMachine.TestCase
TestStored.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)

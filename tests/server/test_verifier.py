from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import KEY, NOON
from watchword_otp import Algorithm, Key, Kind, Secret, code_at, step_at
from watchword_server.verifier import Decision, KeyState, Verdict, decide, unlocked

STEP = step_at(KEY, NOON)
FRESH = KeyState()
WINDOW = 1


def code(offset: int = 0) -> str:
    return code_at(KEY, STEP + offset)


def check(state: KeyState, sent: str, now: float = NOON, window: int = WINDOW) -> Decision:
    return decide(KEY, state, sent, now, window)


def wrong(state: KeyState, times: int, now: float = NOON) -> tuple[KeyState, float]:
    """Let `times` wrong codes be judged, each as soon as no lock stands in its way."""
    for _ in range(times):
        now = max(now, state.locked_until)
        near = {code_at(KEY, step_at(KEY, now) + offset) for offset in (-1, 0, 1)}
        sent = next(guess for guess in ("000000", "111111", "222222", "333333") if guess not in near)
        decision = check(state, sent, now)
        assert decision.verdict is Verdict.WRONG
        state = decision.state
    return state, now


class TestAccepting:
    @pytest.mark.parametrize("offset", [-1, 0, 1])
    def test_a_code_of_the_window_is_accepted_with_its_offset(self, offset: int) -> None:
        decision = check(FRESH, code(offset))
        assert (decision.verdict, decision.offset) == (Verdict.ACCEPTED, offset)
        assert decision.state == KeyState(last_step=STEP + offset, consumed_at=NOON, offset=offset)

    @pytest.mark.parametrize("offset", [-2, 2])
    def test_a_code_outside_the_window_is_wrong(self, offset: int) -> None:
        assert check(FRESH, code(offset)).verdict is Verdict.WRONG

    @pytest.mark.parametrize("window", [0, 1, 5, 10])
    def test_the_window_is_as_wide_as_it_says(self, window: int) -> None:
        for edge in (-window, window):
            assert check(FRESH, code(edge), window=window).verdict is Verdict.ACCEPTED
        for beyond in (-window - 1, window + 1):
            assert check(FRESH, code(beyond), window=window).verdict is Verdict.WRONG

    def test_acceptance_forgets_failures(self) -> None:
        state, _ = wrong(FRESH, 4)
        decision = check(state, code())
        assert (decision.verdict, decision.state.failures) == (Verdict.ACCEPTED, 0)
        assert decision.attempts_left == 5

    def test_the_window_does_not_reach_below_step_0(self) -> None:
        assert decide(KEY, FRESH, code_at(KEY, 0), 5.0, 10).verdict is Verdict.ACCEPTED

    def test_the_highest_of_two_steps_with_the_same_code_is_consumed(self) -> None:
        # Four digits make such steps common enough to find.
        key = Key(secret=Secret(b"collision"), digits=4)
        window = 10
        drawn = [code_at(key, STEP + offset) for offset in range(-window, window + 1)]
        step = next(s for s in range(STEP, STEP + 9999) if _repeats(key, s, window))
        drawn = [code_at(key, step + offset) for offset in range(-window, window + 1)]
        twice = next(each for each in drawn if drawn.count(each) > 1)
        highest = step - window + max(i for i, each in enumerate(drawn) if each == twice)
        decision = decide(key, FRESH, twice, step * 30.0, window)
        assert decision.state.last_step == highest
        assert decide(key, decision.state, twice, step * 30.0, window).verdict is Verdict.REPLAYED

    def test_steps_beyond_32_bits_are_judged(self) -> None:
        # RFC 6238 section 4.2: T is larger than 32 bits after 2038.
        now = 2.0**40
        assert decide(KEY, FRESH, code_at(KEY, step_at(KEY, now)), now, 1).verdict is Verdict.ACCEPTED

    @pytest.mark.parametrize("algorithm", Algorithm)
    def test_every_algorithm_is_judged(self, algorithm: Algorithm) -> None:
        key = Key(secret=Secret(b"x" * 32), algorithm=algorithm, digits=8, period=60)
        sent = code_at(key, step_at(key, NOON))
        assert decide(key, FRESH, sent, NOON, 0).verdict is Verdict.ACCEPTED

    def test_steam_is_judged(self) -> None:
        key = Key(secret=Secret(b"x" * 20), kind=Kind.STEAM, digits=5)
        sent = code_at(key, step_at(key, NOON))
        assert decide(key, FRESH, sent, NOON, 0).verdict is Verdict.ACCEPTED
        assert decide(key, FRESH, "00000", NOON, 0).verdict is Verdict.MALFORMED


def _repeats(key: Key, step: int, window: int) -> bool:
    drawn = [code_at(key, step + offset) for offset in range(-window, window + 1)]
    return len(set(drawn)) < len(drawn)


class TestReplay:
    def test_a_used_code_is_replayed_and_changes_nothing(self) -> None:
        state = check(FRESH, code()).state
        decision = check(state, code(), NOON + 8.9)
        assert decision.verdict is Verdict.REPLAYED
        assert decision.state == state
        assert (decision.offset, decision.used_ago, decision.attempts_left) == (0, 8, 5)

    def test_an_older_code_after_a_newer_one_is_refused(self) -> None:
        state = check(FRESH, code(1)).state
        for older in (0, -1):
            decision = check(state, code(older))
            assert decision.verdict is Verdict.REPLAYED
            # That very step was never used: nobody can say when.
            assert decision.used_ago is None

    def test_the_next_code_is_accepted_after_the_one_before(self) -> None:
        state = check(FRESH, code()).state
        assert check(state, code(1)).verdict is Verdict.ACCEPTED

    def test_a_code_of_the_last_step_stays_used_when_the_step_has_gone_by(self) -> None:
        state = check(FRESH, code(-1)).state
        assert check(state, code(-1)).verdict is Verdict.REPLAYED

    def test_turning_the_clock_back_does_not_make_a_code_new(self) -> None:
        state = check(FRESH, code()).state
        decision = check(state, code(), NOON - 0.5)
        assert (decision.verdict, decision.used_ago) == (Verdict.REPLAYED, 0)
        earlier = NOON - 7200
        old = code_at(KEY, step_at(KEY, earlier))
        assert check(state, old, earlier).verdict is Verdict.REPLAYED

    def test_a_wrong_code_burns_no_code(self) -> None:
        # The code of the step after the window, sent too early, must work when its time has come.
        early = code(2)
        state = check(FRESH, early).state
        assert check(state, early, NOON + 30).verdict is Verdict.ACCEPTED


class TestMalformed:
    @pytest.mark.parametrize(
        "sent",
        [
            "", "1", "12345", "1234567", " 123456", "123456 ", "123 456", "12345a", "-12345", "+12345",
            "\uff11\uff12\uff13\uff14\uff15\uff16", "\u0660\u0661\u0662\u0663\u0664\u0665",
            "123456\n", "\x00" * 6, "123\u200b56", "\ud800" * 6, "9" * 100_000,
        ],
        ids=lambda sent: ascii(sent[:20]),
    )  # fmt: skip
    def test_what_is_not_exactly_the_digits_counts_nothing(self, sent: str) -> None:
        decision = check(FRESH, sent)
        assert (decision.verdict, decision.state) == (Verdict.MALFORMED, FRESH)

    @pytest.mark.parametrize(
        "around", [" {}", "{} ", "\t{}", "{}\n", "{}\r\n", "\u00a0{}", "{}\u2003", "{}\x00"]
    )
    def test_a_used_code_with_anything_around_it_is_not_new(self, around: str) -> None:
        state = check(FRESH, code()).state
        decision = check(state, around.format(code()))
        assert (decision.verdict, decision.state) == (Verdict.MALFORMED, state)

    @given(st.text())
    def test_no_text_is_judged_with_an_exception(self, sent: str) -> None:
        check(FRESH, sent)


class TestLock:
    def test_four_failures_are_free(self) -> None:
        state, _ = wrong(FRESH, 4)
        assert (state.failures, state.locked_until) == (4, 0.0)

    @pytest.mark.parametrize(
        ("failures", "seconds"),
        [(5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 960), (11, 1920), (12, 3600), (13, 3600)],
    )
    def test_the_lock_doubles_up_to_an_hour(self, failures: int, seconds: int) -> None:
        state, now = wrong(FRESH, failures)
        assert state.locked_until == now + seconds

    def test_the_answer_that_locks_says_so(self) -> None:
        state, _ = wrong(FRESH, 4)
        assert check(state, "not a code").attempts_left == 1
        near = {code(offset) for offset in (-1, 0, 1)}
        decision = check(state, next(c for c in ("000000", "111111") if c not in near))
        assert (decision.verdict, decision.attempts_left, decision.locked_for) == (Verdict.WRONG, 0, 30)

    @pytest.mark.parametrize("sent", [code(), "999999", "junk"])
    def test_while_locked_nothing_is_compared_or_counted(self, sent: str) -> None:
        state, now = wrong(FRESH, 5)
        decision = check(state, sent, now + 29.5)
        assert (decision.verdict, decision.state) == (Verdict.LOCKED, state)
        assert (decision.locked_for, decision.attempts_left) == (1, 0)

    def test_the_lock_ends_when_it_says_and_a_right_code_then_forgets_it(self) -> None:
        state, now = wrong(FRESH, 5)
        now += 30
        decision = check(state, code_at(KEY, step_at(KEY, now)), now)
        assert decision.verdict is Verdict.ACCEPTED
        assert decision.state.failures == 0

    def test_after_the_lock_one_more_failure_locks_for_longer(self) -> None:
        state, now = wrong(FRESH, 5)
        assert check(state, "", now + 30).attempts_left == 1
        state, now = wrong(state, 1)
        assert state.locked_until == now + 60

    def test_turning_the_clock_back_does_not_end_a_lock(self) -> None:
        state, now = wrong(FRESH, 5)
        assert check(state, code(), now - 86_400).verdict is Verdict.LOCKED

    def test_replays_and_malformed_codes_never_lock(self) -> None:
        state = check(FRESH, code()).state
        for _ in range(200):
            state = check(state, code()).state
            state = check(state, "junk").state
        assert state.failures == 0

    def test_a_hundred_failures_disable_for_good(self) -> None:
        state, now = wrong(FRESH, 100)
        decision = check(state, code_at(KEY, step_at(KEY, now + 1e6)), now + 1e6)
        assert (decision.verdict, decision.state) == (Verdict.DISABLED, state)
        assert (decision.attempts_left, decision.locked_for) == (0, None)

    def test_99_failures_do_not(self) -> None:
        state, now = wrong(FRESH, 99)
        now = max(now, state.locked_until)
        assert check(state, code_at(KEY, step_at(KEY, now)), now).verdict is Verdict.ACCEPTED

    def test_an_operator_unlocks_but_used_codes_stay_used(self) -> None:
        state, now = wrong(check(FRESH, code()).state, 100)
        opened = unlocked(state)
        assert check(opened, code(), now).verdict is not Verdict.DISABLED
        assert check(opened, code()).verdict is Verdict.REPLAYED

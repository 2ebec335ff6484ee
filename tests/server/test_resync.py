from __future__ import annotations

import pytest
from msgspec.structs import replace

from servers import KEY, NOON
from watchword_otp import Algorithm, Key, Kind, Secret, code_at, step_at
from watchword_server.resync import DIAGNOSIS_STEPS, RESYNC_STEPS, Finding, diagnose, examine, resync
from watchword_server.verifier import KeyState, Verdict, decide

STEP = step_at(KEY, NOON)
HOTP = Key(secret=KEY.secret, kind=Kind.HOTP)
FRESH = KeyState()


def code(offset: int = 0, key: Key = KEY) -> str:
    return code_at(key, step_at(key, NOON) + offset)


class TestResync:
    @pytest.mark.parametrize("offset", [-RESYNC_STEPS, -4, 0, 7, RESYNC_STEPS])
    def test_two_consecutive_codes_move_the_window_and_are_used(self, offset: int) -> None:
        moved = resync(KEY, FRESH, code(offset), code(offset + 1), NOON)
        assert (moved.verdict, moved.offset) == (Verdict.ACCEPTED, offset + 1)
        assert moved.state == KeyState(
            last_step=STEP + offset + 1, consumed_at=NOON, offset=offset + 1, drift=offset + 1
        )
        for used in (offset, offset + 1):
            assert decide(KEY, moved.state, code(used), NOON, 3).verdict is Verdict.REPLAYED
        later = decide(KEY, moved.state, code(offset + 2), NOON + 30, 0)
        # The clock that is off so much is now right, for a window of nothing.
        assert (later.verdict, later.state.drift) == (Verdict.ACCEPTED, offset + 1)

    @pytest.mark.parametrize("offset", [-RESYNC_STEPS - 1, RESYNC_STEPS + 1])
    def test_further_away_nothing_is_found(self, offset: int) -> None:
        refused = resync(KEY, FRESH, code(offset), code(offset + 1), NOON)
        assert (refused.verdict, refused.state) == (Verdict.WRONG, KeyState(failures=1))

    @pytest.mark.parametrize(
        ("first", "second"), [(0, 2), (1, 0), (0, 0), (0, 200), (200, 1)], ids=lambda each: f"{each:+}"
    )
    def test_codes_that_do_not_follow_each_other_are_wrong(self, first: int, second: int) -> None:
        refused = resync(KEY, FRESH, code(first), code(second), NOON)
        assert (refused.verdict, refused.state) == (Verdict.WRONG, KeyState(failures=1))

    @pytest.mark.parametrize("offset", [-1, 0, -50])
    def test_an_old_pair_is_a_replay_also_when_only_its_first_code_is_old(self, offset: int) -> None:
        used = KeyState(last_step=STEP, consumed_at=NOON, failures=2)
        refused = resync(KEY, used, code(offset), code(offset + 1), NOON)
        assert (refused.verdict, refused.state) == (Verdict.REPLAYED, used)

    def test_the_next_pair_is_accepted_and_forgets_failures(self) -> None:
        used = KeyState(last_step=STEP, consumed_at=NOON, failures=4)
        assert resync(KEY, used, code(1), code(2), NOON).state.failures == 0

    @pytest.mark.parametrize(
        ("state", "verdict"),
        [
            (KeyState(failures=5, locked_until=NOON + 30), Verdict.LOCKED),
            (KeyState(failures=100, locked_until=NOON - 1), Verdict.DISABLED),
        ],
    )
    def test_a_locked_key_compares_nothing(self, state: KeyState, verdict: Verdict) -> None:
        for second in (code(1), "000000", "junk"):
            refused = resync(KEY, state, code(), second, NOON)
            assert (refused.verdict, refused.state) == (verdict, state)

    @pytest.mark.parametrize("junk", ["", "12345", "\uff11\uff12\uff13\uff14\uff15\uff16", " 123456"])
    def test_what_is_no_code_costs_nothing(self, junk: str) -> None:
        for pair in ((junk, code(1)), (code(), junk)):
            assert resync(KEY, FRESH, *pair, NOON).state == FRESH

    def test_wrong_pairs_lock_as_wrong_codes_do(self) -> None:
        state = FRESH
        for _ in range(5):
            state = resync(KEY, state, "000000", "000001", NOON).state
        assert state.locked_until == NOON + 30

    def test_a_counter_that_ran_ahead_is_found_and_goes_on_there(self) -> None:
        behind = KeyState(last_step=6)
        codes = [code_at(HOTP, counter) for counter in range(90, 94)]
        assert decide(HOTP, behind, codes[0], NOON, 5).verdict is Verdict.WRONG
        moved = resync(HOTP, behind, codes[0], codes[1], NOON)
        assert (moved.verdict, moved.state.last_step, moved.state.drift) == (Verdict.ACCEPTED, 91, 0)
        assert decide(HOTP, moved.state, codes[2], NOON, 0).verdict is Verdict.ACCEPTED
        assert resync(HOTP, moved.state, codes[1], codes[2], NOON).verdict is Verdict.REPLAYED


class TestHotp:
    """RFC 4226 appendix D, with look-ahead."""

    RFC = ("755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871")

    def test_the_counters_are_taken_in_their_order(self) -> None:
        state = FRESH
        for count, sent in enumerate(self.RFC):
            decision = decide(HOTP, state, sent, NOON, 5)
            assert (decision.verdict, decision.state.last_step) == (Verdict.ACCEPTED, count)
            state = decision.state
        assert {decide(HOTP, state, sent, NOON, 5).verdict for sent in self.RFC[3:]} == {
            Verdict.REPLAYED
        }

    def test_skipped_counters_are_burnt(self) -> None:
        state = decide(HOTP, FRESH, self.RFC[5], NOON, 5).state
        assert state.last_step == 5
        assert decide(HOTP, state, self.RFC[4], NOON, 5).verdict is Verdict.REPLAYED

    @pytest.mark.parametrize("window", [0, 1, 5])
    def test_the_look_ahead_is_as_long_as_it_says(self, window: int) -> None:
        assert decide(HOTP, FRESH, self.RFC[window], NOON, window).verdict is Verdict.ACCEPTED
        assert decide(HOTP, FRESH, self.RFC[window + 1], NOON, window).verdict is Verdict.WRONG

    def test_time_does_not_move_a_counter(self) -> None:
        for now in (0.0, NOON, 2.0**41):
            assert decide(HOTP, FRESH, self.RFC[0], now, 0).verdict is Verdict.ACCEPTED


class TestDiagnosis:
    @pytest.mark.parametrize(
        ("offset", "words"),
        [
            (-4, "right key, 4 steps slow"),
            (2, "right key, 2 steps fast"),
            (DIAGNOSIS_STEPS + 1, "right key, 21 steps fast"),
            (DIAGNOSIS_STEPS + 2, "no step near now has this code: most likely another key"),
        ],
    )
    def test_a_clock_that_is_off(self, offset: int, words: str) -> None:
        assert diagnose(KEY, FRESH, code(offset), NOON, 1).text == words

    @pytest.mark.parametrize(
        ("key", "used", "words"),
        [
            (
                replace(KEY, algorithm=Algorithm.SHA256),
                KEY,
                "right key, but SHA256 is expected and the app used SHA1",
            ),
            (replace(KEY, period=60), KEY, "right key, but 60 s is expected and the app used 30 s"),
            (
                replace(KEY, digits=8),
                KEY,
                "right key, but 8 digits are expected and the app used 6",
            ),
        ],
    )
    def test_an_app_that_ignored_a_setting(self, key: Key, used: Key, words: str) -> None:
        assert diagnose(key, FRESH, code(0, used), NOON, 1).text == words

    def test_another_key_and_a_steam_key(self) -> None:
        other = Key(secret=Secret(b"x" * 20))
        assert diagnose(KEY, FRESH, code(0, other), NOON, 1).finding is Finding.NOTHING
        steam = Key(secret=KEY.secret, kind=Kind.STEAM, digits=5)
        assert diagnose(steam, FRESH, code(0), NOON, 1).finding is Finding.NOTHING

    @pytest.mark.parametrize(
        "text", ["", "x" * 1000, "1" * 11, "\ud800", "\uff11\uff12\uff13\uff14\uff15\uff16"]
    )
    def test_any_text_is_diagnosed(self, text: str) -> None:
        assert diagnose(KEY, FRESH, text, NOON, 10).finding is Finding.NOTHING


class TestExamining:
    @pytest.mark.parametrize(
        ("offset", "verdict"), [(0, Verdict.ACCEPTED), (5, Verdict.WRONG)], ids=["right", "wrong"]
    )
    def test_it_tells_what_a_check_would_say_uses_nothing_and_costs_an_attempt(
        self, offset: int, verdict: Verdict
    ) -> None:
        found = examine(KEY, FRESH, code(offset), NOON, 1)
        assert (found.verdict, found.state) == (verdict, KeyState(failures=1))
        assert (found.diagnosis is None) is (verdict is Verdict.ACCEPTED)

    def test_so_it_is_no_way_to_guess_for_nothing(self) -> None:
        state = FRESH
        for _ in range(5):
            state = examine(KEY, state, code(), NOON, 1).state
        assert examine(KEY, state, code(), NOON, 1).verdict is Verdict.LOCKED
        assert decide(KEY, state, code(), NOON, 1).verdict is Verdict.LOCKED

    def test_a_used_code_costs_nothing(self) -> None:
        used = decide(KEY, FRESH, code(), NOON, 1).state
        found = examine(KEY, used, code(), NOON + 20, 1)
        assert (found.verdict, found.state) == (Verdict.REPLAYED, used)
        assert found.decision.used_ago == 20

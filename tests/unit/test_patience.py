"""A database that failed is tried by one at a time, and after a while; all others are told at once."""

from __future__ import annotations

import pytest

from servers import Clock
from watchword_server.store.postgres_errors import reason
from watchword_server.store.postgres_patience import FIRST_PAUSE, LONGEST_PAUSE, Patience
from watchword_server.store.protocol import Cause, StoreError


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def patience(clock: Clock) -> Patience:
    return Patience(reason, clock=clock)


def fail(patience: Patience, error: Exception | None = None) -> None:
    with pytest.raises(OSError, match="gone"), patience.attempt():
        raise error or ConnectionError("gone")


def test_while_all_is_well_any_number_may_try(patience: Patience) -> None:
    with patience.attempt(), patience.attempt():
        pass


def test_right_after_a_failure_nobody_may(patience: Patience, clock: Clock) -> None:
    fail(patience)
    with pytest.raises(StoreError) as raised, patience.attempt():
        pass
    assert raised.value.cause is Cause.UNREACHABLE
    clock.advance(FIRST_PAUSE)
    with patience.attempt():
        pass


def test_later_one_may_and_the_others_hear_what_was_found_last(patience: Patience, clock: Clock) -> None:
    fail(patience)
    clock.advance(FIRST_PAUSE)
    with patience.attempt(), pytest.raises(StoreError), patience.attempt():
        pass
    # It succeeded, so that anybody may again.
    with patience.attempt(), patience.attempt():
        pass


def test_one_that_is_called_off_leaves_its_turn_to_the_next(patience: Patience, clock: Clock) -> None:
    fail(patience)
    clock.advance(FIRST_PAUSE)
    with pytest.raises(KeyboardInterrupt), patience.attempt():
        raise KeyboardInterrupt
    with patience.attempt():
        pass


def test_the_pause_grows_to_its_longest(patience: Patience, clock: Clock) -> None:
    for _ in range(100):
        fail(patience)
        clock.advance(LONGEST_PAUSE)
    fail(patience)
    clock.advance(LONGEST_PAUSE * 0.49)
    with pytest.raises(StoreError), patience.attempt():
        pass
    clock.advance(LONGEST_PAUSE * 0.52)
    with patience.attempt():
        pass

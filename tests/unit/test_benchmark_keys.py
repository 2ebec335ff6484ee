"""The benchmarks' own judge: a round counts only if answers and database agree."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from benchmarks.harness import UnavailableError
from benchmarks.server_checks import audited
from benchmarks.server_keys import Judged, Keys, name_of
from benchmarks.server_wrk import Round

from watchword_server.ledger import Ledger

Check = tuple[str, str, int | None]
ALICE, BOB = name_of(1), name_of(2)


class Written:
    """A database in which stands what a test wrote."""

    data = Path()
    options: Sequence[str] = ()

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.stored: dict[str, int] = {}
        self.late: list[Check] = []
        """Checks that are decided just after all was forgotten, one each time."""

    def forget(self) -> None:
        self.stored.clear()
        if self.late:
            self.checks.append(self.late.pop())
            self.stored[self.checks[-1][1]] = 0

    def ends(self) -> Mapping[int, int]:
        return {0: len(self.checks)}

    def judged_since(self, ends: Mapping[int, int]) -> Judged:
        return Judged(self.checks[ends[0] :], self.stored)

    def ledger(self) -> AbstractAsyncContextManager[Ledger]:
        raise NotImplementedError


@pytest.fixture
def database() -> Written:
    return Written()


@pytest.fixture
def keys(database: Written) -> Keys:
    return Keys(database, 10, "token")


def accepted(name: str, offset: int = 0) -> Check:
    return "accepted", name, offset


def test_acceptances_and_all_else_are_counted(database: Written, keys: Keys) -> None:
    database.checks = [accepted(ALICE, -1), ("wrong", BOB, None), accepted(ALICE), accepted(BOB)]
    database.stored = {ALICE: keys.today, BOB: keys.today}
    assert keys.decided_after({0: 0}) == (3, 4)


@pytest.mark.parametrize("second", [0, -1])
def test_a_step_that_was_used_or_is_over_is_no_acceptance(
    database: Written, keys: Keys, second: int
) -> None:
    database.checks = [accepted(ALICE), accepted(ALICE, second)]
    database.stored = {ALICE: keys.today}
    with pytest.raises(UnavailableError, match="accepted a step that was used"):
        keys.decided_after({0: 0})


@pytest.mark.parametrize("stored", [{}, {ALICE: -1}, {BOB: 0}])
def test_what_was_accepted_has_to_be_stored(
    database: Written, keys: Keys, stored: dict[str, int]
) -> None:
    database.checks = [accepted(ALICE)]
    database.stored = {name: keys.today + offset for name, offset in stored.items()}
    with pytest.raises(UnavailableError, match="not the same"):
        keys.decided_after({0: 0})


@pytest.mark.parametrize(
    ("yes", "no", "reason"),
    [
        (3, 6, "3 acceptances were answered and 2 stored"),
        (2, 9, "11 answers were given and 6 audited"),
        (0, 6, "0 of 6 answers were yes"),
    ],
)
def test_a_round_counts_only_if_what_was_answered_was_done(
    database: Written, keys: Keys, yes: int, no: int, reason: str
) -> None:
    def sending() -> Round:
        database.checks += [accepted(ALICE), accepted(BOB), *[("wrong", name_of(3), None)] * 4]
        database.stored = {ALICE: keys.today, BOB: keys.today}
        return Round(1.0, yes, no, 0, 0, 0.1, 0.2)

    with pytest.raises(UnavailableError, match=reason):
        audited(keys, sending, connections=2)


def test_checks_that_come_late_from_the_round_before_are_forgotten_too(
    database: Written, keys: Keys
) -> None:
    database.late = [accepted(ALICE), accepted(BOB)]

    def sending() -> Round:
        database.checks += [accepted(ALICE), ("wrong", BOB, None)]
        database.stored[ALICE] = keys.today
        return Round(1.0, 1, 1, 0, 0, 0.1, 0.2)

    assert audited(keys, sending, connections=2).answers == 2


def test_each_key_is_sent_good_codes_wrong_ones_and_used_ones(keys: Keys, tmp_path: Path) -> None:
    lines = keys.mixed(tmp_path / "requests", seed=1, lag=3).read_text().splitlines()
    assert len(lines) == 3 * 3 * len({line.split()[1] for line in lines})
    seen: set[str] = set()
    kinds: dict[str, list[bool]] = {}
    for line in lines:
        # A good code comes twice, a wrong one is never one of these.
        kinds.setdefault(line.split()[1], []).append(line in seen)
        seen.add(line)
    assert all(sum(repeated) >= 3 for repeated in kinds.values())


def test_requests_are_about_the_keys_that_were_asked_for(keys: Keys, tmp_path: Path) -> None:
    path = keys.mixed(tmp_path / "requests", seed=1, among=range(4, 8))
    names = {line.split()[1].split("/")[3] for line in path.read_text().splitlines()}
    assert names <= {name_of(number) for number in range(4, 8)}

"""What `make soak` trusts: its checker passes what a good server does, and finds what none may do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from benchmarks.history import Accepted, Asked, Evidence, History, Said, contradictions, unheard
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 30.0
KEYS = ("alice", "bob")

few = settings(max_examples=30, deadline=None)
"""There are few kinds of histories; each planted fault is tried in so many."""


@dataclass
class Model:
    """A server that does everything right, of as many nodes as chains, and its clients."""

    asked: list[Asked] = field(default_factory=list)
    rows: list[Accepted] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, -1))
    now: float = 0.0

    def ask(self, key: str, step: int, chain: int, told: Said | None) -> None:
        """Have a code judged; `told` is what the client hears in place of the verdict."""
        name = f"r{len(self.asked)}"
        is_accepted = step > self.last[key]
        # Without a commit, 503 is an honest answer too: then nothing was done.
        if is_accepted:
            self.last[key] = step
            self.rows.append(Accepted(key, step, chain, len(self.rows) + 1, name))
        said = told or (Said.TRUE if is_accepted else Said.FALSE)
        sent_at, self.now = self.now, self.now + 1
        answered_at = None if said is Said.NOTHING else self.now
        self.asked.append(Asked((name,), key, step, f"node{chain}", sent_at, answered_at, said))

    @property
    def evidence(self) -> Evidence:
        return Evidence(accepted=self.rows, last_steps=self.last)

    def found(self) -> list[str]:
        return list(contradictions(self.asked, self.evidence, period=PERIOD))


@st.composite
def histories(draw: st.DrawFn) -> Model:
    """What may come of any codes in any order, any answers lost; one acceptance at least was told."""
    model = Model()
    step = st.integers(0, 6)
    lost = st.sampled_from([None, None, None, Said.NOTHING, Said.UNAVAILABLE])
    for _ in range(draw(st.integers(0, 20))):
        model.ask(draw(st.sampled_from(KEYS)), draw(step), draw(st.integers(0, 2)), draw(lost))
    model.ask(draw(st.sampled_from(KEYS)), draw(st.integers(7, 8)), draw(st.integers(0, 2)), None)
    return model


def told(model: Model, draw: st.DataObject) -> int:
    """One acceptance that a client was told of."""
    trues = [number for number, each in enumerate(model.asked) if each.said is Said.TRUE]
    return draw.draw(st.sampled_from(trues))


def row_of(model: Model, number: int) -> int:
    (at,) = (at for at, row in enumerate(model.rows) if row.request_id in model.asked[number].ids)
    return at


@few
@given(histories())
def test_what_a_good_server_does_is_no_contradiction(model: Model) -> None:
    assert model.found() == []
    # Nor is it one if nobody hears anything.
    silent = [replace(each, said=Said.NOTHING, answered_at=None) for each in model.asked]
    assert list(contradictions(silent, model.evidence, period=PERIOD)) == []
    assert unheard(silent, model.evidence) == len(model.rows)


def accept_twice(model: Model, draw: st.DataObject) -> None:
    """Two nodes tell two clients that the same code is valid, and both write it down."""
    first = model.asked[told(model, draw)]
    row = model.rows[row_of(model, model.asked.index(first))]
    again = replace(first, ids=("again",), node="node9")
    model.asked.append(again)
    model.rows.append(replace(row, chain=9, seq=1, request_id="again"))


def accept_twice_and_forget_once(model: Model, draw: st.DataObject) -> None:
    """The same, after a failover to a replica that did not have it."""
    first = model.asked[told(model, draw)]
    model.asked.append(replace(first, ids=("again",), node="node9"))
    at = row_of(model, model.asked.index(first))
    model.rows[at] = replace(model.rows[at], request_id="again")


def accept_twice_and_tell_once(model: Model, draw: st.DataObject) -> None:
    """The same, and one of the answers was lost."""
    accept_twice(model, draw)
    model.asked[-1] = replace(model.asked[-1], said=Said.NOTHING, answered_at=None)


def lose(model: Model, draw: st.DataObject) -> None:
    """A commit that was answered is gone, as after a failover: the row, and the state with it."""
    number = told(model, draw)
    del model.rows[row_of(model, number)]
    key = model.asked[number].key
    model.last[key] = max((row.step for row in model.rows if row.key == key), default=-1)


def lose_the_row(model: Model, draw: st.DataObject) -> None:
    """Only the row is gone."""
    del model.rows[row_of(model, told(model, draw))]


def lose_the_state(model: Model, draw: st.DataObject) -> None:
    """Only the key's state is: its last code is good again."""
    model.last[model.asked[told(model, draw)].key] = -1


def consume_without_a_row(model: Model, draw: st.DataObject) -> None:
    model.last[draw.draw(st.sampled_from([each.key for each in model.asked]))] = 99


def go_back(model: Model, draw: st.DataObject) -> None:
    """A node accepts an older step, after a client was told of a newer one."""
    newer = model.asked[told(model, draw)]
    assert newer.step is not None
    step = newer.step - draw.draw(st.integers(1, 50))
    model.now += 1
    older = Asked(("older",), newer.key, step, "node9", model.now, model.now + 1, Said.TRUE)
    model.asked.append(older)
    model.rows.append(Accepted(newer.key, step, 9, 1, "older"))


def go_back_unheard(model: Model, draw: st.DataObject) -> None:
    """The same, known from the order of one chain alone."""
    row = model.rows[draw.draw(st.integers(0, len(model.rows) - 1))]
    step = row.step - draw.draw(st.integers(1, 50))
    model.rows.append(replace(row, step=step, seq=999, request_id="older"))
    model.asked.append(Asked(("older",), row.key, step, "node9", 0, None, Said.NOTHING))


def accept_what_nobody_sent(model: Model, draw: st.DataObject) -> None:
    row = model.rows[draw.draw(st.integers(0, len(model.rows) - 1))]
    model.rows.append(replace(row, step=99, request_id="who?"))
    model.last[row.key] = 99


def accept_another_step(model: Model, draw: st.DataObject) -> None:
    """It consumed a newer step than that of the code."""
    at = row_of(model, told(model, draw))
    model.rows[at] = replace(model.rows[at], step=99)
    model.last[model.rows[at].key] = 99


def accept_and_deny_it(model: Model, draw: st.DataObject) -> None:
    number = told(model, draw)
    model.asked[number] = replace(model.asked[number], said=Said.FALSE)


def accept_a_wrong_code(model: Model, draw: st.DataObject) -> None:
    number = told(model, draw)
    model.asked[number] = replace(model.asked[number], step=None)


def refuse_a_good_code(model: Model, draw: st.DataObject) -> None:
    key = draw.draw(st.sampled_from(KEYS))
    model.asked.append(Asked(("good",), key, 50, "node9", model.now, model.now + 1, Said.FALSE))
    model.last.setdefault(key, -1)


PLANTED = [
    accept_twice,
    accept_twice_and_forget_once,
    accept_twice_and_tell_once,
    lose,
    lose_the_row,
    lose_the_state,
    consume_without_a_row,
    go_back,
    go_back_unheard,
    accept_what_nobody_sent,
    accept_another_step,
    accept_and_deny_it,
    accept_a_wrong_code,
    refuse_a_good_code,
]


@pytest.mark.parametrize("plant", PLANTED)
@few
@given(model=histories(), data=st.data())
def test_what_no_server_may_do_is_found(
    plant: Callable[[Model, st.DataObject], None], model: Model, data: st.DataObject
) -> None:
    plant(model, data)
    assert model.found()


def test_each_fault_is_told_in_words_of_its_own() -> None:
    model = Model()
    model.ask("alice", 5, 0, None)
    model.asked.append(replace(model.asked[0], ids=("again",), node="node1"))
    broken = replace(model.evidence, audit_fault="row 3 does not follow from row 2")
    assert list(contradictions(model.asked, broken, period=PERIOD)) == [
        "alice: the code of step 5 was accepted 2 times",
        "alice: node1 accepted step 5, and it is not in the database",
        "the audit log does not verify: row 3 does not follow from row 2",
    ]


def test_a_code_that_was_over_when_it_was_judged_may_be_refused() -> None:
    slow = Asked(("slow",), "alice", 5, "node0", 0, PERIOD + 1, Said.FALSE)
    evidence = Evidence(accepted=[], last_steps={"alice": -1})
    assert list(contradictions([slow], evidence, period=PERIOD)) == []
    prompt = replace(slow, answered_at=1)
    assert list(contradictions([prompt], evidence, period=PERIOD)) == [
        "alice: node0 refused step 5, which was never used"
    ]


def test_requests_that_were_sent_again_count_once() -> None:
    model = Model()
    model.ask("alice", 5, 0, None)
    model.asked[0] = replace(model.asked[0], ids=("second", *model.asked[0].ids))
    assert model.found() == []


def test_a_history_keeps_what_can_contradict_and_counts_the_rest() -> None:
    history = History()
    wrong = Asked(("w",), "alice", None, "node0", 0, 1, Said.FALSE)
    history.note(wrong)
    history.note(replace(wrong, said=Said.NOTHING, answered_at=None))
    history.note(replace(wrong, step=5, said=Said.FALSE))
    assert [each.said for each in history.asked] == [Said.NOTHING, Said.FALSE]
    assert history.answers == {"check: false": 2, "check: nothing": 1}
    history.compare(Evidence(accepted=[], last_steps={"alice": -1}), period=PERIOD)
    assert history.faults == ["alice: node0 refused step 5, which was never used"]
    assert "FAULT: alice: node0" in history.as_text()

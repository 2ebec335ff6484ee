"""The soak of nodes: a plan that follows from its seed, and what it says of the answers."""

from __future__ import annotations

from benchmarks.history import Asked, Said
from benchmarks.soak_chaos import Blow, Planned, plan
from benchmarks.soak_times import RECOVERY_SECONDS, Struck, told, unexcused
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0), seconds=st.floats(20, 600), nodes=st.integers(1, 5))
def test_a_plan_follows_from_its_seed(seed: int, seconds: float, nodes: int) -> None:
    planned = plan(seed, seconds, nodes)
    assert planned == plan(seed, seconds, nodes)
    assert sum(each.calm + each.lasting for each in planned) <= seconds
    assert sum(each.blow is Blow.FAILOVER for each in planned) <= 1
    assert {each.node for each in planned} <= {None, *range(nodes)}


def test_five_minutes_have_every_kind_several_times_and_one_failover() -> None:
    for seed in range(20):
        blows = [each.blow for each in plan(seed, 300, 3)]
        assert blows.count(Blow.FAILOVER) == 1
        assert all(blows.count(kind) >= 3 for kind in Blow if kind is not Blow.FAILOVER)


CUT = Struck(Planned(Blow.CUT, 0, 5, 5), began=10, ended=15, hit=frozenset({"node0"}))


def asked(node: str, sent_at: float, took: float, said: Said) -> Asked:
    return Asked((f"{node}-{sent_at}",), "alice", 1, node, sent_at, sent_at + took, said)


def test_a_503_needs_a_blow_and_who_was_hit_must_come_back() -> None:
    judged = asked("node0", 16, 1, Said.FALSE)
    excused = asked("node0", 11, 1, Said.UNAVAILABLE)
    assert list(unexcused([judged, excused], [CUT])) == []
    early = asked("node0", 1, 1, Said.UNAVAILABLE)
    late = asked("node0", 15 + RECOVERY_SECONDS + 1, 1, Said.UNAVAILABLE)
    assert len(list(unexcused([judged, early, late], [CUT]))) == 2
    assert list(unexcused([excused], [CUT])) == [
        "node0 did not come back after a line that swallows all"
    ]


def test_what_a_blow_did_is_counted_until_it_was_over() -> None:
    answers = [
        asked("node0", 9, 0.5, Said.TRUE),
        asked("node0", 11, 4, Said.UNAVAILABLE),
        asked("node1", 12, 0.1, Said.TRUE),
        asked("node1", 12, 0.1, Said.UNAVAILABLE),
        asked("node0", 16, 1, Said.FALSE),
        asked("node0", 18, 1, Said.UNAVAILABLE),
        asked("node1", 18, 1, Said.TRUE),
    ]
    found = told(answers, [CUT])[Blow.CUT]
    assert (found.times, found.seconds) == (1, 5)
    assert (found.refused, found.refused_by_others, found.accepted_by_others) == (1, 1, 1)
    assert (found.longest, found.recoveries) == (4, [2])

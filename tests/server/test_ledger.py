from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from servers import NOON, Clock, audit_end, audit_events, find_key
from watchword_server.audit import CLOCK_TOLERANCE, Event
from watchword_server.ledger import (
    ACTIVE_SEAL,
    AUDIT_KEY,
    Act,
    Ledger,
    active_seal,
    join_seal,
    split_seal,
)
from watchword_server.seal import Keyring
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Advance, Changes, SetMeta, Snapshot, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_server.store.records import Change

DEFAULT = Wanted(names=["default"])


def failing(snapshot: Snapshot, now: float) -> tuple[Act, float]:
    """One more failure of the default key, and its row."""
    key = snapshot.keys[0]
    after = KeyState(failures=key.state.failures + 1)
    act = Act(Changes(advances=[Advance(key, after)]), [Event(at=now, event="test")])
    return act, now


class TestTransact:
    async def test_state_and_row_are_written_together_at_the_time_of_the_decision(
        self, ledger: Ledger
    ) -> None:
        assert await ledger.transact(DEFAULT, failing) == NOON
        assert (await find_key(ledger.store)).state.failures == 1
        assert [event.event for event in await audit_events(ledger)] == ["key.activate", "test"]
        assert (await audit_end(ledger.store)).at == NOON

    async def test_a_decision_that_raises_leaves_neither(self, ledger: Ledger) -> None:
        def decide(snapshot: Snapshot, now: float) -> tuple[Act, None]:
            failing(snapshot, now)
            raise LookupError

        with pytest.raises(LookupError):
            await ledger.transact(DEFAULT, decide)
        assert (await find_key(ledger.store)).state == KeyState()
        assert len(await audit_events(ledger)) == 1

    async def test_one_impossible_change_undoes_all_others(self, ledger: Ledger) -> None:
        def decide(snapshot: Snapshot, now: float) -> tuple[Act, None]:
            act, _ = failing(snapshot, now)
            others: list[Change] = [SetMeta("left", b"over")]
            act.changes.others = others
            nobody = msgspec.structs.replace(snapshot.keys[0], id=99, state=KeyState())
            act.changes.advances = [*act.changes.advances, Advance(nobody, KeyState(failures=1))]
            return act, None

        with pytest.raises(StoreError):
            await ledger.transact(DEFAULT, decide)
        assert (await ledger.store.look(Wanted(meta=["left"]))).meta == {}
        assert (await find_key(ledger.store)).state == KeyState()


class TestClock:
    async def test_it_cannot_creep_back_within_the_tolerance(self, ledger: Ledger) -> None:
        clock = Clock()
        creeping = Ledger(ledger.store, ledger.keyring, clock=clock)
        clock.advance(-CLOCK_TOLERANCE)
        await creeping.transact(DEFAULT, failing)
        clock.advance(-1)
        with pytest.raises(StoreError) as raised:
            await creeping.transact(DEFAULT, failing)
        assert raised.value.cause is Cause.CLOCK_BACK
        assert (await find_key(ledger.store)).state.failures == 1

    async def test_an_operator_vouches_for_one_that_was_set_back(self, ledger: Ledger) -> None:
        clock = Clock(NOON - 86_400)
        early = Ledger(ledger.store, ledger.keyring, clock=clock)
        with pytest.raises(StoreError, match="accept-clock"):
            await early.transact(DEFAULT, failing)
        await early.transact(DEFAULT, failing, whatever_the_clock=True)
        await early.transact(DEFAULT, failing)
        assert (await audit_end(ledger.store)).at == NOON - 86_400


class TestAuditKey:
    async def test_a_database_that_was_never_prepared_decides_nothing(self, tmp_path: Path) -> None:
        store = await SqliteStore.open(tmp_path / "new.db")
        with pytest.raises(StoreError, match="start the server on it once"):
            await Ledger(store, Keyring(tmp_path / "none", {}), clock=Clock()).audit_key()
        await store.close()

    async def test_the_probe_finds_what_a_decision_would(self, ledger: Ledger, tmp_path: Path) -> None:
        await ledger.probe()
        blind = Ledger(ledger.store, Keyring(tmp_path / "none", {}), clock=Clock())
        with pytest.raises(StoreError) as raised:
            await blind.probe()
        assert raised.value.cause is Cause.SEALING_KEY_MISSING
        late = Ledger(ledger.store, ledger.keyring, clock=Clock(NOON - 60))
        with pytest.raises(StoreError) as raised:
            await late.probe()
        assert raised.value.cause is Cause.CLOCK_BACK

    async def test_single_values_keep_the_number_of_their_sealing_key(self, ledger: Ledger) -> None:
        snapshot = await ledger.store.look(Wanted(meta=(AUDIT_KEY, ACTIVE_SEAL)))
        assert active_seal(snapshot) == split_seal(snapshot.meta[AUDIT_KEY])[0] == 1
        assert split_seal(join_seal(12, b"a:b:\x00")) == (12, b"a:b:\x00")

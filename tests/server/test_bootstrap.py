from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from each_store import open_store_of
from servers import KEY, NOON, Clock, asked, audit_events, checker_of, count_keys, find_key, open_ledger
from watchword_otp import Algorithm, Key, Secret, code_at, step_at
from watchword_server.bootstrap import Activation, activate_key, bootstrap
from watchword_server.dotenv import Configured
from watchword_server.store.records import Status, Wanted
from watchword_server.tokens import Scope, Token, digest_of
from watchword_server.verifier import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from watchword_server.ledger import Ledger

OTHER = Key(secret=Secret(b"another secret"), algorithm=Algorithm.SHA256, digits=8, period=60)


@pytest.fixture
async def new(each_store: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger on a database of this moment."""
    assert each_store
    store = await open_store_of(tmp_path)
    yield await open_ledger(store, tmp_path, Clock())
    await store.close()


async def verdict(ledger: Ledger, code: str) -> Verdict:
    decision = (await checker_of(ledger).check(asked(code))).decision
    assert decision is not None
    return decision.verdict


class TestActivating:
    async def test_the_same_key_is_kept_with_its_past(self, ledger: Ledger) -> None:
        code = code_at(KEY, step_at(KEY, NOON))
        assert await verdict(ledger, code) is Verdict.ACCEPTED
        assert await activate_key(ledger, "default", KEY) is Activation.KEPT
        assert await verdict(ledger, code) is Verdict.REPLAYED

    async def test_another_starts_afresh_and_the_old_one_returns_with_its_past(
        self, ledger: Ledger
    ) -> None:
        code, other = code_at(KEY, step_at(KEY, NOON)), code_at(OTHER, step_at(OTHER, NOON))
        assert await verdict(ledger, code) is Verdict.ACCEPTED
        assert await activate_key(ledger, "default", OTHER) is Activation.REPLACED
        assert await verdict(ledger, other) is Verdict.ACCEPTED
        assert await activate_key(ledger, "default", KEY) is Activation.RETURNED
        assert await verdict(ledger, code) is Verdict.REPLAYED
        assert await activate_key(ledger, "default", OTHER) is Activation.RETURNED
        assert await verdict(ledger, other) is Verdict.REPLAYED
        assert (await find_key(ledger.store)).algorithm is Algorithm.SHA256
        assert await count_keys(ledger.store) == {Status.ACTIVE: 1, Status.RETIRED: 1}

    async def test_nothing_is_replaced_unasked(self, ledger: Ledger) -> None:
        assert await activate_key(ledger, "default", OTHER, replacing=False) is Activation.KEPT
        assert await activate_key(ledger, "new", OTHER, replacing=False) is Activation.CREATED

    async def test_each_has_its_row(self, ledger: Ledger) -> None:
        for key in (KEY, OTHER, KEY):
            await activate_key(ledger, "default", key)
        told = [(event.actor, event.event, event.detail) for event in await audit_events(ledger)]
        assert told == [
            ("server", "key.activate", detail) for detail in ("created", "replaced", "returned")
        ]


class TestFirstStart:
    async def test_makes_a_key_of_160_bits_and_a_token_shown_once(self, new: Ledger) -> None:
        done = await bootstrap(new, Configured(None, None))
        assert (done.activation, done.has_token) == (Activation.CREATED, True)
        assert done.first_token is not None
        assert done.first_token not in repr(done)
        key = await asyncio.to_thread(new.keyring.open_key, await find_key(new.store))
        assert key.secret.bits == 160
        (token,) = await new.store.tokens()
        assert token.digest == digest_of(done.first_token)
        assert token.scopes == {Scope.CHECK, Scope.CHECK_DETAIL, Scope.QR}
        again = await bootstrap(new, Configured(None, None))
        assert (again.activation, again.first_token) == (Activation.KEPT, None)
        events = [event.event for event in await audit_events(new)]
        assert events == ["key.activate", "token.create"]

    async def test_takes_the_configured_key_and_token_and_stores_no_token(self, new: Ledger) -> None:
        token = Token(name="env", digest=digest_of("x"), scopes=frozenset({Scope.CHECK}))
        done = await bootstrap(new, Configured(OTHER, token))
        assert (done.activation, done.first_token, done.has_token) == (Activation.CREATED, None, True)
        assert await new.store.tokens() == []
        assert await asyncio.to_thread(new.keyring.open_key, await find_key(new.store)) == OTHER

    async def test_of_many_at_once_one_makes_them(self, new: Ledger, tmp_path: Path) -> None:
        stores = [await open_store_of(tmp_path) for _ in range(4)]
        ledgers = [await open_ledger(store, tmp_path, Clock()) for store in stores]
        done = await asyncio.gather(*(bootstrap(each, Configured(None, None)) for each in ledgers))
        assert sum(each.first_token is not None for each in done) == 1
        assert sorted(each.activation for each in done) == [
            Activation.CREATED,
            *[Activation.KEPT] * 3,
        ]
        assert len((await new.store.look(Wanted(names=["default"]))).keys) == 1
        for store in stores:
            await store.close()

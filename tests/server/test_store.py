from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from servers import (
    NOON,
    audit_end,
    change,
    count_keys,
    find_key,
    revoke_token,
    store_token,
)
from watchword_otp import Algorithm, Kind
from watchword_server.store.protocol import Cause, KeyNameTakenError, StoreError, TokenNameTakenError
from watchword_server.store.records import (
    AddKey,
    AddTicket,
    Advance,
    Answer,
    AuditRow,
    Changes,
    Head,
    PutKey,
    PutRecovery,
    PutToken,
    RemoveKey,
    Snapshot,
    Status,
    StoredKey,
    Ticket,
    UseRecovery,
    UseTicket,
    Wanted,
)
from watchword_server.tokens import Scope, Token, digest_of
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_server.store.protocol import Store


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("watchword.db*")}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("watchword.db*")}


async def state_of(store: Store, name: str = "default") -> KeyState:
    return (await find_key(store, name)).state


async def move(store: Store, before: KeyState, after: KeyState, name: str = "default") -> None:
    """Settle a change that was decided on `before`, whatever the store holds now."""

    def decide(snapshot: Snapshot) -> tuple[Changes, None]:
        return Changes(advances=[advance(snapshot, name, before, after)]), None

    await store.transact(Wanted(names=[name]), decide)


def advance(snapshot: Snapshot, name: str, before: KeyState, after: KeyState) -> Advance:
    found = snapshot.find(name)
    assert found is not None
    return Advance(msgspec.structs.replace(found, state=before), after)


def sealed(name: str, *, number: int = 2, status: Status = Status.ACTIVE) -> StoredKey:
    """A key as a store sees it: what is in it is sealed, and none of its business."""
    return StoredKey(id=number, name=name, status=status, seal=1, secret=b"sealed", created_at=NOON)


USED = KeyState(last_step=60_000_000, consumed_at=NOON, failures=0, locked_until=0.0)
FAILED = KeyState(failures=5, locked_until=NOON + 30)


class TestSettle:
    async def test_what_was_decided_is_stored(self, store: Store) -> None:
        for before, after in [(KeyState(), FAILED), (FAILED, USED)]:
            await move(store, before, after)
            assert await state_of(store) == after

    @pytest.mark.parametrize(
        "claim",
        [
            KeyState(last_step=USED.last_step, consumed_at=NOON + 1),
            KeyState(last_step=USED.last_step - 1, consumed_at=NOON + 1),
            KeyState(last_step=-1, consumed_at=NOON + 1),
        ],
        ids=["the same step", "an older step", "none"],
    )
    async def test_a_consumed_step_cannot_be_consumed_again_whoever_decides_so(
        self, store: Store, claim: KeyState
    ) -> None:
        await move(store, KeyState(), USED)
        with pytest.raises(StoreError):
            await move(store, USED, claim)
        assert await state_of(store) == USED

    @pytest.mark.parametrize("after", [USED, KeyState(failures=1)], ids=["accept", "failure"])
    async def test_a_decision_on_a_state_that_is_gone_is_void(
        self, store: Store, after: KeyState
    ) -> None:
        await move(store, KeyState(), FAILED)
        with pytest.raises(StoreError):
            await move(store, KeyState(), after)
        assert await state_of(store) == FAILED

    async def test_one_void_decision_voids_its_batch(self, store: Store) -> None:
        await change(store, AddKey(sealed("other")))

        def decide(snapshot: Snapshot) -> tuple[Changes, None]:
            advances = [
                advance(snapshot, "default", KeyState(), USED),
                advance(snapshot, "other", KeyState(failures=3), USED),
            ]
            return Changes(advances=advances), None

        with pytest.raises(StoreError) as raised:
            await store.transact(Wanted(names=["default", "other"]), decide)
        assert raised.value.cause is Cause.CHANGED
        assert await state_of(store) == await state_of(store, "other") == KeyState()

    async def test_a_retired_key_does_not_move(self, store: Store) -> None:
        key = await find_key(store)
        await change(store, PutKey(key, msgspec.structs.replace(key, status=Status.RETIRED)))
        with pytest.raises(StoreError):
            await store.transact(Wanted(), lambda _: (Changes(advances=[Advance(key, USED)]), None))

    async def test_a_decision_that_raises_changes_nothing(self, store: Store) -> None:
        def decide(_snapshot: Snapshot) -> tuple[Changes, None]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await store.transact(Wanted(names=["default"]), decide)
        await move(store, KeyState(), USED)

    async def test_only_the_keys_asked_for_are_shown(self, store: Store) -> None:
        other = sealed("other")
        await change(store, AddKey(other), AddKey(sealed("third", number=3)))
        seen = await store.look(Wanted(names=["other", "nobody"]))
        assert seen.keys == [other]
        assert (await store.look(Wanted(ids=[other.id, 99]))).keys == [other]

    async def test_a_log_that_does_not_go_on_where_it_ended_voids_all(self, store: Store) -> None:
        head = await audit_end(store)
        rows = [AuditRow(head.seq + 2, "{}", "00")]
        changes = Changes(rows=rows, head=Head(head.seq + 2, "00", NOON))
        with pytest.raises(StoreError):
            await store.transact(Wanted(), lambda _: (changes, None))
        assert await audit_end(store) == head
        assert len(await store.audit_rows(0, 0, 99)) == head.seq


class TestKeys:
    async def test_kept_with_all_they_have(self, store: Store) -> None:
        whole = StoredKey(
            id=2,
            name="other",
            status=Status.PENDING,
            seal=7,
            secret=bytes(range(256)),
            kind=Kind.HOTP,
            algorithm=Algorithm.SHA512,
            digits=8,
            period=61,
            issuer="Straße",
            account="ALICE \N{SNOWMAN}",
            window=10,
            version=5,
            created_at=NOON + 0.25,
            confirmed_at=NOON + 1,
            expires_at=NOON + 600.5,
            state=KeyState(
                last_step=2**62,
                consumed_at=NOON + 0.125,
                failures=99,
                locked_until=NOON + 30,
                offset=-10,
                drift=-100,
            ),
        )
        await change(store, AddKey(whole))
        assert (await store.look(Wanted(ids=[2]))).keys == [whole]

    @pytest.mark.parametrize("status", [Status.ACTIVE, Status.PENDING])
    async def test_a_name_has_one_of_each_status(self, store: Store, status: Status) -> None:
        await change(store, AddKey(sealed("other", status=status)))
        with pytest.raises(KeyNameTakenError):
            await change(store, AddKey(sealed("other", number=3, status=status)))
        retired = msgspec.structs.replace(sealed("other", number=3), status=Status.RETIRED)
        await change(store, AddKey(retired), AddKey(msgspec.structs.replace(retired, id=4)))

    async def test_a_number_is_never_given_again(self, store: Store) -> None:
        await change(store, AddKey(sealed("other")), RemoveKey(2))
        assert (await store.look(Wanted(meta=["x"]))).next_key_id == 3

    @pytest.mark.parametrize("field", ["status", "version", "seal", "secret"])
    async def test_a_key_changed_meanwhile_is_not_changed_again(self, store: Store, field: str) -> None:
        key = await find_key(store)
        other = {"status": Status.RETIRED, "version": 9, "seal": 9, "secret": b"x"}[field]
        changed = msgspec.structs.replace(key, **{field: other})
        await change(store, PutKey(key, changed))
        with pytest.raises(StoreError):
            await change(store, PutKey(key, msgspec.structs.replace(key, issuer="late")))
        assert (await store.look(Wanted(ids=[key.id]))).keys == [changed]

    async def test_listed_by_name_in_pages(self, store: Store) -> None:
        numbers = {"a": 2, "b": 3, "c": 4}
        await change(store, *(AddKey(sealed(name, number=number)) for name, number in numbers.items()))
        await change(
            store,
            AddKey(sealed("b", number=5, status=Status.PENDING)),
            AddKey(sealed("d", number=6, status=Status.RETIRED)),
        )
        first = await store.list_keys("", 2)
        second = await store.list_keys("b", 9)
        assert [(key.name, key.id) for key in first] == [("a", 2), ("b", 3), ("b", 5)]
        assert [key.name for key in second] == ["c", "default"]
        assert await count_keys(store) == {Status.ACTIVE: 4, Status.PENDING: 1, Status.RETIRED: 1}

    async def test_pending_ones_whose_time_is_over_are_found(self, store: Store) -> None:
        for number, ends in enumerate((NOON, NOON + 1), start=2):
            key = sealed(f"key{number}", number=number, status=Status.PENDING)
            await change(store, AddKey(msgspec.structs.replace(key, expires_at=ends)))
        assert [key.name for key in await store.expired_keys(NOON, 9)] == ["key2"]
        assert [key.name for key in await store.expired_keys(NOON - 1, 9)] == []

    async def test_what_goes_takes_its_recovery_codes_and_tickets_along(self, store: Store) -> None:
        ticket = Ticket(b"ticket", 1, NOON + 600)
        await change(store, PutRecovery(1, [b"one", b"two"]), AddTicket(ticket))
        seen = await store.look(Wanted(ids=[1], recovery=True, ticket=b"ticket"))
        assert {code.digest for code in seen.recovery} == {b"one", b"two"}
        assert seen.ticket == ticket
        await change(store, RemoveKey(1))
        seen = await store.look(Wanted(ids=[1], recovery=True, ticket=b"ticket"))
        assert (seen.keys, seen.recovery, seen.ticket) == ([], [], None)


class TestSingleUse:
    async def test_a_recovery_code_is_used_once_whoever_decides_so(self, store: Store) -> None:
        await change(store, PutRecovery(1, [b"one", b"two"]))
        await change(store, UseRecovery(1, b"one", NOON))
        for key_id, digest in ((1, b"one"), (1, b"three"), (2, b"two")):
            with pytest.raises(StoreError):
                await change(store, UseRecovery(key_id, digest, NOON))
        seen = await store.look(Wanted(ids=[1], recovery=True))
        assert {code.digest: code.used_at for code in seen.recovery} == {b"one": NOON, b"two": None}

    async def test_a_ticket_is_used_once_and_a_new_one_ends_the_old(self, store: Store) -> None:
        await change(store, AddTicket(Ticket(b"old", 1, NOON + 600)))
        await change(store, AddTicket(Ticket(b"new", 1, NOON + 600)), UseTicket(b"new", NOON))
        for digest in (b"old", b"new"):
            with pytest.raises(StoreError):
                await change(store, UseTicket(digest, NOON))

    async def test_answers_and_tickets_go_when_their_time_is_over(self, store: Store) -> None:
        answers = [Answer(bytes([n]), b"asked", b"{}", NOON + n) for n in range(2)]
        await change(store, AddTicket(Ticket(b"ticket", 1, NOON)))
        await store.transact(Wanted(), lambda _: (Changes(answers=answers), None))
        await store.prune(NOON)
        seen = await store.look(Wanted(answers=[b"\0", b"\1"], ticket=b"ticket"))
        assert (list(seen.answers), seen.ticket) == ([b"\1"], None)


class TestTokens:
    async def test_kept_with_all_they_have(self, store: Store) -> None:
        token = Token(
            name="door", digest=digest_of("x"), scopes=frozenset({Scope.CHECK}), created_at=NOON
        )
        await store_token(store, token)
        assert list(await store.tokens()) == [token]

    async def test_a_name_is_taken_until_it_is_revoked(self, store: Store) -> None:
        for text in ("x", "y"):
            await store_token(
                store, Token(name="door", digest=digest_of(text), scopes=frozenset({Scope.QR}))
            )
            with pytest.raises(TokenNameTakenError):
                await store_token(
                    store, Token(name="door", digest=digest_of("z"), scopes=frozenset({Scope.QR}))
                )
            await revoke_token(store, "door", NOON)
        assert [token.revoked_at for token in await store.tokens()] == [NOON, NOON]

    async def test_kept_with_their_limits(self, store: Store) -> None:
        token = Token(
            name="guest",
            digest=digest_of("x"),
            scopes=frozenset(Scope),
            keys=frozenset({"default", "alice"}),
            rate_limit=60,
            created_at=NOON,
            expires_at=NOON + 3600,
        )
        await store_token(store, token)
        await change(store, PutToken(replace(token, replaced_at=NOON + 1)))
        # Its name is free, and it counts on until it expires.
        await store_token(store, replace(token, digest=b"y"))
        assert list(await store.tokens()) == [
            replace(token, replaced_at=NOON + 1),
            replace(token, digest=b"y"),
        ]

    async def test_what_is_revoked_stays_so(self, store: Store) -> None:
        token = Token(name="door", digest=b"x", scopes=frozenset({Scope.QR}))
        await store_token(store, token)
        await revoke_token(store, "door", NOON)
        with pytest.raises(StoreError):
            await change(store, PutToken(token))

    @pytest.mark.sqlite
    async def test_the_token_itself_is_nowhere_in_the_files(self, store: Store, tmp_path: Path) -> None:
        await store_token(
            store, Token(name="door", digest=digest_of("ww_open"), scopes=frozenset({Scope.QR}))
        )
        files = contents(tmp_path)
        assert files.keys() >= {"watchword.db", "watchword.db-wal"}
        assert not any(b"ww_open" in content for content in files.values())

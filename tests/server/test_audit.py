"""The log of every decision and every change: written with what it tells of, and hard to forge."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from each_store import open_store_of, run_sql
from server_processes import server_process
from servers import (
    KEY,
    NOON,
    Clock,
    asked,
    audit_events,
    checker_of,
    find_key,
    open_ledger,
    running_server,
)
from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.audit import Caller, Chain, Event, checkpoint, link
from watchword_server.bootstrap import activate_key
from watchword_server.enrolment import by_name, confirm_key, create_key, make_link, rotate_key
from watchword_server.keyadmin import delete_key, examine_code, resync_key, unlock_key
from watchword_server.ledger import Act, Ledger
from watchword_server.newkeys import NewKey
from watchword_server.recovery import redeem, replace_recovery_codes
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import Advance, AuditRow, Changes, Head, Snapshot, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.verifier import KeyState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import httpx

    from servers import RunningServer

CHAIN_KEY = bytes(range(32))
CALLER = Caller("token:door", "192.0.2.7", "request-1")
EVENTS = [Event(at=NOON + number, event="check", key="alice", verdict="wrong") for number in range(6)]


def code(offset: int = 0, key: Key = KEY) -> str:
    return code_at(key, step_at(key, NOON) + offset)


class TestWhatIsWritten:
    async def test_a_check_with_who_what_whence_and_how(
        self, server: RunningServer, client: httpx.AsyncClient
    ) -> None:
        sent = [server.code(1), server.code(), server.wrong_code()]
        for number, each in enumerate(sent):
            await client.post(
                "/v1/keys/default/check", json={"code": each}, headers={"X-Request-Id": f"door-{number}"}
            )
        rows = [event for event in await audit_events(server.ledger) if event.event == "check"]
        key = (await find_key(server.store)).id
        assert rows == [
            Event(
                at=NOON,
                event="check",
                actor="token:all",
                key="default",
                key_id=key,
                verdict=verdict,
                offset=offset,
                address="127.0.0.1",
                request_id=f"door-{number}",
            )
            for number, (verdict, offset) in enumerate(
                [("accepted", 1), ("replayed", 0), ("wrong", None)]
            )
        ]

    async def test_every_verdict_and_every_change(self, ledger: Ledger) -> None:
        checker = checker_of(ledger)
        for sent in (code(), code(), "000000", "junk"):
            await checker.check(asked(sent))
        await unlock_key(ledger, "default", CALLER)
        await resync_key(ledger, "default", code(40), code(41), CALLER)
        await examine_code(ledger, "default", "000000", CALLER, window=1)
        codes = (await replace_recovery_codes(ledger, "default", CALLER)).codes
        await redeem(ledger, "default", codes[0], CALLER)
        await create_key(ledger, NewKey(name="alice", key=KEY), CALLER)
        await make_link(ledger, "alice", CALLER)
        await confirm_key(ledger, by_name("alice"), code(), CALLER, window=1)
        await rotate_key(ledger, "alice", CALLER)
        await delete_key(ledger, "alice", CALLER)
        for _ in range(5):
            await checker.check(asked("000000"))
        await checker.check(asked(code()))
        told = [(event.event, event.verdict) for event in await audit_events(ledger)]
        assert told == [
            ("key.activate", ""),
            ("check", "accepted"),
            ("check", "replayed"),
            ("check", "wrong"),
            ("check", "malformed"),
            ("lock.reset", ""),
            ("resync", "accepted"),
            ("examine", "wrong"),
            ("recovery.create", ""),
            ("redeem", "accepted"),
            ("key.create", ""),
            ("link.create", ""),
            ("confirm", "accepted"),
            ("key.rotate", ""),
            ("key.delete", ""),
            *[("check", "wrong")] * 5,
            ("check", "locked"),
        ]

    async def test_no_code_token_or_secret(self, tmp_path: Path) -> None:
        # Ten digits: no chained MAC has them by chance.
        async with running_server(tmp_path, key=Key(secret=KEY.secret, digits=10)) as server:
            wanted = await self.use(server)

            def found() -> list[tuple[str, int]]:
                return [
                    (file.name, number)
                    for file in tmp_path.glob("watchword.db*")
                    for number, text in enumerate(wanted)
                    if text.encode() in file.read_bytes()
                ]

            assert await asyncio.to_thread(found) == []

    async def use(self, server: RunningServer) -> list[str]:
        """Use a server in many ways, and give all that it must not write down."""
        codes = [server.code(), server.code(1), server.code(9)]
        async with server.client() as client:
            for sent in codes:
                await client.post("/v1/keys/default/check", json={"code": sent})
                await client.get(f"/check/{sent}")
        recovery = (await replace_recovery_codes(server.ledger, "default", CALLER)).codes
        await redeem(server.ledger, "default", recovery[0], CALLER)
        made = await rotate_key(server.ledger, "default", CALLER)
        ticket = (await make_link(server.ledger, "default", CALLER)).ticket
        wanted = [*codes, *recovery, server.token, ticket, made.key.secret.base32(), KEY.secret.base32()]
        return wanted + [each.replace("-", "") for each in recovery]


class TestOneTransaction:
    async def test_what_cannot_be_logged_does_not_happen(
        self, ledger: Ledger, tmp_path: Path, each_store: str
    ) -> None:
        database = tmp_path / "watchword.db"
        refuse, allow = {
            "sqlite": (
                "CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END",
                "DROP TRIGGER refuse",
            ),
            "postgresql": (
                "ALTER TABLE audit ADD CONSTRAINT refuse CHECK (false) NOT VALID",
                "ALTER TABLE audit DROP CONSTRAINT refuse",
            ),
        }[each_store]
        await run_sql(database, refuse)
        with pytest.raises(StoreError):
            await checker_of(ledger).check(asked(code()))
        assert (await find_key(ledger.store)).state == KeyState()
        await run_sql(database, allow)
        outcome = await checker_of(ledger).check(asked(code()))
        assert outcome.decision is not None
        assert outcome.decision.verdict == "accepted"

    async def test_what_does_not_happen_is_not_logged(self, ledger: Ledger) -> None:
        before = await audit_events(ledger)

        def decide(snapshot: Snapshot, _: float) -> tuple[Act, None]:
            seen = msgspec.structs.replace(snapshot.keys[0], state=KeyState(failures=9))
            stale = Advance(seen, KeyState())
            return Act(Changes(advances=[stale]), EVENTS), None

        with pytest.raises(StoreError):
            await ledger.transact(Wanted(names=["default"]), decide)
        assert await audit_events(ledger) == before

    async def test_a_kill_in_between_leaves_a_row_for_each_change_and_no_other(
        self, tmp_path: Path
    ) -> None:
        """Wrong codes for many keys, and a kill -9 among the answers: failures and rows agree."""
        data = tmp_path / "data"
        await asyncio.to_thread(data.mkdir, 0o700)
        store = await SqliteStore.open(data / "watchword.db")
        ledger = await open_ledger(store, data, Clock(0.0))
        names = [f"key{number}" for number in range(60)]
        for number, name in enumerate(names):
            await activate_key(ledger, name, Key(secret=Secret(bytes([number + 1]) * 20)))
        await store.close()
        environment = {"WATCHWORD_SERVER_DATA_DIR": str(data)}
        with server_process(tmp_path, environment=environment) as server:
            assert server.token is not None
            answered = await ask_until_killed(server.url, server.token, names, server.stop)
        store = await SqliteStore.open(data / "watchword.db")
        events = await audit_events(await open_ledger(store, data, Clock()))
        failed = {key.name for key in await store.list_keys("", 100) if key.state.failures}
        await store.close()
        logged = [event.key for event in events if event.verdict == "wrong"]
        assert sorted(logged) == sorted(failed)
        assert failed >= answered > set()


async def ask_until_killed(
    url: str, token: str, names: Sequence[str], stop: Callable[[signal.Signals], int]
) -> set[str]:
    """Check a wrong code against every key at once, and kill after the first few answers."""
    answered: set[str] = set()
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask(name: str) -> None:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.post(f"{url}/v1/keys/{name}/check", json={"code": "0" * 6}) as answer:
                    assert answer.status == 200
                answered.add(name)

        asking = [asyncio.create_task(ask(name)) for name in names]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(stop, signal.SIGKILL)
        await asyncio.gather(*asking)
    return answered


def chained(events: Sequence[Event], start: Head | None = None) -> tuple[list[AuditRow], Head]:
    rows, head = link(CHAIN_KEY, start or Head(), events, NOON)
    return list(rows), head


def fault_of(rows: Sequence[AuditRow], head: Head, start: Head | None = None) -> str | None:
    chain = Chain(CHAIN_KEY, start or Head())
    chain.add(rows)
    chain.finish(head)
    return chain.fault


class TestChain:
    def test_a_whole_one_holds_however_it_is_read(self) -> None:
        rows, head = chained(EVENTS)
        assert fault_of(rows, head) is None
        chain = Chain(CHAIN_KEY, Head())
        assert all(chain.add([row]) for row in rows)
        assert chain.finish(head)

    def test_a_pruned_one_holds_from_where_it_begins(self) -> None:
        first, middle = chained(EVENTS[:3])
        rest, head = chained(EVENTS[3:], middle)
        assert fault_of(rest, head, middle) is None
        assert fault_of(rest, head) is not None
        assert fault_of([*first, *rest], head) is None

    @given(st.data())
    def test_a_changed_row_is_found(self, data: st.DataObject) -> None:
        rows, head = chained(EVENTS)
        number = data.draw(st.integers(0, len(rows) - 1))
        row = rows[number]
        rows[number] = data.draw(
            st.sampled_from(
                [
                    AuditRow(row.seq, row.event.replace("wrong", "accepted"), row.mac),
                    AuditRow(row.seq, row.event + " ", row.mac),
                    AuditRow(row.seq, row.event, "0" * 64),
                    AuditRow(row.seq, row.event, ""),
                ]
            )
        )
        assert "changed" in (fault_of(rows, head) or "")

    @pytest.mark.parametrize("number", range(len(EVENTS) - 1))
    def test_a_removed_row_is_found_also_with_the_rest_renumbered(self, number: int) -> None:
        rows, head = chained(EVENTS)
        del rows[number]
        assert "removed" in (fault_of(rows, head) or "")
        renumbered = [AuditRow(count, row.event, row.mac) for count, row in enumerate(rows, start=1)]
        assert fault_of(renumbered, head) is not None

    def test_reordered_repeated_and_inserted_rows_are_found(self) -> None:
        rows, head = chained(EVENTS)
        forged = AuditRow(3, rows[2].event, "0" * 64)
        for tampered in (
            [rows[1], rows[0], *rows[2:]],
            [*rows[:2], rows[1], *rows[2:]],
            [*rows[:2], forged, *rows[2:]],
            [
                AuditRow(1, rows[1].event, rows[1].mac),
                AuditRow(2, rows[0].event, rows[0].mac),
                *rows[2:],
            ],
        ):
            assert fault_of(tampered, head) is not None

    def test_a_cut_end_is_found_by_the_head(self) -> None:
        rows, head = chained(EVENTS)
        assert "cut" in (fault_of(rows[:-2], head) or "")
        assert "cut" in (fault_of([], head) or "")

    def test_a_cut_end_with_a_forged_head_is_found_by_a_checkpoint(self) -> None:
        rows, head = chained(EVENTS)
        noted = checkpoint(head)
        forged = Head(rows[3].seq, rows[3].mac, NOON)
        # Inside the database all fits together.
        assert fault_of(rows[:4], forged) is None
        seq, _, mac = noted.partition(":")
        assert fault_of(rows[:4], Head(int(seq), mac, NOON)) is not None

    def test_without_the_key_nobody_goes_on(self) -> None:
        rows, head = chained(EVENTS)
        more, forged = link(bytes(32), head, EVENTS, NOON)
        assert fault_of([*rows, *more], forged) is not None

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit SET event = replace(event, 'wrong', 'accepted') WHERE seq = 4",
            "DELETE FROM audit WHERE seq = 4",
            "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
            "UPDATE audit_head SET seq = seq - 1",
            "UPDATE audit_head SET mac = replace(mac, 'a', 'b')",
        ],
    )
    async def test_tampering_with_the_database_is_found(
        self, ledger: Ledger, tmp_path: Path, statement: str
    ) -> None:
        for _ in range(6):
            await checker_of(ledger).check(asked("000000"))
        await audit_events(ledger)
        await run_sql(tmp_path / "watchword.db", statement)
        with pytest.raises(AssertionError, match="row"):
            await audit_events(ledger)


async def test_two_servers_write_one_log(ledger: Ledger, tmp_path: Path) -> None:
    second = await open_store_of(tmp_path)
    other = await open_ledger(second, tmp_path, Clock())
    checkers = [checker_of(ledger), checker_of(other)]
    await asyncio.gather(*(checkers[number % 2].check(asked("junk")) for number in range(100)))
    assert len(await audit_events(other)) == 101
    await second.close()

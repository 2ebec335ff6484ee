"""An audit log of several chains in use: pruned, followed, exported, read over HTTP."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from chains import CHAINS, Log, fill, verified, write
from key_routes import refused
from servers import NOON, audit_events
from watchword_server import audit_reading
from watchword_server.audit_check import anchor_name
from watchword_server.audit_reading import all_rows, event_of, last_rows, new_rows
from watchword_server.checkpoints import checkpoints_of, read_checkpoints
from watchword_server.errors import UserError
from watchword_server.ledger import Ledger
from watchword_server.retention import prune_audit
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import AuditRow, Changes, Head, SetMeta, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from servers import RunningServer

# The chains are in memory, beside a SQLite store.
pytestmark = [pytest.mark.usefixtures("log"), pytest.mark.sqlite]


class TestPruning:
    async def test_goes_over_all_chains_and_each_still_verifies(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        log.writing = 1
        # Of each chain the rows from before the 22nd second.
        assert await prune_audit(ledger, NOON + 22) == 4 + 3 + 2 + 2
        assert [log.rows[chain][0].seq for chain in range(CHAINS)] == [5, 4, 3, 3]
        assert (await verified(ledger)).fault is None
        told = [event.detail for event in map(event_of, log.rows[1]) if event.event == "audit.prune"]
        assert told == [f"rows 1 to {end} of chain {n}" for n, end in enumerate([4, 3, 2, 2])]

    async def test_the_marks_of_where_cannot_change_places(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        await prune_audit(ledger, NOON + 22)
        names = [anchor_name(chain) for chain in range(CHAINS)]
        assert names == ["audit_anchor", "audit_anchor.1", "audit_anchor.2", "audit_anchor.3"]
        kept = (await ledger.store.look(Wanted(meta=names))).meta
        assert len(kept) == CHAINS

        async def put(*marks: tuple[str, bytes]) -> None:
            changes = Changes(others=[SetMeta(*mark) for mark in marks])
            await ledger.store.transact(Wanted(), lambda _: (changes, None))

        await put((names[2], kept[names[3]]), (names[3], kept[names[2]]))
        assert list((await verified(ledger)).faults) == [
            f"chain {chain}: the note of where the audit log was pruned was changed" for chain in (2, 3)
        ]
        with pytest.raises(StoreError, match="chain 2: the note of where") as raised:
            await prune_audit(ledger, NOON + 22)
        assert raised.value.cause is Cause.DAMAGED
        await put(*kept.items())
        assert (await verified(ledger)).fault is None

    async def test_all_of_a_chain_leaves_its_end(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        noted = await checkpoints_of(ledger)
        await prune_audit(ledger, NOON + 99)
        assert [len(log.rows[chain]) for chain in range(CHAINS - 1)] == [0, 0, 0]
        report = await verified(ledger, *noted)
        # Row 6 of the last one went with the rows that tell of the other prunings.
        assert (report.fault, report.compared) == (None, CHAINS - 1)
        await write(ledger, log, 1, 100)
        assert (await verified(ledger)).fault is None


class TestClock:
    async def test_another_ones_that_is_ahead_stops_nobody_but_itself(
        self, server: RunningServer, log: Log
    ) -> None:
        ahead = Ledger(server.store, server.ledger.keyring, clock=lambda: NOON + 3600)
        await write(ahead, log, 1, 3600)
        log.writing = 0
        async with server.client() as client:
            assert (await client.get("/readyz")).status_code == 200
            body = {"code": server.code()}
            answer = await client.post("/v1/keys/default/check", json=body)
            assert answer.json()["valid"] is True
        log.writing = 1
        with pytest.raises(StoreError) as raised:
            await server.ledger.probe()
        assert raised.value.cause is Cause.CLOCK_BACK
        await ahead.probe()


class TestReading:
    async def test_the_last_rows_of_all_by_time(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        rows, seen = await last_rows(ledger.store, 6, {})
        assert [event_of(row).at - NOON for row in rows] == [41, 42, 43, 51, 52, 53]
        assert [(row.chain, row.seq) for row in rows] == [(1, 5), (2, 5), (3, 5), (1, 6), (2, 6), (3, 6)]
        assert seen == {0: 6, 1: 6, 2: 6, 3: 6}
        rows, _ = await last_rows(ledger.store, 2, {"detail": "20"})
        assert [(row.chain, row.seq) for row in rows] == [(0, 4)]
        assert (await last_rows(ledger.store, 0, {}))[0] == []
        assert len((await last_rows(ledger.store, 1000, {}))[0]) == 6 * CHAINS

    async def test_nothing_is_looked_for_before_the_first_row_that_is_left(
        self, ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for chain in range(CHAINS):
            log.put(chain, [], Head(10**12, "", NOON))
        await fill(ledger, log)
        rows, looks = ledger.store.audit_rows, count(1)

        async def counted(chain: int, after: int, limit: int) -> Sequence[AuditRow]:
            assert next(looks) < 50
            return await rows(chain, after, limit)

        monkeypatch.setattr(ledger.store, "audit_rows", counted)
        assert len((await last_rows(ledger.store, 20, {}))[0]) == 20
        assert len((await last_rows(ledger.store, 100, {}))[0]) == 6 * CHAINS - 1

    async def test_new_rows_also_of_new_chains(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        _, seen = await last_rows(ledger.store, 0, {})
        assert await new_rows(ledger.store, seen) == ([], seen)
        log.begin(CHAINS)
        await write(ledger, log, CHAINS, 60, 62)
        await write(ledger, log, 1, 61)
        rows, seen = await new_rows(ledger.store, seen)
        assert [(row.chain, row.seq) for row in rows] == [(CHAINS, 1), (1, 7), (CHAINS, 2)]
        assert seen == {0: 6, 1: 7, 2: 6, 3: 6, 4: 2}
        assert await new_rows(ledger.store, seen) == ([], seen)

    @pytest.mark.parametrize("page", [1, 2, 7, 1000])
    async def test_all_rows_by_time_and_each_chain_in_its_order(
        self, ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch, page: int
    ) -> None:
        monkeypatch.setattr(audit_reading, "PAGE", page)
        await fill(ledger, log)
        # A clock that crept back within the tolerance, and a row that nobody can read.
        await write(ledger, log, 1, 59, 55, 56)
        log.rows[2][2] = AuditRow(3, "nonsense", "", 2)
        pages = [rows async for rows in all_rows(ledger.store)]
        assert max(map(len, pages)) <= page
        rows = [row for rows in pages for row in rows]
        for chain in range(CHAINS):
            assert [row for row in rows if row.chain == chain] == log.rows[chain]
        times = [event_of(row).at - NOON for row in rows if row.event != "nonsense"]
        assert times[:-3] == sorted(times[:-3])
        assert times[-3:] == [59, 55, 56]

    async def test_rows_after_one_are_those_of_a_chain(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)

        async def read(**asked: int) -> list[AuditRow]:
            return [row async for page in all_rows(ledger.store, **asked) for row in page]

        assert await read(chain=2, after=4) == log.rows[2][4:]
        assert await read(chain=2) == log.rows[2]
        with pytest.raises(UserError, match=r"row 4 of which of the 4 chains\? .*--chain"):
            await read(after=4)
        with pytest.raises(UserError, match="there is no chain 4; the chains are 0 to 3"):
            await read(chain=4)


class TestOverHttp:
    async def page(self, client: httpx.AsyncClient, **query: int) -> dict[str, Any]:
        answer = await client.get("/v1/audit", params=query)
        assert answer.status_code == 200, answer.json()
        read: dict[str, Any] = answer.json()
        return read

    async def test_every_chain_can_be_read(self, log: Log, server: RunningServer) -> None:
        await fill(server.ledger, log)
        async with server.client() as client:
            first = await self.page(client)
            assert (first["chain"], first["chains"], first["head"]) == (0, [0, 1, 2, 3], 6)
            assert first == await self.page(client, chain=0)
            for chain in first["chains"]:
                read = await self.page(client, chain=chain, after=4)
                told = [(row["seq"], row["mac"]) for row in read["rows"]]
                assert told == [(row.seq, row.mac) for row in log.rows[chain][4:]]
                assert (read["chain"], read["head"], read["next"]) == (chain, 6, 6)
            none = await self.page(client, chain=9, after=3)
            assert (none["rows"], none["head"], none["next"]) == ([], 0, 3)
            for query in ("chain=-1", "chain=x", "chain=2147483648"):
                answer = await client.get(f"/v1/audit?{query}")
                assert refused(answer) == (400, "malformed-query")

    async def test_all_are_verified_and_told(self, log: Log, server: RunningServer) -> None:
        await fill(server.ledger, log)
        async with server.client() as client:
            verdict = (await client.get("/v1/audit/verify")).json()
            assert verdict == {
                "intact": True,
                "rows": 6 * CHAINS,
                "head": " ".join(await checkpoints_of(server.ledger)),
                "chains": CHAINS,
                "fault": None,
            }
            assert len(read_checkpoints([verdict["head"]])) == CHAINS
            del log.rows[2][3]
            verdict = (await client.get("/v1/audit/verify")).json()
            assert (verdict["intact"], verdict["fault"][:14]) == (False, "chain 2: after")
            assert verdict["rows"] == 6 * CHAINS - 3


async def test_events_are_read_from_every_chain(ledger: Ledger, log: Log) -> None:
    await fill(ledger, log)
    assert len(await audit_events(ledger)) == 6 * CHAINS

"""An audit log of several chains: what was done to one of them is found, and in which."""

from __future__ import annotations

import hmac
import logging
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest

from chains import CHAINS, fill, verified, write
from servers import NOON
from watchword_server import audit_check, janitor
from watchword_server.audit import Chain, Event, checkpoint, link
from watchword_server.checkpoints import checkpoints_of, read_checkpoints
from watchword_server.errors import UserError
from watchword_server.retention import prune_audit
from watchword_server.store.records import AuditRow, Head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chains import Log
    from watchword_server.ledger import Ledger

CHAIN_KEY = bytes(range(32))
EVENTS = [Event(at=NOON + number, event="check", key="alice") for number in range(4)]

# The chains are in memory, beside a SQLite store.
pytestmark = [pytest.mark.usefixtures("log"), pytest.mark.sqlite]


class TestOneChain:
    def test_the_first_has_the_hashes_it_always_had(self) -> None:
        """Of a log written by the version before, when there was one chain."""
        rows, head = link(CHAIN_KEY, Head(), EVENTS[:2], NOON)
        assert [row.mac[:32] for row in rows] == [
            "6718bb258cafbc889eccb919887156a5",
            "510cadabe550c1ffcd5116443b27b3cf",
        ]
        assert checkpoint(head) == f"2:{rows[1].mac}"

    def test_every_other_has_hashes_as_the_document_says(self) -> None:
        rows, _ = link(CHAIN_KEY, Head(chain=11), EVENTS, NOON)
        for before, row in pairwise([AuditRow(0, "", ""), *rows]):
            text = f"chain 11 {before.mac} {row.seq} {row.event}"
            assert row.mac == hmac.new(CHAIN_KEY, text.encode(), "sha256").hexdigest()

    def test_every_other_binds_its_number(self) -> None:
        macs = {link(CHAIN_KEY, Head(chain=chain), EVENTS, NOON)[1].mac for chain in range(20)}
        assert len(macs) == 20

    @pytest.mark.parametrize("other", [0, 1, 2, 12])
    def test_its_rows_do_not_pass_for_those_of_another(self, other: int) -> None:
        rows, head = link(CHAIN_KEY, Head(chain=11), EVENTS, NOON)
        assert {row.chain for row in rows} == {head.chain} == {11}
        chain = Chain(CHAIN_KEY, Head(chain=11))
        assert chain.add(rows)
        assert chain.finish(head)
        chain = Chain(CHAIN_KEY, Head(chain=other))
        assert not chain.add(rows)
        assert "row 1 does not follow" in (chain.fault or "")


class TestCheckpoints:
    MAC = "0f" * 32

    def test_are_read_with_and_without_their_chain(self) -> None:
        lines = [f"a {checkpoint(Head(7, self.MAC))} b {checkpoint(Head(9, self.MAC, chain=3))}"]
        assert read_checkpoints([*lines, f"0.8:{self.MAC}\n"]) == dict.fromkeys(
            [(0, 7), (3, 9), (0, 8)], self.MAC
        )

    @pytest.mark.parametrize("text", ["1.2.3:", "1234567890.4:", "3.1234567890123456789:", "3.:", "-:"])
    def test_are_not_made_of_parts_of_something_else(self, text: str) -> None:
        with pytest.raises(UserError, match="no checkpoint"):
            read_checkpoints([text + self.MAC])

    def test_two_of_one_row_that_differ_are_refused(self) -> None:
        other = "1e" * 32
        assert len(read_checkpoints([f"3.7:{self.MAC} 4.7:{other} 7:{other}"])) == 3
        with pytest.raises(UserError, match="row 7 of chain 3"):
            read_checkpoints([f"3.7:{self.MAC}", f"3.7:{other}"])

    async def test_there_is_one_for_each_chain(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        words = await checkpoints_of(ledger)
        assert [word.partition(":")[0] for word in words] == ["6", "1.6", "2.6", "3.6"]
        await write(ledger, log, 2, 99)
        report = await verified(ledger, *words)
        assert (report.fault, report.compared, report.rows) == (None, 4, 25)

    async def test_the_server_logs_a_line_for_each(
        self, ledger: Ledger, log: Log, caplog: pytest.LogCaptureFixture
    ) -> None:
        await fill(ledger, log)
        with caplog.at_level(logging.INFO):
            await janitor.tidy_audit(ledger, lambda: NOON, None)
        assert caplog.messages == [f"audit checkpoint {word}" for word in await checkpoints_of(ledger)]
        assert len(read_checkpoints(caplog.messages)) == CHAINS


def change(log: Log) -> None:
    row = log.rows[2][3]
    log.rows[2][3] = AuditRow(row.seq, row.event.replace("test", "tst"), row.mac, 2)


def move_a_row(log: Log) -> None:
    """To the end of another chain, whose stored end goes along."""
    row = log.rows[1].pop()
    moved = AuditRow(7, row.event, row.mac)
    log.put(2, [*log.rows[2], moved], Head(7, moved.mac, NOON))
    log.put(1, log.rows[1], Head(5, log.rows[1][-1].mac, NOON))


def move_a_beginning(log: Log) -> None:
    """A whole chain, with its numbers, into an empty one."""
    rows, end = log.rows[2], log.ends[2]
    log.begin(4)
    log.put(4, rows, end)


def swap(log: Log) -> None:
    first, second = log.remove(1), log.remove(2)
    log.put(1, *second)
    log.put(2, *first)


def renumber(log: Log) -> None:
    log.remove(1)
    log.put(1, *log.remove(3))


def lose_a_first(log: Log) -> None:
    log.remove(0)


def lose_a_middle_one(log: Log) -> None:
    log.remove(1)


def lose_an_end(log: Log) -> None:
    del log.ends[3]


def cut(log: Log) -> None:
    del log.rows[3][4:]


class TestTampering:
    @pytest.mark.parametrize(
        ("tamper", "said"),
        [
            (change, ["chain 2: row 4 does not follow from row 3: one was changed"]),
            (move_a_row, ["chain 2: row 7 does not follow from row 6: one was changed"]),
            (move_a_beginning, ["chain 4: row 1 does not follow from row 0: one was changed"]),
            (swap, [f"chain {n}: row 1 does not follow from row 0: one was changed" for n in (1, 2)]),
            (
                renumber,
                ["chain 1: row 1 does not follow from row 0: one was changed"],
            ),
            (lose_a_first, ["the first chain is chain 1: a chain was removed or renumbered"]),
            (lose_a_middle_one, ["after chain 0 comes chain 2: a chain was removed or renumbered"]),
            (lose_an_end, ["there are rows of chain 3, but not its end: the chain was removed"]),
            (
                cut,
                ["chain 3: the log ends at row 4, but row 6 was written: its end is cut"],
            ),
        ],
    )
    async def test_is_found_and_where(
        self, ledger: Ledger, log: Log, tamper: Callable[[Log], None], said: Sequence[str]
    ) -> None:
        await fill(ledger, log)
        assert (await verified(ledger)).fault is None
        tamper(log)
        report = await verified(ledger)
        assert list(report.faults) == said
        assert report.fault == "; ".join(said)

    async def test_the_last_chain_is_missed_by_a_checkpoint(self, ledger: Ledger, log: Log) -> None:
        await fill(ledger, log)
        noted = await checkpoints_of(ledger)
        log.remove(3)
        # Inside the database all fits together.
        assert (await verified(ledger)).fault is None
        assert (await verified(ledger, *noted[:3])).fault is None
        (fault,) = (await verified(ledger, *noted)).faults
        assert fault.startswith(
            "the last chain is chain 2, but a checkpoint says that row 6 of chain 3 "
        )
        log.remove(2)
        assert "row 6 of chain 3" in ((await verified(ledger, *noted)).fault or "")

    async def test_a_cut_end_with_a_forged_head_is_found_in_its_chain(
        self, ledger: Ledger, log: Log
    ) -> None:
        await fill(ledger, log)
        noted = await checkpoints_of(ledger)
        log.put(2, log.rows[2][:3], Head(3, log.rows[2][2].mac, NOON))
        assert (await verified(ledger)).fault is None
        (fault,) = (await verified(ledger, *noted)).faults
        assert fault.startswith("chain 2: the log ends at row 3, but a checkpoint says that row 6 ")

    async def test_a_chain_that_was_emptied_is_found_by_a_checkpoint(
        self, ledger: Ledger, log: Log
    ) -> None:
        await fill(ledger, log)
        noted = await checkpoints_of(ledger)
        log.begin(1)
        assert "chain 1: the log ends at row 0" in ((await verified(ledger, *noted)).fault or "")

    async def test_a_checkpoint_of_one_chain_says_nothing_of_another(
        self, ledger: Ledger, log: Log
    ) -> None:
        await fill(ledger, log)
        mac = log.rows[2][3].mac
        report = await verified(ledger, f"2.4:{mac}")
        assert (report.fault, report.compared) == (None, 1)
        assert "chain 1: row 4 is not the one" in ((await verified(ledger, f"1.4:{mac}")).fault or "")


class TestMeanwhile:
    """What others do while a log is verified is no fault."""

    async def test_a_chain_is_begun(
        self, ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await fill(ledger, log)
        heads, once = ledger.store.audit_heads, iter([True])

        async def then_another() -> Sequence[Head]:
            found = await heads()
            if next(once, False):
                log.begin(CHAINS)
                await write(ledger, log, CHAINS, 1)
            return found

        monkeypatch.setattr(ledger.store, "audit_heads", then_another)
        assert (await verified(ledger)).fault is None

    @pytest.mark.parametrize("moment", range(CHAINS + 1))
    async def test_all_rows_there_were_are_pruned_between_two_looks_at_the_ends(
        self, ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch, moment: int
    ) -> None:
        await fill(ledger, log)
        heads, looks = ledger.store.audit_heads, count()

        async def then_pruned() -> Sequence[Head]:
            found = await heads()
            if next(looks) == moment:
                monkeypatch.setattr(ledger.store, "audit_heads", heads)
                for chain in range(CHAINS):
                    await write(ledger, log, chain, 60)
                await prune_audit(ledger, NOON + 99)
            return found

        monkeypatch.setattr(ledger.store, "audit_heads", then_pruned)
        assert (await verified(ledger)).fault is None
        assert log.rows[1] == []

    @pytest.mark.parametrize("moment", range(2 * CHAINS))
    async def test_rows_are_pruned_between_two_pages(
        self, ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch, moment: int
    ) -> None:
        monkeypatch.setattr(audit_check, "PAGE", 2)
        await fill(ledger, log)
        rows, looks = ledger.store.audit_rows, count()

        async def then_pruned(chain: int, after: int, limit: int) -> Sequence[AuditRow]:
            found = await rows(chain, after, limit)
            if next(looks) == moment:
                monkeypatch.setattr(ledger.store, "audit_rows", rows)
                await prune_audit(ledger, NOON + 42)
                monkeypatch.setattr(ledger.store, "audit_rows", then_pruned)
            return found

        monkeypatch.setattr(ledger.store, "audit_rows", then_pruned)
        report = await verified(ledger)
        assert (report.fault, log.rows[2][0].seq) == (None, 5)

"""An audit log of several chains, in memory, for a SQLite store that has but one.

log = Log.with_chains(CHAINS)
use_chains(monkeypatch, log)       # for every store that is opened from now on
log.writing = 2                    # the chain of the next rows
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from servers import NOON
from watchword_server.audit import Event
from watchword_server.audit_check import AuditReport, verify_audit
from watchword_server.checkpoints import read_checkpoints
from watchword_server.ledger import Act, Ledger
from watchword_server.store.records import AuditRow, Changes, Head, Snapshot, Wanted
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pytest

    from watchword_server.store.protocol import Decide, T


CHAINS = 4
"""How many most tests have."""


@dataclass
class Log:
    """The rows and the stored end of each chain. A test may tamper with both, as with any database."""

    rows: dict[int, list[AuditRow]] = field(default_factory=dict)
    ends: dict[int, Head] = field(default_factory=dict)
    writing: int = 0
    """The number of the chain that the store writes to."""

    @classmethod
    def with_chains(cls, number: int) -> Log:
        log = cls()
        for chain in range(number):
            log.begin(chain)
        return log

    @property
    def end(self) -> Head:
        """Of the chain that is written to; it may have been taken away."""
        return self.ends.get(self.writing, Head(chain=self.writing))

    def begin(self, chain: int) -> None:
        """Begin a chain, as a writer does who finds all others taken."""
        self.ends[chain] = Head(chain=chain)
        self.rows[chain] = []

    def write(self, rows: Sequence[AuditRow], head: Head) -> None:
        """Go on with a chain where it ends."""
        assert rows[0].seq == self.ends[head.chain].seq + 1
        assert {row.chain for row in rows} == {head.chain}
        self.rows[head.chain] += rows
        self.ends[head.chain] = head

    def put(self, chain: int, rows: Iterable[AuditRow], end: Head) -> None:
        """Have these rows and this end stored under a number, whatever they say of themselves."""
        self.rows[chain] = [AuditRow(row.seq, row.event, row.mac, chain) for row in rows]
        self.ends[chain] = Head(end.seq, end.mac, end.at, chain)

    def remove(self, chain: int) -> tuple[list[AuditRow], Head]:
        return self.rows.pop(chain), self.ends.pop(chain)


class ManyChains(SqliteStore):
    """A store whose audit log is a `Log`."""

    log: Log

    async def transact(self, wanted: Wanted, decide: Decide[T]) -> T:
        written: list[tuple[Sequence[AuditRow], Head]] = []

        def decided(snapshot: Snapshot) -> tuple[Changes, T]:
            changes, result = decide(self._seen(snapshot))
            if changes.rows and changes.head is not None:
                written.append((changes.rows, changes.head))
                changes.rows, changes.head = (), None
            return changes, result

        result = await super().transact(wanted, decided)
        for rows, head in written:
            self.log.write(rows, head)
        return result

    async def probe(self) -> Head:
        await super().probe()
        return self.log.end

    async def audit_heads(self) -> Sequence[Head]:
        return [self.log.ends[chain] for chain in sorted(self.log.ends)]

    async def audit_rows(self, chain: int, after: int, limit: int) -> Sequence[AuditRow]:
        rows = [row for row in self.log.rows.get(chain, ()) if row.seq > after]
        return sorted(rows, key=lambda row: row.seq)[:limit]

    async def prune_audit(self, chain: int, before: int) -> None:
        self.log.rows[chain] = [row for row in self.log.rows[chain] if row.seq >= before]

    def _seen(self, snapshot: Snapshot) -> Snapshot:
        return msgspec.structs.replace(snapshot, head=self.log.end)


_open = ManyChains.open


def use_chains(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    """Have every SQLite store that is opened from now on write its audit log to `log`."""

    async def opened(path: Path) -> SqliteStore:
        store = await _open(path)
        assert isinstance(store, ManyChains)
        store.log = log
        return store

    monkeypatch.setattr(SqliteStore, "open", opened)


async def write(ledger: Ledger, log: Log, chain: int, *times: float) -> None:
    """Write a row to a chain for each of the times, in seconds after noon."""
    log.writing = chain

    def decide(_: Snapshot, __: float) -> tuple[Act, None]:
        return Act(Changes(), [Event(at=NOON + at, event="test", detail=str(at)) for at in times]), None

    await ledger.transact(Wanted(), decide)


async def fill(ledger: Ledger, log: Log) -> None:
    """Six rows in each chain; the first of chain 0 is there already."""
    for chain in range(CHAINS):
        await write(ledger, log, chain, *(chain + 10 * number for number in range(6 - (not chain))))


async def verified(ledger: Ledger, *noted: str) -> AuditReport:
    """What verifying shows, with these checkpoints."""
    return await verify_audit(ledger, checkpoints=read_checkpoints(noted) if noted else None)

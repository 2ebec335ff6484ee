"""The audit log: every decision and every change, each row chained to the one before by a keyed hash.

The rows are written in the transaction of what they tell of. Whoever changes, removes or reorders a
row without the key breaks the chain; whoever cuts its end and forges the stored head is found out by
a head noted elsewhere (a checkpoint). There are as many chains as write at once; the number of a chain
is in each of its hashes, so that no row of one passes for a row of another.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import msgspec

from watchword_server.store.records import AuditRow, Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_server.store.records import StoredKey
    from watchword_server.verifier import Decision

KEY_BYTES = 32

CLOCK_TOLERANCE = 10.0
"""Seconds by which the clock may be behind the last row: time servers set clocks back by less."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of the log. It never holds a code, a token or a secret."""

    at: float
    """Unix seconds."""
    event: str
    """What was done: `check`, `key.create`, `token.revoke` and so on."""
    actor: str = ""
    """Who: `token:NAME`, `ticket`, `cli:USER` or `server`."""
    key: str = ""
    """The key's name."""
    key_id: int = 0
    """Its number."""
    verdict: str = ""
    """What became of a code."""
    offset: int | None = None
    """Matched step minus current step."""
    address: str = ""
    """Whence the request came."""
    request_id: str = ""
    """The request's id, as in the answer and the other logs."""
    detail: str = ""
    """What else there is to say, in words."""


class Caller(msgspec.Struct, frozen=True):
    """Who wants something done."""

    actor: str
    address: str = ""
    request_id: str = ""


def key_event(  # noqa: PLR0913 - the columns of a row
    what: str,
    stored: StoredKey,
    caller: Caller,
    now: float,
    *,
    decision: Decision | None = None,
    detail: str = "",
) -> Event:
    """The row of something that was done to, or asked of, a key at `now`, Unix seconds."""
    return Event(
        at=now,
        event=what,
        actor=caller.actor,
        key=stored.name,
        key_id=stored.id,
        verdict="" if decision is None else decision.verdict,
        offset=None if decision is None else decision.offset,
        address=caller.address,
        request_id=caller.request_id,
        detail=detail,
    )


_encode = msgspec.json.Encoder().encode


def link(
    key: bytes, head: Head, events: Iterable[Event], latest: float
) -> tuple[Sequence[AuditRow], Head]:
    """Chain `events` to the chain whose end is `head`; give the rows and the new end, as of `latest`.

    Each MAC is HMAC-SHA-256 over the chain's number, the MAC before, the row's number and its JSON.
    """
    seq, mac = head.seq, head.mac
    rows = []
    for event in events:
        seq += 1
        encoded = _encode(event)
        mac = _mac(key, head.chain, mac, seq, encoded)
        rows.append(AuditRow(seq, encoded.decode(), mac, head.chain))
    return rows, Head(seq, mac, latest, head.chain)


class Chain:
    """Verifies a chain row by row, from its beginning or from where it was pruned."""

    def __init__(self, key: bytes, start: Head) -> None:
        """Begin after `start`: the head before the first row of this chain that is left."""
        self._key = key
        self.number = start.chain
        self.seq = start.seq
        self.mac = start.mac
        self.fault: str | None = None
        """What is wrong, once something is."""

    def add(self, rows: Iterable[AuditRow]) -> bool:
        """Take the next rows; False as soon as one does not fit."""
        for row in rows:
            if row.seq != self.seq + 1:
                self.fault = f"after row {self.seq} comes row {row.seq}: rows were removed or reordered"
                return False
            expected = _mac(self._key, self.number, self.mac, row.seq, row.event.encode())
            if not _same(expected, row.mac):
                self.fault = f"row {row.seq} does not follow from row {self.seq}: one was changed"
                return False
            self.seq, self.mac = row.seq, row.mac
        return True

    @property
    def end(self) -> Head:
        """Where it is now; without a time."""
        return Head(self.seq, self.mac, chain=self.number)

    def finish(self, head: Head) -> bool:
        """Compare the end with the stored head; False if rows were cut off."""
        if self.fault is None and (head.seq != self.seq or not _same(head.mac, self.mac)):
            self.fault = (
                f"the log ends at row {self.seq}, but row {head.seq} was written: its end is cut"
            )
        return self.fault is None


def checkpoint(head: Head) -> str:
    """A head as one word, to be noted where the database's owner cannot change it.

    `SEQ:MAC` in chain 0, `CHAIN.SEQ:MAC` in others.
    """
    return f"{place(head)}:{head.mac}"


def place(row: AuditRow | Head) -> str:
    """The number of a row, after that of its chain if that is not 0."""
    return f"{row.chain}.{row.seq}" if row.chain else str(row.seq)


def _same(mac: str, other: str) -> bool:
    # As bytes, since whoever changes a row can write there what is no ASCII.
    return hmac.compare_digest(mac.encode(), other.encode())


def _mac(key: bytes, chain: int, before: str, seq: int, event: bytes) -> str:
    text = b"%b %d %b" % (before.encode(), seq, event)
    if chain:
        # Chain 0 is older than the others, and goes without. It begins with a MAC, so never like this.
        text = b"chain %d %b" % (chain, text)
    return hmac.digest(key, text, "sha256").hex()

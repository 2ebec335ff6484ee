"""Verifying the audit log page by page, so that checks go on meanwhile, also where it was pruned."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Chain, checkpoint, place
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Head, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from watchword_server.checkpoints import Checkpoints
    from watchword_server.ledger import Ledger
    from watchword_server.store.records import AuditRow

PAGE = 1000
"""Rows read in one transaction."""


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying the log has shown."""

    rows: int
    """How many rows follow from one another, from the first of each chain that is left."""
    heads: Sequence[Head]
    """The end of each chain as it was when the verifying of it began."""
    compared: int = 0
    """How many checkpoints had a row that is left, and fitted it."""
    faults: Sequence[str] = ()
    """What is wrong, and at which row; at most one for each chain."""

    @property
    def ends(self) -> Sequence[str]:
        """Its heads as words, to be noted elsewhere."""
        return [checkpoint(head) for head in self.heads]

    @property
    def fault(self) -> str | None:
        """All of that on one line; None for nothing."""
        return "; ".join(self.faults) or None


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying one chain has shown."""

    rows: int
    head: Head
    compared: int = 0
    fault: str | None = None


async def verify_audit(
    ledger: Ledger,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    checkpoints: Checkpoints | None = None,
) -> AuditReport:
    """Verify the whole log, chain after chain, in pages.

    Args:
        ledger: Where the log is.
        progress: Told, after each page, what is verified ("" or the chain), the number of rows done and
            of all rows of it.
        checkpoints: Ends noted elsewhere. Rows that were pruned are passed over.

    Raises:
        StoreError: The database failed, or the sealing keys do not open the log's key.
    """
    noted = checkpoints or {}
    verifying = _Verifying(ledger, await ledger.audit_key(), noted, progress)
    heads = await ledger.store.audit_heads()
    faults = list(_removed(heads, noted)) or await _without_end(ledger, heads)
    parts = []
    for head in heads:
        name = chain_name(head, heads)
        part = await verifying.verify(head, name)
        if part.fault is not None:
            faults.append(of_chain(name, part.fault))
        parts.append(part)
    return AuditReport(
        rows=sum(part.rows for part in parts),
        heads=[part.head for part in parts],
        compared=sum(part.compared for part in parts),
        faults=faults,
    )


def chain_name(head: Head, heads: Sequence[Head]) -> str:
    """What a chain is called in words; "" for the only one there is."""
    return f"chain {head.chain}" if len(heads) > 1 else ""


def of_chain(name: str, fault: str) -> str:
    """A fault with the chain it is in."""
    return f"{name}: {fault}" if name else fault


def sealed_anchor(key: bytes, anchor: Head) -> bytes:
    """An anchor as it is kept: only who has the log's key can make one."""
    return f"{anchor.seq}:{anchor.mac}:{_tag(key, anchor)}".encode()


def anchor_in(value: bytes | None, key: bytes, chain: int) -> Head:
    """The head to begin verifying a chain from.

    Raises:
        StoreError: The value was not made with the log's key, for this chain.
    """
    if value is None:
        return Head(chain=chain)
    seq, _, rest = value.decode("utf-8", "replace").partition(":")
    mac, _, tag = rest.partition(":")
    anchor = Head(int(seq) if re.fullmatch(r"[0-9]{1,18}", seq) else 0, mac, chain=chain)
    if not hmac.compare_digest(tag.encode(), _tag(key, anchor).encode()):
        message = "the note of where the audit log was pruned was changed"
        raise StoreError(message, Cause.DAMAGED)
    return anchor


def anchor_name(chain: int) -> str:
    """The name under which a chain's head before the first row that is left is kept, once pruned."""
    return f"audit_anchor.{chain}" if chain else "audit_anchor"


async def stored_anchor(ledger: Ledger, chain: int) -> bytes | None:
    """The anchor of a chain as it is kept; None if no row of it was pruned yet.

    Raises:
        StoreError: The database failed.
    """
    name = anchor_name(chain)
    return (await ledger.store.look(Wanted(meta=(name,)))).meta.get(name)


def _removed(heads: Sequence[Head], noted: Checkpoints) -> Iterator[str]:
    for number, head in enumerate(heads):
        if head.chain != number:
            after = f"after chain {number - 1} comes" if number else "the first chain is"
            yield f"{after} chain {head.chain}: a chain was removed or renumbered"
            break
    last = heads[-1].chain
    beyond = max((where for where in noted if where[0] > last), default=None)
    if beyond is not None:
        chain, seq = beyond
        yield (
            f"the last chain is chain {last}, but a checkpoint says that row {seq} of chain {chain} was"
            " written: a chain was removed, or an older database was put in its place"
        )


async def _without_end(ledger: Ledger, heads: Sequence[Head]) -> list[str]:
    after = heads[-1].chain + 1
    if not await ledger.store.audit_rows(after, 0, 1):
        return []
    if any(head.chain == after for head in await ledger.store.audit_heads()):
        # It was begun meanwhile.
        return []
    return [f"there are rows of chain {after}, but not its end: the chain was removed"]


class _Verifying:
    """Verifies one chain after the other."""

    def __init__(
        self,
        ledger: Ledger,
        key: bytes,
        noted: Checkpoints,
        progress: Callable[[str, int, int], None] | None,
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._noted = noted
        self._progress = progress

    async def verify(self, head: Head, name: str) -> _Part:
        """Verify the chain that ends at `head` or, by now, later."""
        while True:
            before = await stored_anchor(self._ledger, head.chain)
            # Read after the anchor: a chain that was pruned meanwhile could begin after its end.
            heads = {each.chain: each for each in await self._ledger.store.audit_heads()}
            part = await self._follow(before, heads.get(head.chain, head), name)
            # A fault may be no more than rows that were pruned while this went on.
            if part.fault is None or await stored_anchor(self._ledger, head.chain) == before:
                return part

    async def _follow(self, anchored: bytes | None, head: Head, name: str) -> _Part:
        try:
            anchor = anchor_in(anchored, self._key, head.chain)
        except StoreError as error:
            return _Part(rows=0, head=head, fault=str(error))
        chain = Chain(self._key, anchor)
        fault = _contradiction(chain, self._noted)
        while fault is None and chain.seq < head.seq:
            limit = min(PAGE, head.seq - chain.seq)
            page = await self._ledger.store.audit_rows(chain.number, chain.seq, limit)
            if not page:
                break
            fault = _fault_in(page, chain, self._noted)
            if fault is None and self._progress is not None:
                self._progress(name, chain.seq - anchor.seq, head.seq - anchor.seq)
        if fault is None:
            chain.finish(head)
            fault = chain.fault or _cut(head, self._noted)
        compared = sum(
            number == chain.number and anchor.seq <= seq <= chain.seq for number, seq in self._noted
        )
        return _Part(rows=chain.seq - anchor.seq, head=head, compared=compared, fault=fault)


def _fault_in(page: Iterable[AuditRow], chain: Chain, noted: Checkpoints) -> str | None:
    for row in page:
        if not chain.add([row]):
            return chain.fault
        if (fault := _contradiction(chain, noted)) is not None:
            return fault
    return None


def _cut(head: Head, noted: Checkpoints) -> str | None:
    missing = [seq for number, seq in noted if number == head.chain and seq > head.seq]
    if not missing:
        return None
    return (
        f"the log ends at row {head.seq}, but a checkpoint says that row {max(missing)} was written:"
        " its end is cut, or an older database was put in its place"
    )


def _contradiction(chain: Chain, noted: Checkpoints) -> str | None:
    mac = noted.get((chain.number, chain.seq))
    if mac is None or hmac.compare_digest(mac, chain.mac):
        return None
    return f"row {chain.seq} is not the one a checkpoint was made of: the log was written anew"


def _tag(key: bytes, anchor: Head) -> str:
    # No row's MAC is made of text that begins with this word.
    return hmac.digest(key, f"anchor {place(anchor)} {anchor.mac}".encode(), "sha256").hex()

"""Verifying the audit log page by page, so that checks go on meanwhile, also where it was pruned."""

from __future__ import annotations

import hmac
import logging
import re
from typing import TYPE_CHECKING

import msgspec

from watchword_server.audit import Chain, checkpoint
from watchword_server.errors import UserError
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Head, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from watchword_server.ledger import Ledger
    from watchword_server.store.records import AuditRow

AUDIT_ANCHOR = "audit_anchor"
"""The name under which the head before the first row that is left is kept, once rows were pruned."""

PAGE = 1000
"""Rows read in one transaction."""

_CHECKPOINT = re.compile(r"(?<![0-9])([0-9]{1,18}):([0-9a-f]{64})(?![0-9a-f])")

_logger = logging.getLogger(__name__)


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """What verifying the log has shown."""

    rows: int
    """How many rows follow from one another, from the first that is left."""
    head: Head
    """The end of the log as it was when the verifying began."""
    compared: int = 0
    """How many checkpoints had a row that is left, and fitted it."""
    fault: str | None = None
    """What is wrong, and at which row; None for nothing."""


async def verify_audit(
    ledger: Ledger,
    progress: Callable[[int, int], None] | None = None,
    *,
    checkpoints: Mapping[int, str] | None = None,
) -> AuditReport:
    """Verify the whole log, in pages.

    Args:
        ledger: Where the log is.
        progress: Told, after each page, the number of rows done and of all rows.
        checkpoints: MACs by row number, noted elsewhere. Rows that were pruned are passed over.

    Raises:
        StoreError: The database failed, or the sealing keys do not open the log's key.
    """
    while True:
        before = await stored_anchor(ledger)
        report = await _verify(ledger, before, progress, checkpoints or {})
        # A fault may be no more than rows that were pruned while this went on.
        if report.fault is None or await stored_anchor(ledger) == before:
            return report


async def checkpoint_of(ledger: Ledger) -> str:
    """The end of the log now, as one word to note elsewhere.

    Raises:
        StoreError: The database failed.
    """
    return checkpoint(await ledger.store.audit_head())


async def log_checkpoint(ledger: Ledger) -> None:
    """Note the end of the audit log in the server's own log.

    Raises:
        StoreError: The database failed.
    """
    _logger.info("audit checkpoint %s", await checkpoint_of(ledger))


def read_checkpoints(lines: Iterable[str]) -> dict[int, str]:
    """Find checkpoints in lines of any text, such as the server's log; MACs by row number.

    Raises:
        UserError: There is none, or two of one row differ.
    """
    found: dict[int, str] = {}
    for line in lines:
        for seq, mac in _CHECKPOINT.findall(line):
            if found.setdefault(int(seq), mac) != mac:
                message = f"there are two different checkpoints of row {int(seq)}: one is forged"
                raise UserError(message)
    if not found:
        message = "there is no checkpoint; one looks like 42:MAC, with 64 hexadecimal digits"
        raise UserError(message)
    return found


def sealed_anchor(key: bytes, anchor: Head) -> bytes:
    """An anchor as it is kept: only who has the log's key can make one."""
    return f"{anchor.seq}:{anchor.mac}:{_tag(key, anchor)}".encode()


def anchor_in(value: bytes | None, key: bytes) -> Head:
    """The head to begin verifying from.

    Raises:
        StoreError: The value was not made with the log's key.
    """
    if value is None:
        return Head()
    seq, _, rest = value.decode("utf-8", "replace").partition(":")
    mac, _, tag = rest.partition(":")
    anchor = Head(int(seq) if re.fullmatch(r"[0-9]{1,18}", seq) else 0, mac)
    if not hmac.compare_digest(tag.encode(), _tag(key, anchor).encode()):
        message = "the note of where the audit log was pruned was changed"
        raise StoreError(message, Cause.DAMAGED)
    return anchor


async def _verify(
    ledger: Ledger,
    anchored: bytes | None,
    progress: Callable[[int, int], None] | None,
    checkpoints: Mapping[int, str],
) -> AuditReport:
    key = await ledger.audit_key()
    head = await ledger.store.audit_head()
    try:
        anchor = anchor_in(anchored, key)
    except StoreError as error:
        return AuditReport(rows=0, head=head, fault=str(error))
    chain = Chain(key, anchor)
    fault = _contradiction(chain, checkpoints)
    while fault is None and chain.seq < head.seq:
        page = await ledger.store.audit_rows(chain.seq, min(PAGE, head.seq - chain.seq))
        if not page:
            break
        fault = _fault_in(page, chain, checkpoints)
        if fault is None and progress is not None:
            progress(chain.seq - anchor.seq, head.seq - anchor.seq)
    if fault is None:
        chain.finish(head)
        fault = chain.fault or _cut(head, checkpoints)
    compared = sum(anchor.seq <= seq <= chain.seq for seq in checkpoints)
    return AuditReport(rows=chain.seq - anchor.seq, head=head, compared=compared, fault=fault)


def _fault_in(page: Iterable[AuditRow], chain: Chain, checkpoints: Mapping[int, str]) -> str | None:
    for row in page:
        if not chain.add([row]):
            return chain.fault
        if (fault := _contradiction(chain, checkpoints)) is not None:
            return fault
    return None


def _cut(head: Head, checkpoints: Mapping[int, str]) -> str | None:
    missing = [seq for seq in checkpoints if seq > head.seq]
    if not missing:
        return None
    return (
        f"the log ends at row {head.seq}, but a checkpoint says that row {max(missing)} was written:"
        " its end is cut, or an older database was put in its place"
    )


def _contradiction(chain: Chain, checkpoints: Mapping[int, str]) -> str | None:
    noted = checkpoints.get(chain.seq)
    if noted is None or hmac.compare_digest(noted, chain.mac):
        return None
    return f"row {chain.seq} is not the one a checkpoint was made of: the log was written anew"


async def stored_anchor(ledger: Ledger) -> bytes | None:
    """The anchor as it is kept; None if no row was pruned yet.

    Raises:
        StoreError: The database failed.
    """
    return (await ledger.store.look(Wanted(meta=(AUDIT_ANCHOR,)))).meta.get(AUDIT_ANCHOR)


def _tag(key: bytes, anchor: Head) -> str:
    # No row's MAC is made of text that begins with a word.
    return hmac.digest(key, f"anchor {anchor.seq} {anchor.mac}".encode(), "sha256").hex()

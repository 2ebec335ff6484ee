"""Looking whether the database is whole: its file, its schema, its tables, its seals, its audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchword_server.audit_check import chain_name, of_chain, verify_audit
from watchword_server.findings import Finding, ok, wrong
from watchword_server.reseal import check_seal
from watchword_server.sqlitefile import damage, opened
from watchword_server.store.schema import newest_schema, schema_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from watchword_server.ledger import Ledger

_RESTORE = "stop the server and restore a backup: watchword-server store restore FILE"

_NO_KEY = "key_id NOT IN (SELECT id FROM keys)"
_ORPHANS = {
    "recovery codes of no key": f"SELECT count(*) FROM recovery_codes WHERE {_NO_KEY}",  # noqa: S608 - ours
    "links of no key": f"SELECT count(*) FROM tickets WHERE {_NO_KEY}",  # noqa: S608 - our own text
    "keys never sealed": "SELECT count(*) FROM keys WHERE seal = 0",
}


def check_file(database: Path, *, full: bool) -> Sequence[Finding]:
    """Look at the file by itself; `full` looks at every index, too. Blocking.

    Raises:
        StoreError: It cannot be read at all.
    """
    with opened(database) as connection:
        return [
            _soundness(connection, full=full),
            _schema(connection),
            *(_count(connection, what, statement) for what, statement in _ORPHANS.items()),
        ]


async def check_content(ledger: Ledger, *, full: bool) -> Sequence[Finding]:
    """Look whether every secret opens, and whether the audit log has its end, or with `full` verifies.

    Raises:
        StoreError: The database failed, or there are no sealing keys.
    """
    sealed = await check_seal(ledger)
    found = [
        *(
            wrong("seals", fault, "put the right sealing keys back, or restore")
            for fault in sealed.faults
        )
    ] or [ok("seals", f"all {sealed.secrets:,} secrets open")]
    if full:
        report = await verify_audit(ledger)
        if report.fault is not None:
            return [*found, wrong("audit log", report.fault, "find out who wrote the database")]
        return [*found, ok("audit log", f"{report.rows:,} rows verified")]
    return [*found, await _audit_ends(ledger)]


async def _audit_ends(ledger: Ledger) -> Finding:
    heads = await ledger.store.audit_heads()
    for head in heads:
        last = await ledger.store.audit_rows(head.chain, max(0, head.seq - 1), 2)
        if head.seq and [row.mac for row in last] != [head.mac]:
            fault = of_chain(chain_name(head, heads), "its end is not where it should be")
            return wrong("audit log", fault, "run audit verify")
    if len(heads) > 1:
        return ok("audit log", f"{len(heads):,} chains, each with its end")
    return ok("audit log", f"ends at row {heads[0].seq:,}")


def _soundness(connection: sqlite3.Connection, *, full: bool) -> Finding:
    faults = damage(connection, full=full)
    if faults:
        return wrong("file", f"damaged: {faults[0]}", _RESTORE)
    return ok("file", "every page and index is whole" if full else "every page is whole")


def _schema(connection: sqlite3.Connection) -> Finding:
    found, newest = schema_of(connection), newest_schema()
    if found > newest:
        return wrong("schema", f"{found}, and this version knows {newest}", "install a newer watchword")
    if found < newest:
        return wrong("schema", f"{found} of {newest}", "run watchword-server store migrate")
    return ok("schema", str(found))


def _count(connection: sqlite3.Connection, what: str, statement: str) -> Finding:
    (found,) = connection.execute(statement).fetchone()
    return wrong(what, str(found), _RESTORE) if found else ok(what, "none")

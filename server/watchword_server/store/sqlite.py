"""The default store: one SQLite file, one connection, one thread that alone touches it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from watchword_server.store import sqlite_load as load
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import AuditRow
from watchword_server.store.sqlite_apply import apply
from watchword_server.store.sqlite_connection import Connection

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from watchword_server.store.protocol import Decide, T
    from watchword_server.store.records import Head, Snapshot, StoredKey, Wanted
    from watchword_server.tokens import Token

_CHAIN = 0
"""The number of the only chain of the audit log."""


class SqliteStore:
    """A `Store` in a SQLite file. One program writes at a time, so its audit log is one chain."""

    lanes = 1
    """A file has one writer."""

    def __init__(self, connection: Connection, thread: ThreadPoolExecutor) -> None:
        """Take over what `open` has made ready."""
        self._connection = connection
        self._thread = thread
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Open the database, or create it for its owner's eyes only, and bring its schema up to date.

        Raises:
            StoreError: It cannot be opened, is damaged, or was made by a newer version.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watchword-store")
        connection = Connection(path)
        try:
            await asyncio.get_running_loop().run_in_executor(thread, connection.open)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(connection, thread)

    async def transact(self, wanted: Wanted, decide: Decide[T]) -> T:
        """See `Store.transact`."""

        def work(raw: sqlite3.Connection) -> T:
            changes, result = decide(load.snapshot(raw, wanted))
            apply(raw, changes)
            return result

        return await self._run(work)

    async def look(self, wanted: Wanted) -> Snapshot:
        """See `Store.look`."""
        return await self._run(lambda raw: load.snapshot(raw, wanted))

    async def list_keys(self, after: str, limit: int) -> Sequence[StoredKey]:
        """See `Store.list_keys`."""
        return await self._run(lambda raw: load.keys_after(raw, after, limit))

    async def sealed_otherwise(self, seal: int, limit: int) -> Sequence[StoredKey]:
        """See `Store.sealed_otherwise`."""
        return await self._run(lambda raw: load.sealed_otherwise(raw, seal, limit))

    async def expired_keys(self, now: float, limit: int) -> Sequence[StoredKey]:
        """See `Store.expired_keys`."""
        return await self._run(lambda raw: load.expired(raw, now, limit))

    async def tokens(self) -> Sequence[Token]:
        """See `Store.tokens`."""
        return await self._run(load.tokens)

    async def touch_tokens(self, used: Mapping[bytes, float]) -> None:
        """See `Store.touch_tokens`."""
        if used:
            rows = [(at, digest) for digest, at in used.items()]
            await self._run(
                lambda raw: raw.executemany("UPDATE tokens SET last_used_at = ? WHERE digest = ?", rows)
            )

    async def audit_heads(self) -> Sequence[Head]:
        """See `Store.audit_heads`."""
        return [await self._run(load.head)]

    async def audit_rows(self, chain: int, after: int, limit: int) -> Sequence[AuditRow]:
        """See `Store.audit_rows`."""
        if chain != _CHAIN:
            return ()

        def work(raw: sqlite3.Connection) -> list[AuditRow]:
            # As bytes: whoever changed a row may have left what is no text, and it must still be read.
            rows = raw.execute(
                "SELECT seq, CAST(event AS BLOB), CAST(mac AS BLOB) FROM audit WHERE seq > ?"
                " ORDER BY seq LIMIT ?",
                (after, limit),
            )
            return [
                AuditRow(seq, event.decode(errors="replace"), mac.decode(errors="replace"))
                for seq, event, mac in rows
            ]

        return await self._run(work)

    async def prune(self, now: float) -> None:
        """See `Store.prune`."""

        def work(raw: sqlite3.Connection) -> None:
            raw.execute("DELETE FROM answers WHERE expires_at <= ?", (now,))
            raw.execute("DELETE FROM tickets WHERE expires_at <= ?", (now,))

        await self._run(work)

    async def prune_audit(self, chain: int, before: int) -> None:
        """See `Store.prune_audit`."""
        if chain != _CHAIN:
            return
        await self._run(lambda raw: raw.execute("DELETE FROM audit WHERE seq < ?", (before,)))

    async def scrub(self) -> None:
        """See `Store.scrub`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.scrub)

    async def probe(self) -> Head:
        """See `Store.probe`."""

        def work(raw: sqlite3.Connection) -> Head:
            raw.execute("SELECT id FROM keys LIMIT 1").fetchone()
            # SQLite writes the page though nothing on it changes.
            raw.execute("UPDATE audit_head SET seq = seq WHERE id = 1")
            return load.head(raw)

        return await self._run(work)

    async def close(self) -> None:
        """See `Store.close`."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        # The thread has nothing left to do; waiting for it would block the event loop.
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            message = "it is closed"
            raise StoreError(message)

        def transact() -> T:
            with self._connection.transaction() as raw:
                return work(raw)

        return await asyncio.get_running_loop().run_in_executor(self._thread, transact)

"""The store for many nodes: a PostgreSQL database that any number of servers work on at once.

A decision is made here, on what was read, and written by statements that name what it was made on: if
another node was first, a row is missing, all of it is undone, and it is decided again. Checks change
single rows and need no more; all else runs serializable. The second try locks what it reads.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

from watchword_server.store import postgres_load as load
from watchword_server.store.postgres_apply import ConflictError, apply
from watchword_server.store.postgres_chain import Writer
from watchword_server.store.postgres_pool import Pool
from watchword_server.store.protocol import (
    Cause,
    KeyNameTakenError,
    StoreError,
    TokenNameTakenError,
)
from watchword_server.store.records import Head, Status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from watchword_server.store.postgres_address import Address
    from watchword_server.store.postgres_pool import Kind
    from watchword_server.store.protocol import Decide, T
    from watchword_server.store.records import AuditRow, Snapshot, StoredKey, Wanted
    from watchword_server.tokens import Token

LANES = 2
"""Transactions that decide at once, each with a chain of its own: one works while another commits."""

_READERS = 4
"""Connections beside the lanes."""

_MANY = 5000
_PRUNE = "DELETE FROM {0} WHERE digest IN (SELECT digest FROM {0} WHERE expires_at <= $1 LIMIT $2)"
_TRIES = 16
_LONGEST_PAUSE = 0.1


class PostgresStore:
    """A `Store` in a PostgreSQL database."""

    def __init__(
        self, address: Address, *, lanes: int = LANES, clock: Callable[[], float] | None = None
    ) -> None:
        """Be ready to connect; nothing is asked of the database before it is needed.

        Args:
            address: Where the database is.
            lanes: How many decisions may be under way at once.
            clock: This node's clock, Unix seconds, to be compared with the database's; None for no
                comparison.
        """
        self.lanes = lanes
        self._pool = Pool(address, size=lanes + _READERS)
        self._writers = [Writer(clock) for _ in range(lanes)]
        self._free: asyncio.Queue[Writer] = asyncio.Queue()
        for writer in self._writers:
            self._free.put_nowait(writer)

    async def transact(self, wanted: Wanted, decide: Decide[T]) -> T:
        """See `Store.transact`."""
        kind: Kind = "one-row" if _is_of_checks(wanted) else "serializable"
        async with self._writer() as writer:
            for attempt in range(_TRIES):
                if attempt:
                    await asyncio.sleep(min(0.001 * 2**attempt, _LONGEST_PAUSE) * random.random())  # noqa: S311 - no secret
                try:
                    return await self._decide(writer, wanted, decide, kind, locked=attempt > 0)
                except _WiderError:
                    kind = "serializable"
                except ConflictError:
                    continue
                except (KeyNameTakenError, TokenNameTakenError):
                    # Perhaps another node gave that name a moment ago, and the next decision sees it.
                    if attempt:
                        raise
                except StoreError as error:
                    if error.cause is not Cause.CHANGED:
                        raise
        message = "it was changed by someone else at the same moment; try again"
        raise StoreError(message, Cause.CHANGED)

    async def look(self, wanted: Wanted) -> Snapshot:
        """See `Store.look`."""
        async with self._pool.transaction("read") as connection:
            return await load.snapshot(connection, wanted, Head(), locked=False)

    async def list_keys(self, after: str, limit: int) -> Sequence[StoredKey]:
        """See `Store.list_keys`."""
        async with self._pool.transaction("read") as connection:
            return await load.keys_after(connection, after, limit)

    async def sealed_otherwise(self, seal: int, limit: int) -> Sequence[StoredKey]:
        """See `Store.sealed_otherwise`."""
        async with self._pool.transaction("read") as connection:
            return await load.sealed_otherwise(connection, seal, limit)

    async def expired_keys(self, now: float, limit: int) -> Sequence[StoredKey]:
        """See `Store.expired_keys`."""
        async with self._pool.transaction("read") as connection:
            return await load.expired(connection, now, limit)

    async def tokens(self) -> Sequence[Token]:
        """See `Store.tokens`."""
        async with self._pool.transaction("read") as connection:
            return await load.tokens(connection)

    async def touch_tokens(self, used: Mapping[bytes, float]) -> None:
        """See `Store.touch_tokens`."""
        if used:
            async with self._pool.transaction("one-row") as connection:
                # In one order for all, or two nodes could wait for each other.
                await connection.executemany(
                    "UPDATE tokens SET last_used_at = $2"
                    " WHERE digest = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
                    sorted(used.items()),
                )

    async def audit_heads(self) -> Sequence[Head]:
        """See `Store.audit_heads`."""
        async with self._pool.transaction("read") as connection:
            return await load.heads(connection)

    async def audit_rows(self, chain: int, after: int, limit: int) -> Sequence[AuditRow]:
        """See `Store.audit_rows`."""
        async with self._pool.transaction("read") as connection:
            return await load.audit_rows(connection, chain, after, limit)

    async def prune(self, now: float) -> None:
        """See `Store.prune`."""
        for table in ("answers", "tickets"):
            # Little by little: each statement must end before it is given up.
            done = f"DELETE {_MANY}"
            while done == f"DELETE {_MANY}":
                async with self._pool.transaction("one-row") as connection:
                    done = await connection.execute(_PRUNE.format(table), now, _MANY)

    async def prune_audit(self, chain: int, before: int) -> None:
        """See `Store.prune_audit`."""
        async with self._pool.transaction("one-row") as connection:
            await connection.execute("DELETE FROM audit WHERE chain = $1 AND seq < $2", chain, before)

    async def scrub(self) -> None:
        """See `Store.scrub`: of the tables; its log, replicas and backups keep what they have."""
        await self._pool.outside("VACUUM (SKIP_LOCKED) keys, meta")

    async def probe(self) -> Head:
        """See `Store.probe`; and compare the clocks."""
        async with self._writer() as writer:
            writer.forget()
            head = await writer.head(self._pool)
            async with self._pool.transaction("read") as connection:
                await connection.execute("SELECT id FROM keys LIMIT 1")
                await writer.compare_clocks(connection)
            return head

    async def close(self) -> None:
        """See `Store.close`."""
        with contextlib.suppress(StoreError):
            for writer in self._writers:
                if writer.has_chain:
                    async with self._pool.transaction("one-row") as connection:
                        await writer.let_go(connection)
        await self._pool.close()

    @contextlib.asynccontextmanager
    async def _writer(self) -> AsyncIterator[Writer]:
        # The one used last is free last in line, so that both their leases stay fresh.
        writer = await self._free.get()
        try:
            yield writer
        finally:
            self._free.put_nowait(writer)

    async def _decide(
        self, writer: Writer, wanted: Wanted, decide: Decide[T], kind: Kind, *, locked: bool
    ) -> T:
        head = await writer.head(self._pool)
        async with self._pool.transaction(kind) as connection:
            snapshot = await load.snapshot(connection, wanted, head, locked=locked)
            changes, result = decide(snapshot)
            if changes.others and kind != "serializable":
                raise _WiderError
            await apply(connection, changes)
            if changes.head is not None:
                await writer.move(connection, changes.rows[0].seq - 1, changes.head)
        if changes.head is not None:
            writer.moved(changes.head)
        return result


class _WiderError(Exception):
    """More than the states of keys is to be changed: to be decided again, serializable."""


def _is_of_checks(wanted: Wanted) -> bool:
    """Tell whether only active keys are looked at, whose changes carry their whole condition."""
    return tuple(wanted.statuses) == (Status.ACTIVE,) and not (
        wanted.ids
        or wanted.deleted
        or wanted.recovery
        or wanted.ticket is not None
        or wanted.tokens
        or wanted.meta
    )

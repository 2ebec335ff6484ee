"""Who writes which chain of the audit log: one writer each, so that no two commits wait for one row.

A writer leases a chain, and every commit renews the lease. The lease only keeps writers out of each
other's way: what makes a chain sound is that its end is moved by a statement that names the end it was
decided on and the writer, and that the row must be there.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from watchword_server.store.postgres_apply import ConflictError
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Head

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_server.store.postgres_pool import Connection, Pool

LEASE_SECONDS = 60.0
"""How long a chain stays with a writer that is not heard of, by the database's clock."""

RENEWING_SECONDS = 20.0
"""After how long without a commit a writer asks whether the chain is still its own."""

MAX_CLOCK_DISTANCE = 10.0
"""Seconds by which a node's clock may be off the database's: as much as it may fall behind the log."""

_NOW = "extract(epoch FROM clock_timestamp())::double precision"
_COLUMNS = "seq, mac, at, chain"

_RENEW = f"""
UPDATE audit_head SET held_until = {_NOW} + $3 WHERE chain = $1 AND holder = $2 RETURNING {_COLUMNS}
"""  # noqa: S608 - our own text
_TAKE = f"""
UPDATE audit_head SET holder = $1, held_until = {_NOW} + $2
WHERE chain = (
  SELECT chain FROM audit_head WHERE held_until < {_NOW} ORDER BY chain LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own text
_BEGIN = f"""
INSERT INTO audit_head (chain, seq, mac, at, holder, held_until)
SELECT max(chain) + 1, 0, '', 0, $1, {_NOW} + $2 FROM audit_head
HAVING count(*) > 0
ON CONFLICT (chain) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608 - our own text
# The database's clock judges the decision, and with its commit: a node whose clock is off accepts no
# code that is over or not yet due.
_MOVE = f"""
UPDATE audit_head SET seq = $1, mac = $2, at = $3, held_until = {_NOW} + $4
WHERE chain = $5 AND holder = $6 AND seq = $7 AND ($8::double precision IS NULL
  OR abs({_NOW} - $8) <= {MAX_CLOCK_DISTANCE})
"""  # noqa: S608 - our own text


class Writer:
    """One that writes a chain, a transaction after the other."""

    def __init__(self, clock: Callable[[], float] | None) -> None:
        """Have no chain yet; `clock` gives Unix seconds, None to compare it with nothing."""
        self._name = secrets.token_hex(8)
        self._clock = clock
        self._chain: int | None = None
        self._head: Head | None = None
        self._renewed_at = float("-inf")

    @property
    def has_chain(self) -> bool:
        """Whether it may have a lease."""
        return self._chain is not None

    async def head(self, pool: Pool) -> Head:
        """The end of a chain that is this writer's alone.

        Raises:
            StoreError: The database failed.
        """
        fresh = asyncio.get_running_loop().time() - self._renewed_at < RENEWING_SECONDS
        if self._head is None or not fresh:
            async with pool.transaction("one-row") as connection:
                self._head = await self._claim(connection)
            self._renewed_at = asyncio.get_running_loop().time()
        return self._head

    async def move(self, connection: Connection, begin: int, head: Head) -> None:
        """Set the end of the chain, in the transaction that is open; `moved` says when it is done.

        Args:
            connection: Where the transaction is.
            begin: The number of the row before those that were added.
            head: The last of them.

        Raises:
            ConflictError: The chain was taken by another writer.
            StoreError: This node's clock is not the database's.
            asyncpg.PostgresError: The database failed.
        """
        self._head = None
        now = None if self._clock is None else self._clock()
        done = await connection.execute(
            _MOVE, *(head.seq, head.mac, head.at, LEASE_SECONDS, head.chain, self._name, begin, now)
        )
        if done != "UPDATE 1":
            await self.compare_clocks(connection)
            raise ConflictError

    def moved(self, head: Head) -> None:
        """Note that the end of the chain was committed."""
        self._head = head
        self._renewed_at = asyncio.get_running_loop().time()

    def forget(self) -> None:
        """Ask again for the end of the chain: nobody knows what became of the last commit."""
        self._head = None

    async def compare_clocks(self, connection: Connection) -> None:
        """Refuse a clock that is not the database's.

        Raises:
            StoreError: It is off by more than `MAX_CLOCK_DISTANCE`.
            asyncpg.PostgresError: The database failed.
        """
        if self._clock is None:
            return
        asked = self._clock()
        theirs = float(await connection.fetchval(f"SELECT {_NOW}"))
        # It answered somewhere between the asking and the answer.
        distance = max(asked - theirs, theirs - self._clock(), 0.0)
        if distance > MAX_CLOCK_DISTANCE:
            direction = "ahead of" if asked > theirs else "behind"
            message = (
                f"this machine's clock is {distance:.0f} s {direction} the database's;"
                " set the one that is wrong, and have both follow a time server"
            )
            raise StoreError(message, Cause.CLOCK_OFF)

    async def let_go(self, connection: Connection) -> None:
        """Leave the chain to others at once.

        Raises:
            asyncpg.PostgresError: The database failed; the lease ends by itself then.
        """
        self._head = None
        await connection.execute("UPDATE audit_head SET held_until = 0 WHERE holder = $1", self._name)

    async def _claim(self, connection: Connection) -> Head:
        own = None
        if self._chain is not None:
            own = await connection.fetchrow(_RENEW, self._chain, self._name, LEASE_SECONDS)
        while own is None:
            own = await connection.fetchrow(_TAKE, self._name, LEASE_SECONDS)
            if own is None:
                # Nothing if another writer begins a chain at this moment: then the next number.
                own = await connection.fetchrow(_BEGIN, self._name, LEASE_SECONDS)
            if own is None and not await connection.fetchval("SELECT count(*) FROM audit_head"):
                message = "the end of its audit log was taken away; restore a backup"
                raise StoreError(message, Cause.DAMAGED)
        head = Head(*own)
        self._chain = head.chain
        # All chains together say how late it is; each writer's clock may have been ahead of the
        # database's by as much as is allowed.
        newest = float(await connection.fetchval("SELECT max(at) FROM audit_head"))
        return Head(head.seq, head.mac, max(head.at, newest - MAX_CLOCK_DISTANCE), head.chain)

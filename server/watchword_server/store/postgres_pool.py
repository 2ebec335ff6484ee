"""Connections to PostgreSQL: opened when needed, kept, dropped when in doubt, opened again in time.

Nothing here lives longer than a transaction, but for statements that are prepared once: a pooler that
gives each transaction another connection (pgbouncer) is found out, and nothing is prepared then.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import asyncpg

from watchword_server.store.postgres_connect import CONNECT_SECONDS, connect
from watchword_server.store.postgres_errors import FAILURES, reason
from watchword_server.store.postgres_patience import Patience
from watchword_server.store.postgres_schema import bring_up_to_date
from watchword_server.store.protocol import Cause, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Literal, TypeAlias

    from asyncpg.pool import PoolConnectionProxy

    from watchword_server.store.postgres_address import Address

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Kind: TypeAlias = Literal["read", "one-row", "serializable"]

STATEMENT_SECONDS = 4.0
"""Longest statement; PostgreSQL gives up before, unless it cannot be heard: the connection goes then."""

_STATEMENT_MILLISECONDS = 3000
_LOCK_MILLISECONDS = 2500
_IDLE_MILLISECONDS = 1500
"""How long PostgreSQL keeps locks for a node that went silent in the middle of a transaction: less than
others wait for a lock, so that they get it."""

UNDO_SECONDS = 1.0
"""Longest wait for PostgreSQL to undo what was begun."""

MIGRATION_SECONDS = 300.0
"""Longest wait for the schema, which another node may be changing, and for a table to be tidied."""

_BEGIN: dict[Kind, str] = {
    # What is read belongs together.
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # For changes of single rows that carry their whole condition.
    "one-row": "BEGIN ISOLATION LEVEL READ COMMITTED",
    # For decisions on several rows: as if each had been alone.
    "serializable": "BEGIN ISOLATION LEVEL SERIALIZABLE",
}
_LIMITS = {
    "statement_timeout": str(_STATEMENT_MILLISECONDS),
    "lock_timeout": str(_LOCK_MILLISECONDS),
    "idle_in_transaction_session_timeout": str(_IDLE_MILLISECONDS),
}
PLANS = {"enable_hashjoin": "off", "enable_mergejoin": "off"}
"""Keys are looked up one by one by an index, always: of a table that grew faster than its statistics,
PostgreSQL would rather read all."""

# An acceptance that a crash could forget could be had twice: a database set to be fast is told to be
# safe, with each transaction, in the same packet. So are all settings where a pooler is in between.
_DURABLE = "; SET LOCAL synchronous_commit = on"
# To seal many secrets takes a while, in which PostgreSQL hears nothing; no check is among them.
_PATIENT = "; SET LOCAL idle_in_transaction_session_timeout = 15000"

_IN_DOUBT = {Cause.UNREACHABLE, Cause.READ_ONLY, Cause.DAMAGED}


class Pool:
    """A few connections to one database."""

    def __init__(self, address: Address, *, size: int) -> None:
        """Be ready to open up to `size` connections."""
        self._address = address
        self._size = size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._begin = _BEGIN
        self._patience = Patience(self._reason)
        self._closed = False

    @contextlib.asynccontextmanager
    async def transaction(self, kind: Kind) -> AsyncIterator[Connection]:
        """Begin; commit, unless something is raised.

        Raises:
            StoreError: The database failed. If that was at the commit, it may have been done.
        """
        try:
            async with self._connection(kind) as connection:
                yield connection
                await connection.execute("COMMIT")
        except FAILURES as error:
            # The cause is dropped: its frames hold secrets.
            raise self._reason(error) from None

    async def outside(self, statement: str) -> None:
        """Run a statement that PostgreSQL wants outside any transaction, and that may take its time.

        Raises:
            StoreError: The database failed, or knows no such statement.
        """
        try:
            connection = await connect(self._address.uri, statement_cache_size=0)
            try:
                await connection.execute(statement, timeout=MIGRATION_SECONDS)
                await connection.close()
            finally:
                connection.terminate()
        except FAILURES as error:
            raise self._reason(error) from None

    async def close(self) -> None:
        """Let go of all connections."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await pool.close()
            except (TimeoutError, *FAILURES):
                pool.terminate()

    @contextlib.asynccontextmanager
    async def _connection(self, kind: Kind) -> AsyncIterator[PoolConnectionProxy[asyncpg.Record]]:
        pool = await self._opened()
        connection = await self._begun(pool, kind)
        try:
            yield connection
        except BaseException as error:
            if isinstance(error, TimeoutError):
                # Silence: PostgreSQL itself gives up earlier, and says so.
                self._patience.fail(error)
            await _undo(connection, error)
            raise
        finally:
            await pool.release(connection, timeout=UNDO_SECONDS)

    async def _begun(
        self, pool: asyncpg.Pool[asyncpg.Record], kind: Kind
    ) -> PoolConnectionProxy[asyncpg.Record]:
        with self._patience.attempt():
            for _ in range(self._size + 1):
                connection = await pool.acquire()
                try:
                    await connection.execute(self._begin[kind])
                except BaseException as error:
                    connection.terminate()
                    await pool.release(connection)
                    # One that PostgreSQL closed while nobody looked: nothing was done by it, so the
                    # next. Silence is another matter, and will be the same there.
                    if isinstance(error, TimeoutError) or not isinstance(error, FAILURES):
                        await pool.expire_connections()
                        raise
                    continue
                return connection
            raise ConnectionError

    async def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        """The pool, made when first asked for: then the schema is seen to, and what is in between."""
        if self._closed:
            message = "it is closed"
            raise StoreError(message)
        if self._pool is None:
            # Whoever opens it may have to wait for the schema; others do not wait for that.
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._opening.acquire()
            try:
                if self._pool is None:
                    with self._patience.attempt():
                        self._pool = await self._open()
            finally:
                self._opening.release()
        return self._pool

    async def _open(self) -> asyncpg.Pool[asyncpg.Record]:
        connection = await connect(self._address.uri, statement_cache_size=0)
        try:
            async with asyncio.timeout(MIGRATION_SECONDS):
                await bring_up_to_date(connection)
                # In a transaction, so that a pooler cannot part the asking from the answer.
                async with connection.transaction():
                    backend = await connection.fetchval("SELECT pg_backend_pid()")
                    is_pooled = backend != connection.get_server_pid()
                    durability = await connection.fetchval("SHOW synchronous_commit")
                    version = await connection.fetchval("SELECT version()")
                await connection.close()
        finally:
            connection.terminate()
        # CockroachDB plans in its own way.
        settings = _LIMITS if "CockroachDB" in version else _LIMITS | PLANS
        local = "".join(f"; SET LOCAL {name} = {value}" for name, value in settings.items())
        suffix = (local if is_pooled else "") + (_DURABLE if durability == "off" else "")
        self._begin = {kind: begin + suffix for kind, begin in _BEGIN.items()}
        self._begin["serializable"] += _PATIENT
        return await asyncpg.create_pool(
            self._address.uri,
            min_size=0,
            max_size=self._size,
            # A connection that works is not closed for having worked.
            max_queries=2**31,
            connect=_connect,
            command_timeout=STATEMENT_SECONDS,
            statement_cache_size=0 if is_pooled else 100,
            server_settings={"application_name": "watchword", **({} if is_pooled else settings)},
            reset=_nothing_to_reset,
        )

    def _reason(self, error: Exception) -> StoreError:
        found = reason(error)
        return StoreError(f"the database {self._address.shown}: {found}", found.cause)


async def _undo(connection: PoolConnectionProxy[asyncpg.Record], error: BaseException) -> None:
    """End a transaction that is not to be; drop the connection if there is any doubt about it."""
    if connection.is_closed():
        return
    # A decision that was not taken, or a statement that PostgreSQL refused, says nothing against it; a
    # primary that turned into a replica does.
    is_in_doubt = not isinstance(error, Exception) or reason(error).cause in _IN_DOUBT
    if not is_in_doubt:
        with contextlib.suppress(*FAILURES):
            async with asyncio.timeout(UNDO_SECONDS):
                await connection.execute("ROLLBACK")
                return
    connection.terminate()


async def _connect(
    dsn: str | None = None,
    **options: Any,  # noqa: ANN401 - asyncpg's own
) -> asyncpg.Connection[asyncpg.Record]:
    """Connect as `connect` does, with the parameters that a pool of asyncpg has."""
    return await connect(dsn or "", **options)


async def _nothing_to_reset(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """No transaction leaves anything behind, so that asyncpg need not ask for it to be cleaned."""

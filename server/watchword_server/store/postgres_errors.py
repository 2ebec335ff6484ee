"""What a failure of PostgreSQL means, in words."""

from __future__ import annotations

import asyncpg

from watchword_server.store.protocol import Cause, StoreError

_WORDS: dict[Cause, str] = {
    Cause.UNREACHABLE: "it cannot be reached; see that it runs, and that the network lets us through",
    Cause.READ_ONLY: "it can only be read; it may be a replica that is not promoted yet",
    Cause.DISK_FULL: "its disk is full; make room there",
    Cause.LOCKED: "others hold what is wanted for too long; see pg_stat_activity for who",
    Cause.CHANGED: "someone else changed the same thing at this moment; try again",
    Cause.DAMAGED: "it is damaged; restore a backup, or promote a replica",
}

_UNREACHABLE = (
    OSError,  # with TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is shut down, or starts, or another did
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # the connection was closed under our hands
    asyncpg.InternalClientError,
)
_READ_ONLY = (asyncpg.ReadOnlySQLTransactionError, asyncpg.TargetServerAttributeNotMatched)
_LOCKED = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
_DAMAGED = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError)

FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What the driver raises: everything that this module has words for."""

CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""Someone else was first; done again from the start, it may well succeed."""


def reason(error: Exception) -> StoreError:
    """What went wrong, with what to do. PostgreSQL's own words are not repeated: they quote values."""
    if isinstance(error, StoreError):
        return error
    cause = _cause(error)
    if cause in _WORDS:
        return StoreError(_WORDS[cause], cause)
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():
            words = "it does not let us in; check the user and the password"
        case asyncpg.InvalidCatalogNameError():
            words = "there is no such database; make it: createdb"
        case asyncpg.InsufficientPrivilegeError() | asyncpg.InvalidSchemaNameError():
            words = "our user may not do that; make it the owner of the database"
        case asyncpg.ClientConfigurationError():
            words = f"its address cannot be used: {error}"
        case asyncpg.PostgresError():
            words = f"PostgreSQL failed with SQLSTATE {error.sqlstate}; see its log"
        case _:
            words = f"the driver failed: {type(error).__name__}"
    return StoreError(words, Cause.FAILED)


def _cause(error: Exception) -> Cause:
    # QueryCanceledError is an OperatorInterventionError, ClientConfigurationError an InterfaceError.
    for kinds, cause in (
        (_LOCKED, Cause.LOCKED),
        ((asyncpg.ClientConfigurationError,), Cause.FAILED),
        (_READ_ONLY, Cause.READ_ONLY),
        (_UNREACHABLE, Cause.UNREACHABLE),
        ((asyncpg.DiskFullError,), Cause.DISK_FULL),
        (_DAMAGED, Cause.DAMAGED),
        (CONFLICTS, Cause.CHANGED),
    ):
        if isinstance(error, kinds):
            return cause
    return Cause.FAILED

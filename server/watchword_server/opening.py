"""The database made ready, or left until what it needs is there again: the server then says 503."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from watchword_server.bootstrap import bootstrap, prepare
from watchword_server.ledger import AUDIT_KEY
from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Wanted

if TYPE_CHECKING:
    from watchword_server.bootstrap import Bootstrapped
    from watchword_server.dotenv import Configured
    from watchword_server.ledger import Ledger

RETRY_SECONDS = 2
"""How often to look whether it can be made ready."""

_PASSES = {
    Cause.SEALING_KEY_MISSING,
    Cause.SEALING_KEY_WRONG,
    Cause.CLOCK_BACK,
    Cause.DISK_FULL,
    Cause.READ_ONLY,
    Cause.LOCKED,
    Cause.UNREACHABLE,
    Cause.CLOCK_OFF,
}
"""What an operator can mend while the server runs."""

_PASSES_ELSEWHERE = {Cause.UNREACHABLE, Cause.READ_ONLY}
"""What passes on another machine, whatever is in the database."""

_logger = logging.getLogger(__name__)


async def make_ready(ledger: Ledger, configured: Configured) -> Bootstrapped | StoreError:
    """Prepare the database and make sure of a default key and a token.

    Returns:
        What was found or made; or what is in the way, of a database that was ready before and will
        be again: sealing keys that are not there, a clock that was set back, a full disk; or that the
        database is on another machine, and does not answer or is a replica yet.

    Raises:
        StoreError: Something else is in the way, or the database was never ready.
    """
    was_ready = None
    try:
        was_ready = AUDIT_KEY in (await ledger.store.look(Wanted(meta=(AUDIT_KEY,)))).meta
        await prepare(ledger.store, ledger.keyring)
        return await bootstrap(ledger, configured)
    except StoreError as error:
        may_pass = error.cause in (_PASSES if was_ready else _PASSES_ELSEWHERE)
        # A SQLite file that can only be read tells whether it was ready; a replica is not let read.
        if not may_pass or (was_ready is False and error.cause is Cause.READ_ONLY):
            raise
        return error


async def make_ready_in_time(ledger: Ledger, configured: Configured) -> Bootstrapped:
    """Try again until it succeeds."""
    while True:
        await asyncio.sleep(RETRY_SECONDS)
        try:
            done = await make_ready(ledger, configured)
        except StoreError as error:
            done = error
        if not isinstance(done, StoreError):
            _logger.info("ready now")
            return done

"""Sealing the secrets of many keys by one sealing key, a batch at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from watchword_server.store.protocol import Cause, StoreError
from watchword_server.store.records import Changes, PutKey, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from watchword_otp import Secret
    from watchword_server.seal import Ring
    from watchword_server.store.protocol import Store
    from watchword_server.store.records import StoredKey


async def seal_batch(
    store: Store,
    ring: Ring,
    number: int,
    batch: Sequence[StoredKey],
    secret_of: Callable[[StoredKey], Secret],
) -> bool:
    """Seal the secrets of these keys by the sealing key of this number, all or none.

    Returns:
        Whether it was done; if not, a key was changed meanwhile, and is to be loaded again.

    Raises:
        StoreError: The database failed, or a secret does not open.
    """

    def seal(stored: StoredKey) -> PutKey:
        sealed = ring.seal_secret(number, stored.id, stored.name, secret_of(stored))
        return PutKey(stored, msgspec.structs.replace(stored, seal=number, secret=sealed))

    # Before the transaction, for checks wait for that.
    changes = await asyncio.to_thread(lambda: Changes(others=list(map(seal, batch))))
    try:
        return await store.transact(Wanted(), lambda _: (changes, True))
    except StoreError as error:
        if error.cause is not Cause.CHANGED:
            raise
        return False

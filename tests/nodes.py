"""Several servers on one PostgreSQL, as one system has them: the same keys, the same sealing keys.

token = await furnish(uri, tmp_path, KEYS)
with node(tmp_path, "one", uri) as one, node(tmp_path, "two", uri) as two:
    async with load([one, two], token) as history:
        ...                              # clients send codes all the time, and note what they hear
await require_sound(history, uri, tmp_path)
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from server_processes import server_process
from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.bootstrap import prepare
from watchword_server.ledger import ACTIVE_SEAL, Act, Ledger
from watchword_server.newkeys import NewKey, new_stored_key
from watchword_server.seal import Keyring
from watchword_server.store.postgres import PostgresStore
from watchword_server.store.postgres_address import parse_address
from watchword_server.store.records import AddKey, AddToken, Changes, Wanted
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path

    from server_processes import ServerProcess
    from watchword_server.store.records import Snapshot

PERIOD = 30


def key_of(name: str, period: int = PERIOD) -> Key:
    """The key of this name: always the same one."""
    return Key(secret=Secret(name.encode().ljust(20, b".")), period=period)


def code_of(name: str, offset: int = 0) -> str:
    """Its code by this machine's clock, or that of a step some steps from now."""
    key = key_of(name)
    return code_at(key, step_at(key, time.time()) + offset)


@contextlib.asynccontextmanager
async def opened(uri: str, folder: Path) -> AsyncIterator[Ledger]:
    """The database at `uri` as another node has it; the sealing keys of all nodes are in `folder`."""
    store = PostgresStore(parse_address(uri), clock=None)
    try:
        keyring = Keyring(folder / "sealing.keys", {})
        await prepare(store, keyring)
        yield Ledger(store, keyring, clock=time.time)
    finally:
        await store.close()


async def furnish(uri: str, folder: Path, keys: Mapping[str, Key]) -> str:
    """Prepare a database, with these keys by name; give a token that may do all."""
    text = new_token()
    token = Token(name="test", digest=digest_of(text), scopes=frozenset(Scope))
    async with opened(uri, folder) as ledger:

        def decide(snapshot: Snapshot, now: float) -> tuple[Act, None]:
            added = [
                new_stored_key(
                    ledger,
                    snapshot,
                    NewKey(name=name, key=key),
                    now,
                    confirmed=True,
                    number=number,
                )
                for number, (name, key) in enumerate(keys.items(), snapshot.next_key_id)
            ]
            return Act(Changes(others=[AddToken(token), *map(AddKey, added)])), None

        await ledger.transact(Wanted(meta=(ACTIVE_SEAL,)), decide)
    return text


@contextlib.contextmanager
def node(
    folder: Path, name: str, uri: str, *arguments: str, under: Sequence[str] = ()
) -> Iterator[ServerProcess]:
    """Start a server on the database at `uri`; its home is `name` in `folder`."""
    home = folder / name
    home.mkdir(exist_ok=True)
    environment = {
        "WATCHWORD_SERVER_STORE": uri,
        "WATCHWORD_SERVER_SEALING_KEYS": str(folder / "sealing.keys"),
    }
    with server_process(home, *arguments, environment=environment, under=under) as server:
        yield server

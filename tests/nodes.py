"""Several servers on one PostgreSQL, as one system has them: the same keys, the same sealing keys.

token = await furnish(uri, tmp_path, KEYS)
with node(tmp_path, "one", uri) as one, node(tmp_path, "two", uri) as two:
    async with load({"one": one, "two": two}, token) as running:
        ...                              # clients send codes all the time, and note what they hear
await require_sound(running.history, uri, tmp_path)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from benchmarks.history import Asked, History, Said, contradictions
from benchmarks.history_reading import evidence_in

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

PERIOD = 2
"""Seconds: each key has a code to be accepted that often."""
KEYS = {f"key{number}": Key(secret=Secret(number.to_bytes(20)), period=PERIOD) for number in range(100)}

_CLIENTS = 16
_PATIENCE = 0.05
_SAID = {429: Said.LOCKED, 503: Said.UNAVAILABLE}


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


@dataclass
class Load:
    """Clients that send right codes to nodes all the time, some to all of them at the same moment."""

    urls: Mapping[str, str]
    """Of the nodes, by name; a node that is started again may get another."""
    token: str = field(repr=False)
    history: History = field(default_factory=History)

    def accepted_by(self, name: str) -> int:
        """How many acceptances clients were told of by a node."""
        return sum(each.node == name and each.said is Said.TRUE for each in self.history.asked)

    async def until_accepted(self, *names: str, more: int = 20, seconds: float = 20) -> float:
        """Wait until each of these nodes has accepted so many more; give the seconds that took."""
        began = time.monotonic()
        wanted = {name: self.accepted_by(name) + more for name in names}
        while any(self.accepted_by(name) < count for name, count in wanted.items()):
            assert time.monotonic() < began + seconds, self._told_since(began)
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    def _told_since(self, began: float) -> str:
        """What clients were told lately, where they should have been told something else."""
        told = Counter(
            (each.node, each.said.value) for each in self.history.asked if each.sent_at >= began
        )
        return ", ".join(f"{node}: {count} {said}" for (node, said), count in sorted(told.items()))

    async def send(self, client: aiohttp.ClientSession, node: str, key: str, name: str) -> Said:
        """Send a key's code of now, and note what came of it."""
        step = step_at(KEYS[key], time.time())
        sent_at, answered_at, said = time.monotonic(), None, Said.NOTHING
        try:
            async with client.post(
                f"{self.urls[node]}/v1/keys/{key}/check",
                json={"code": code_at(KEYS[key], step)},
                headers={"X-Request-Id": name},
            ) as answer:
                body = await answer.json(content_type=None)
                said = _SAID.get(answer.status) or (Said.TRUE if body["valid"] else Said.FALSE)
            answered_at = time.monotonic()
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            # The node was killed, or it is silent.
            await asyncio.sleep(_PATIENCE)
        finally:
            self.history.note(Asked((name,), key, step, node, sent_at, answered_at, said))
        return said

    async def _send_for_ever(self, client: aiohttp.ClientSession, number: int) -> None:
        chance = random.Random(number)
        for count in itertools.count():
            key = chance.choice([*KEYS])
            nodes = [*self.urls] if number % 2 else [chance.choice([*self.urls])]
            said = await asyncio.gather(
                *(self.send(client, node, key, f"{number}-{count}-{node}") for node in nodes)
            )
            if Said.UNAVAILABLE in said:
                await asyncio.sleep(_PATIENCE)


@contextlib.asynccontextmanager
async def load(nodes: Mapping[str, ServerProcess], token: str) -> AsyncIterator[Load]:
    """Put nodes under load while the block lasts."""
    made = Load({name: node.url for name, node in nodes.items()}, token)
    async with asking(token) as client:
        tasks = [asyncio.create_task(made._send_for_ever(client, number)) for number in range(_CLIENTS)]
        try:
            await made.until_accepted(*nodes)
            yield made
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ended:
        assert isinstance(end, asyncio.CancelledError), end


@contextlib.asynccontextmanager
async def asking(token: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that opens as many connections as there are requests at once."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=20),
    ) as client:
        yield client


async def require_sound(history: History, uri: str, folder: Path) -> None:
    """Hold what clients heard against the database."""
    async with opened(uri, folder) as ledger:
        evidence = await evidence_in(ledger)
    assert list(contradictions(history.asked, evidence, period=PERIOD)) == []


async def refusal(client: aiohttp.ClientSession, server: ServerProcess) -> str:
    """Why a node cannot decide a check now."""
    async with client.post(f"{server.url}/v1/keys/key0/check", json={"code": "000000"}) as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        return str((await answer.json(content_type=None))["cause"])


async def readiness(client: aiohttp.ClientSession, server: ServerProcess) -> dict[str, str]:
    """What is looked at, and what is wrong with it; nothing if it is ready."""
    async with client.get(f"{server.url}/readyz") as answer:
        said = await answer.json(content_type=None)
    return {} if answer.status == 200 else {**said["checks"]}


async def until_ready(client: aiohttp.ClientSession, server: ServerProcess, seconds: float) -> None:
    """Wait until it is ready."""
    async with asyncio.timeout(seconds):
        while await readiness(client, server):  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)

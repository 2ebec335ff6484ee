"""A real server for tests: the whole application on a loopback socket, a SQLite file, a clock to turn.

async with running_server(tmp_path) as server:
    answer = await client.post(f"{server.url}/v1/keys/default/check", ...)
    server.clock.advance(30)
"""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx
import msgspec
from aiohttp import web

import statuses
from each_store import open_store_of
from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.app import create_app
from watchword_server.audit import Caller, Chain, Event
from watchword_server.bootstrap import activate_key, prepare
from watchword_server.checker import Checker
from watchword_server.ledger import Ledger
from watchword_server.metrics import Metrics
from watchword_server.seal import Keyring
from watchword_server.serve import make_runner
from watchword_server.sitting import Question
from watchword_server.store.records import AddToken, Change, Changes, Head, PutToken, Wanted
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from watchword_server.edge import Edge
    from watchword_server.store.protocol import Store
    from watchword_server.store.records import Status, StoredKey

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx's `verify`: reading the system's certificates takes longer than most tests."""

NOON = 1_800_000_000.0
"""Where test clocks start: the first second of a step."""

KEY = Key(secret=Secret(b"12345678901234567890"))
"""RFC 6238's SHA1 key, as an ordinary one with 6 digits."""


_TOKENS = {"all": set(Scope), "check": {Scope.CHECK}, "qr": {Scope.QR}}


@dataclass(slots=True)
class Clock:
    """Unix seconds that only a test moves."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True, slots=True)
class RunningServer:
    """What a test may want of a server. Its tokens: `token` may do all, the others one thing.

    `database` is the SQLite file, or stands for PostgreSQL: see `each_store`.
    """

    url: str
    clock: Clock
    key: Key
    ledger: Ledger
    store: Store
    database: Path
    token: str = field(repr=False)
    check_token: str = field(repr=False)
    qr_token: str = field(repr=False)

    def code(self, offset: int = 0) -> str:
        """The default key's code now, or `offset` steps from now."""
        return code_at(self.key, step_at(self.key, self.clock.now) + offset)

    def wrong_code(self) -> str:
        """A well-formed code of no step anywhere near."""
        near = {self.code(offset) for offset in range(-32, 33)}
        return next(f"{number:06}" for number in range(100) if f"{number:06}" not in near)

    @contextlib.asynccontextmanager
    async def client(self, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client with `token` (or the one that may do all; "" for none), on this server."""
        chosen = self.token if token is None else token
        headers = {"Authorization": f"Bearer {chosen}"} if chosen else {}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False, timeout=10, verify=NO_TLS
        ) as client:
            yield client


def asked(code: str, name: str = "default") -> Question:
    """A question for a `Checker`."""
    return Question(name, code, Caller("test"))


def checker_of(ledger: Ledger) -> Checker:
    """A checker as the application has it, with the usual window."""
    return Checker(ledger, window=1, metrics=Metrics())


async def find_key(store: Store, name: str = "default") -> StoredKey:
    """The active key of this name."""
    found = (await store.look(Wanted(names=[name]))).find(name)
    assert found is not None
    return found


async def count_keys(store: Store) -> Counter[Status]:
    """How many of the first keys that were made have each status."""
    return Counter(key.status for key in (await store.look(Wanted(ids=range(100)))).keys)


async def change(store: Store, *changes: Change) -> None:
    """Make changes that nobody decided on."""
    await store.transact(Wanted(), lambda _: (Changes(others=changes), None))


async def store_token(store: Store, token: Token) -> None:
    await change(store, AddToken(token))


async def revoke_token(store: Store, name: str, at: float) -> None:
    for token in await store.tokens():
        if token.name == name and token.revoked_at is None:
            await change(store, PutToken(replace(token, revoked_at=at)))


async def audit_events(ledger: Ledger) -> list[Event]:
    """Every event of the audit log, whose chains hold from their first row to their head."""
    events: list[Event] = []
    for head in await ledger.store.audit_heads():
        chain = Chain(await ledger.audit_key(), Head(chain=head.chain))
        while rows := await ledger.store.audit_rows(head.chain, chain.seq, 1000):
            assert chain.add(rows), chain.fault
            events += [msgspec.json.decode(row.event, type=Event) for row in rows]
        assert chain.finish(head), chain.fault
    return events


async def audit_end(store: Store) -> Head:
    """The end of an audit log of one chain."""
    (head,) = await store.audit_heads()
    return head


async def open_ledger(store: Store, folder: Path, clock: Clock) -> Ledger:
    """A ledger on `store`, its sealing keys in `folder`, ready for keys."""
    keyring = Keyring(folder / "sealing.keys", {})
    await prepare(store, keyring)
    return Ledger(store, keyring, clock=clock)


@contextlib.asynccontextmanager
async def running_server(
    folder: Path,
    *,
    key: Key = KEY,
    clock: Clock | None = None,
    window: int = 1,
    issuer: str = "Watchword",
    edge: Edge | None = None,
    tokens: Sequence[Token] = (),
) -> AsyncIterator[RunningServer]:
    """Run the application on a free loopback port; run it again on the same folder to restart it."""
    clock = clock or Clock()
    database = folder / "watchword.db"
    store = await open_store_of(folder)
    try:
        ledger = await open_ledger(store, folder, clock)
        await activate_key(ledger, "default", key)
        texts = {name: new_token() for name in _TOKENS}
        made = [
            Token(name=name, digest=digest_of(texts[name]), scopes=frozenset(scopes))
            for name, scopes in _TOKENS.items()
        ]
        app = create_app(
            ledger=ledger,
            clock=clock,
            window=window,
            issuer=issuer,
            configured_tokens=[*made, *tokens],
            edge=edge,
        )
        app.on_response_prepare.append(statuses.note)
        runner = make_runner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield RunningServer(
                url=f"http://127.0.0.1:{site.port}",
                clock=clock,
                key=key,
                ledger=ledger,
                store=store,
                database=database,
                token=texts["all"],
                check_token=texts["check"],
                qr_token=texts["qr"],
            )
        finally:
            await runner.cleanup()
    finally:
        await store.close()

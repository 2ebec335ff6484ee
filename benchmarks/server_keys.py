"""Databases with many keys, made once and kept, and requests about these keys."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import random
import shutil
import sqlite3
import time
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import CACHE, UnavailableError, say

from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.audit_check import verify_audit
from watchword_server.bootstrap import activate_key, prepare
from watchword_server.ledger import Act, Ledger
from watchword_server.seal import Keyring
from watchword_server.store.protocol import StoreError
from watchword_server.store.records import AddToken, Changes, Wanted
from watchword_server.store.sqlite import SqliteStore
from watchword_server.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from typing import TypeVar

    from watchword_server.store.records import Snapshot

    _T = TypeVar("_T")

PERIOD = 86_400
"""A day, for no code to grow old while the others are sent."""

OFFSETS = (-1, 0, 1)
"""The steps of the usual window, oldest first: so often a key has a code that was never used."""

DEFAULT_KEY = Key(secret=Secret(b"default key of a benchmark"))
"""Of 30 s, as the prototype has it."""

_SEED = b"key of a benchmark"
_SHARE = 100_000
_LAG = 150
"""Triples between a code and its replay: more than there are connections, so that one is answered
before the other is sent."""


def name_of(number: int) -> str:
    """What the key of this number is called."""
    return f"user-{number:07}"


def key_of(number: int, period: int = PERIOD) -> Key:
    """The key of this number: always the same, for its codes to be drawn without opening anything."""
    return Key(secret=Secret(hmac.digest(_SEED, b"%d" % number, "sha1")), period=period)


class Keys:
    """A data folder with a default key and `count` more, and requests about these."""

    def __init__(self, folder: Path, count: int) -> None:
        """Copy the database with that many keys to `folder`, and make a token for it.

        Raises:
            UnavailableError: The kept database does not open.
        """
        self.count = count
        self.data = folder / f"data-{count}"
        shutil.copytree(_kept(count), self.data)
        self.database = self.data / "watchword.db"
        self.token = make_token(self.data, Scope.CHECK)
        self.today = step_at(key_of(0), time.time())

    def mixed(self, path: Path, *, seed: int, triples: int | None = None) -> Path:
        """Write requests to `path`: good, wrong and used codes, a third each, over as many keys.

        Each key has one code after the other, oldest first, and each time one of the three kinds: so
        no key fails twice in a row, and none is ever locked.

        Args:
            path: A line for each.
            seed: Which order, and of many keys which.
            triples: How many keys each once; None for all keys, and each of their codes.
        """
        numbers = self._choose(seed, triples or self.count)
        offsets = OFFSETS if triples is None else OFFSETS[:1]
        with path.open("w", encoding="ascii") as lines:
            for offset in offsets:
                good = [_check(number, self._code(number, offset)) for number in numbers]
                wrong = [_check(number, self._wrong(number)) for number in numbers]
                # Wrong codes of other keys: half the round away from the good ones.
                half = len(wrong) // 2
                wrong = wrong[half:] + wrong[:half]
                for at in range(len(good) + _LAG):
                    if at < len(good):
                        lines.write(good[at])
                        lines.write(wrong[at])
                    if at >= _LAG:
                        lines.write(good[at - _LAG])
        return path

    def forget(self) -> None:
        """Let every key start anew: nothing consumed, nothing counted; the audit log stays."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as connection:
            with connection:
                connection.execute(
                    "UPDATE keys SET last_step = -1, consumed_at = NULL, failures = 0, offset = NULL"
                    " WHERE last_step <> -1 OR failures <> 0"
                )
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def rows(self) -> int:
        """How many rows the audit log has."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            (count,) = connection.execute("SELECT seq FROM audit_head").fetchone()
        return int(count)

    def decided_after(self, row: int) -> tuple[int, int]:
        """How many codes were accepted and judged since a row of the audit log, each step on disk.

        Raises:
            UnavailableError: A step was accepted twice, or a key's last step is not the one accepted.
        """
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            # At one moment: the last requests of a round may still be under way.
            connection.execute("BEGIN")
            judged = connection.execute(
                "SELECT event ->> 'verdict', event ->> 'key', event ->> 'offset' FROM audit"
                " WHERE seq > ? ORDER BY seq",
                (row,),
            ).fetchall()
            stored = dict(connection.execute("SELECT name, last_step FROM keys WHERE last_step >= 0"))
        accepted = [(name, offset) for verdict, name, offset in judged if verdict == "accepted"]
        last: dict[str, int] = {}
        for name, offset in accepted:
            step = self.today + int(offset)
            if step <= last.get(name, -1):
                raise UnavailableError(f"{name} accepted a step that was used")
            last[name] = step
        if last != stored:
            raise UnavailableError("the steps accepted and the steps stored are not the same")
        return len(accepted), len(judged)

    def require_whole_audit(self) -> None:
        """Verify the chain of the audit log.

        Raises:
            UnavailableError: It does not hold.
        """
        report = asyncio.run(with_ledger(self.data, verify_audit))
        if report.fault is not None:
            raise UnavailableError(f"the audit log does not verify: {report.fault}")

    def _choose(self, seed: int, count: int) -> Sequence[int]:
        """Numbers of keys in some order, those without two equal codes in the window.

        A code that is a later step's, too, consumes that one, and is rightly refused afterwards.
        """
        order = random.Random(seed).sample(range(self.count), min(self.count, count + count // 100 + 5))
        distinct = (
            number
            for number in order
            if len({self._code(number, offset) for offset in OFFSETS}) == len(OFFSETS)
        )
        return list(islice(distinct, count))

    def _code(self, number: int, offset: int) -> str:
        return code_at(key_of(number), self.today + offset)

    def _wrong(self, number: int) -> str:
        right = {self._code(number, offset) for offset in OFFSETS}
        return next(code for guess in range(4) if (code := f"{number + guess:06}"[-6:]) not in right)


def make_token(data: Path, *scopes: Scope) -> str:
    """Make a token in a prepared data folder."""
    text = new_token()

    def decide(_: Snapshot, now: float) -> tuple[Act, None]:
        token = Token(
            name=f"benchmark-{scopes[0].value.replace(':', '-')}",
            digest=digest_of(text),
            scopes=frozenset(scopes),
            created_at=now,
        )
        return Act(Changes(others=[AddToken(token)])), None

    asyncio.run(with_ledger(data, lambda ledger: ledger.transact(Wanted(), decide)))
    return text


def make_keys(data: Path, count: int, period: int = PERIOD) -> None:
    """Make a data folder with a default key and `count` more."""
    data.mkdir(parents=True, mode=0o700)
    asyncio.run(with_ledger(data, lambda ledger: activate_key(ledger, "default", DEFAULT_KEY)))
    _fill(data, count, period)


def _check(number: int, code: str) -> str:
    return f'POST /v1/keys/{name_of(number)}/check {{"code":"{code}"}}\n'


async def with_ledger(data: Path, work: Callable[[Ledger], Awaitable[_T]]) -> _T:
    """Do something with a data folder, as a command of the server does."""
    store = await SqliteStore.open(data / "watchword.db")
    try:
        keyring = Keyring(data / "sealing.keys", {})
        await prepare(store, keyring)
        return await work(Ledger(store, keyring, clock=time.time))
    finally:
        await store.close()


def _kept(count: int) -> Path:
    """The folder of the database with that many keys, made when there is none of this making yet."""
    made_of = hashlib.sha256(Path(__file__).read_bytes())
    migrations = resources.files("watchword_server.store") / "migrations"
    for script in sorted(each.name for each in migrations.iterdir()):
        made_of.update((migrations / script).read_bytes())
    folder = CACHE / "keys" / f"{count}-{made_of.hexdigest()[:16]}"
    if folder.is_dir():
        with contextlib.suppress(StoreError):
            asyncio.run(with_ledger(folder, _open_last))
            return folder
    for other in folder.parent.glob(f"{count}-*"):
        shutil.rmtree(other)
    say(f"making {count} keys")
    making = folder.with_name(f"{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    make_keys(making, count)
    making.rename(folder)
    return folder


async def _open_last(ledger: Ledger) -> None:
    (last,) = (await ledger.store.look(Wanted(names=["default"]))).keys
    ledger.keyring.open_key(last)


def _fill(data: Path, count: int, period: int) -> None:
    """Put keys into a database, past the store: it commits to disk, which takes its time."""
    ring = Keyring(data / "sealing.keys", {}).ring()
    seal = ring.newest

    def rows(numbers: range) -> Iterator[tuple[object, ...]]:
        for number in numbers:
            key, name, key_id = key_of(number), name_of(number), number + 10
            yield (key_id, name, seal, ring.seal_secret(seal, key_id, name, key.secret), period)

    with contextlib.closing(sqlite3.connect(data / "watchword.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for begin in range(0, count, _SHARE):
            with connection:
                connection.executemany(
                    "INSERT INTO keys (id, name, status, seal, secret, kind, algorithm, digits, period,"
                    " created_at, confirmed_at)"
                    " VALUES (?, ?, 'active', ?, ?, 'totp', 'SHA1', 6, ?, 0, 0)",
                    rows(range(begin, min(begin + _SHARE, count))),
                )
            if count > _SHARE:
                say(f"  {min(begin + _SHARE, count)}")

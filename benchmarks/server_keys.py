"""Many keys whose codes anybody here can draw, requests about them, and what became of these."""

from __future__ import annotations

import asyncio
import hmac
import random
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from benchmarks.harness import UnavailableError

from watchword_otp import Key, Secret, code_at, step_at
from watchword_server.audit_check import verify_audit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from watchword_server.ledger import Ledger

_T = TypeVar("_T")

PERIOD = 86_400
"""A day, for no code to grow old while the others are sent."""

OFFSETS = (-1, 0, 1)
"""The steps of the usual window, oldest first: so often a key has a code that was never used."""

DEFAULT_KEY = Key(secret=Secret(b"default key of a benchmark"))
"""Of 30 s, as the prototype has it."""

FORGET = (
    'UPDATE keys SET last_step = -1, consumed_at = NULL, failures = 0, "offset" = NULL'
    " WHERE last_step <> -1 OR failures <> 0"
)
"""For any database: every key is as if nothing had been asked of it."""

_SEED = b"key of a benchmark"
LAG = 150
"""Triples, three requests each, between a code and its replay: more requests than there are connections,
so that one is answered before the other is sent."""


@dataclass(frozen=True)
class Judged:
    """What a database says of the checks in a while."""

    checks: Sequence[tuple[str, str, int | None]]
    """Verdict, key's name and matched step less the one of today, in the order of the decisions."""
    stored: Mapping[str, int]
    """The last step of each key that has any."""


class Database(Protocol):
    """Where keys are, looked at behind the server's back."""

    data: Path
    """The server's data folder."""
    options: Sequence[str]
    """What a server is told to find this database, beyond the folder."""

    def forget(self) -> None:
        """Let every key start anew: nothing consumed, nothing counted; the audit log stays."""
        ...

    def ends(self) -> Mapping[int, int]:
        """The number of the last row of each chain of the audit log."""
        ...

    def judged_since(self, ends: Mapping[int, int]) -> Judged:
        """What was decided after these rows, and what is stored, at one moment."""
        ...

    def ledger(self) -> AbstractAsyncContextManager[Ledger]:
        """Open it as a command of the server does."""
        ...


def name_of(number: int) -> str:
    """What the key of this number is called."""
    return f"user-{number:07}"


def key_of(number: int, period: int = PERIOD) -> Key:
    """The key of this number: always the same, for its codes to be drawn without opening anything."""
    return Key(secret=Secret(hmac.digest(_SEED, b"%d" % number, "sha1")), period=period)


def with_ledger(database: Database, work: Callable[[Ledger], Awaitable[_T]]) -> _T:
    """Do something with a database, as a command of the server does."""

    async def opened() -> _T:
        async with database.ledger() as ledger:
            return await work(ledger)

    return asyncio.run(opened())


class Keys:
    """A default key and `count` more in a database, and requests about these."""

    def __init__(self, database: Database, count: int, token: str) -> None:
        """Ask about the keys that are in `database`, with a token that may check."""
        self.database = database
        self.count = count
        self.token = token
        self.today = step_at(key_of(0), time.time())

    def mixed(
        self,
        path: Path,
        *,
        seed: int,
        triples: int | None = None,
        among: range | None = None,
        lag: int = LAG,
    ) -> Path:
        """Write requests to `path`: good, wrong and used codes, a third each, over as many keys.

        Each key has one code after the other, oldest first, and each time one of the three kinds: so
        no key fails twice in a row, and none is ever locked.

        Args:
            path: A line for each.
            seed: Which order, and of many keys which.
            triples: How many keys each once; None for all keys, and each of their codes.
            among: Numbers of the keys that it may be about; None for all.
            lag: Triples between a code and its replay. The first of so many have none, so that few
                requests want a smaller one; half as many as there are connections at least.
        """
        numbers = self._choose(seed, triples, range(self.count) if among is None else among)
        offsets = OFFSETS if triples is None else OFFSETS[:1]
        with path.open("w", encoding="ascii") as lines:
            for offset in offsets:
                good = [_check(number, self._code(number, offset)) for number in numbers]
                wrong = [_check(number, self._wrong(number)) for number in numbers]
                # Wrong codes of other keys: half the round away from the good ones.
                half = len(wrong) // 2
                wrong = wrong[half:] + wrong[:half]
                for at in range(len(good) + lag):
                    if at < len(good):
                        lines.write(good[at])
                        lines.write(wrong[at])
                    if at >= lag:
                        lines.write(good[at - lag])
        return path

    def decided_after(self, ends: Mapping[int, int]) -> tuple[int, int]:
        """How many codes were accepted and judged since rows of the audit log, each step on disk.

        Raises:
            UnavailableError: A step was accepted twice, or a key's last step is not the one accepted.
        """
        judged = self.database.judged_since(ends)
        accepted = [(name, offset) for verdict, name, offset in judged.checks if verdict == "accepted"]
        last: dict[str, int] = {}
        for name, offset in accepted:
            step = self.today + (offset or 0)
            if step <= last.get(name, -1):
                raise UnavailableError(f"{name} accepted a step that was used")
            last[name] = step
        if last != judged.stored:
            raise UnavailableError("the steps accepted and the steps stored are not the same")
        return len(accepted), len(judged.checks)

    def require_whole_audit(self) -> None:
        """Verify the chains of the audit log.

        Raises:
            UnavailableError: One does not hold.
        """
        fault = with_ledger(self.database, verify_audit).fault
        if fault is not None:
            raise UnavailableError(f"the audit log does not verify: {fault}")

    def _choose(self, seed: int, triples: int | None, among: range) -> Sequence[int]:
        """Numbers of keys in some order, those without two equal codes in the window.

        A code that is a later step's, too, consumes that one, and is rightly refused afterwards.
        """
        count = triples or len(among)
        order = random.Random(seed).sample(among, min(len(among), count + count // 100 + 5))
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


def _check(number: int, code: str) -> str:
    return f'POST /v1/keys/{name_of(number)}/check {{"code":"{code}"}}\n'

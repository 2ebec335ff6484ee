"""Single steps of a check, each measured by itself."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.harness import say
from benchmarks.postgres_keys import connected
from benchmarks.processor import spending
from benchmarks.scaling_measured import Stages
from benchmarks.server_keys import key_of, name_of
from benchmarks.server_processes import Loop, bare
from benchmarks.server_wrk import send

from watchword_otp import code_at
from watchword_server.audit import Caller, link
from watchword_server.sitting import Question, Sitting
from watchword_server.store.records import Wanted

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.postgres_keys import PostgresDatabase
    from benchmarks.server_keys import Keys

CONNECTIONS = 64
_BATCH = 64
_DECIDED = 50
"""Batches."""
_TRIPS = 2000
_FLUSHES = 200
_PAGE = b"x" * 8192
_CALLER = Caller("token:benchmark", "127.0.0.1", "0123456789abcdef")


def measure_stages(keys: Keys, database: PostgresDatabase, over_tcp: str, folder: Path) -> Stages:
    """Measure each step.

    Args:
        keys: Some, of whose codes none is used.
        database: Where they are.
        over_tcp: The same place, asked over TCP.
        folder: On the disk of the database.
    """
    say("single steps: HTTP, deciding, the way to PostgreSQL and back, the disk")
    mixed = keys.mixed(folder / "stages", seed=3)
    with bare(folder, Loop.UVLOOP) as base:
        found, spent = spending(
            {"bare": [base.pid]}, lambda: send(base, mixed, connections=CONNECTIONS, seconds=2)
        )
    return Stages(
        http=spent.by["bare"] / found.answers,
        decide=asyncio.run(_decide(keys)),
        socket_trip=asyncio.run(_trip(database.uri)),
        tcp_trip=asyncio.run(_trip(over_tcp)),
        flushes=_flushes(folder / "page"),
    )


async def _decide(keys: Keys) -> float:
    """Processor seconds of one decision, in batches, the better half of them."""
    async with keys.database.ledger() as ledger:
        audit_key = await ledger.audit_key()
        took = []
        for batch in range(_DECIDED):
            numbers = range(batch * _BATCH, (batch + 1) * _BATCH)
            snapshot = await ledger.store.look(Wanted(names=[name_of(number) for number in numbers]))
            questions = [
                Question(name_of(number), code_at(key_of(number), keys.today), _CALLER)
                for number in numbers
            ]
            began = time.process_time()
            sitting = Sitting(ledger.keyring, snapshot, time.time(), 1)
            for question in questions:
                sitting.judge(question)
            link(audit_key, snapshot.head, sitting.act().events, time.time())
            took.append((time.process_time() - began) / _BATCH)
    return statistics.median(took)


async def _trip(uri: str) -> float:
    async with connected(uri) as connection:
        statement = await connection.prepare("SELECT 1")
        took = []
        for _ in range(_TRIPS):
            began = time.perf_counter()
            await statement.fetchval()
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def _flushes(path: Path) -> list[float]:
    """Write pages over and over, as PostgreSQL does in segments of the log that it has once made."""
    took = []
    with path.open("wb", buffering=0) as file:
        file.write(_PAGE * _FLUSHES)
        os.fsync(file.fileno())
        file.seek(0)
        for _ in range(_FLUSHES):
            began = time.perf_counter()
            file.write(_PAGE)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return took

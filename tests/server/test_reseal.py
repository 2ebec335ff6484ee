"""The sealing key changes while a server checks codes; a killed change is taken up again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from server_processes import home_environment, run_server_command, server_process
from servers import NO_TLS
from watchword_otp import Key, Kind, Secret, code_at
from watchword_server.seal import Ring
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from pathlib import Path

KEYS = 4000
SECRET = Secret(b"12345678901234567890")
HOTP = Key(secret=SECRET, kind=Kind.HOTP)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose database has many keys that count by use, all with one secret."""
    with server_process(tmp_path):
        pass
    rows = "".join(f"key{number},{SECRET.base32()},hotp\n" for number in range(KEYS))
    (tmp_path / "keys.csv").write_text(f"name,secret,kind\n{rows}")
    assert command(tmp_path, "import", "keys.csv") == f"{KEYS:,} keys imported.\n"
    return tmp_path


def command(home: Path, *arguments: str) -> str:
    done = run_server_command(home, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def data(home: Path) -> Path:
    return home / "state" / "watchword"


def sealed(home: Path) -> list[tuple[str, bytes]]:
    """All that is sealed, each with what it is sealed for."""
    with contextlib.closing(sqlite3.connect(data(home) / "watchword.db")) as connection:
        rows = connection.execute("SELECT 'secret of key ' || id || ' ' || name, secret FROM keys")
        found = rows.fetchall()
        (value,) = connection.execute("SELECT value FROM meta WHERE name = 'audit_key'").fetchone()
    return [*found, ("audit_key", value.partition(b":")[2])]


def seals(home: Path) -> dict[int, int]:
    with contextlib.closing(sqlite3.connect(data(home) / "watchword.db")) as connection:
        return dict(connection.execute("SELECT seal, count(*) FROM keys GROUP BY seal").fetchall())


async def check_until(done: asyncio.Event, url: str, token: str) -> tuple[int, list[tuple[int, str]]]:
    """Check a fresh code of one key after another until told to stop; how many, and what went wrong."""
    checked = 0
    wrong: list[tuple[int, str]] = []
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, verify=NO_TLS
    ) as client:

        async def one(lane: int) -> None:
            nonlocal checked
            counter = 0
            while not done.is_set():
                for number in range(lane, KEYS, 97):
                    if done.is_set():
                        return
                    answer = await client.post(
                        f"/v1/keys/key{number}/check", json={"code": code_at(HOTP, counter)}
                    )
                    checked += 1
                    if answer.status_code != 200 or not answer.json()["valid"]:
                        wrong.append((answer.status_code, answer.text))
                counter += 1

        await asyncio.gather(*(one(lane) for lane in range(8)))
    return checked, wrong


def test_every_check_goes_on_and_nothing_opens_with_the_old_key(home: Path) -> None:
    token = command(home, "tokens", "create", "door", "--scope", "check").strip()
    old = Ring.parse((data(home) / "sealing.keys").read_text(), "the file")
    before = sealed(home)
    assert all(old.open(1, secret, purpose) for purpose, secret in before)

    async def rotate(done: asyncio.Event) -> None:
        try:
            # Let checks begin, and go on a little after the last secret was sealed.
            await asyncio.sleep(0.3)
            output = await asyncio.to_thread(command, home, "seal", "rotate", "--yes", "--json")
            assert json.loads(output) == {"key": 2, "sealed": KEYS + 1, "removed": [1]}
            await asyncio.to_thread(command, home, "keys", "create", "made-after")
            await asyncio.sleep(0.3)
        finally:
            done.set()

    async def both(url: str) -> tuple[int, list[tuple[int, str]]]:
        done = asyncio.Event()
        counted, _ = await asyncio.gather(check_until(done, url, token), rotate(done))
        return counted

    with server_process(home) as server:
        checked, wrong = asyncio.run(both(server.url))
        assert wrong == []
        assert checked > 100
        server.stop()
        assert "Traceback" not in server.log.read_text()
    assert seals(home) == {2: KEYS + 2}
    for purpose, secret in sealed(home):
        with pytest.raises(StoreError):
            old.open(1, secret, purpose)
    content = b"".join(path.read_bytes() for path in data(home).glob("watchword.db*"))
    assert not any(secret in content for _, secret in before)
    assert command(home, "seal", "check") == f"{KEYS + 2:,} of {KEYS + 2:,} secrets open.\n"
    assert command(home, "audit", "verify")


def test_a_running_server_makes_keys_with_the_new_one(home: Path) -> None:
    token = command(home, "tokens", "create", "maker", "--scope", "keys:write").strip()
    with server_process(home) as server:
        command(home, "seal", "rotate", "--yes")
        made = httpx.post(
            f"{server.url}/v1/keys",
            json={"name": "fresh"},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            verify=NO_TLS,
        )
        assert made.status_code == 201, made.text
    assert seals(home) == {2: KEYS + 2}


def test_a_killed_rotation_is_taken_up_again(home: Path) -> None:
    rotating = subprocess.Popen(
        [sys.executable, "-m", "watchword_server", "seal", "rotate"],
        env=home_environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        begun = time.monotonic()
        while 2 not in seals(home) and time.monotonic() - begun < 20:
            pass
    finally:
        rotating.kill()
        rotating.wait(timeout=20)
    left = seals(home)[1]
    assert 0 < left < KEYS + 1
    pruned = command(home, "seal", "prune", "--yes")
    assert pruned == "Every sealing key is in use; none is removed.\n"
    assert command(home, "seal", "check") == f"{KEYS + 1:,} of {KEYS + 1:,} secrets open.\n"
    assert command(home, "seal", "rotate").startswith(f"{left:,} secrets sealed by key 2.")
    assert seals(home) == {2: KEYS + 1}
    assert command(home, "audit", "verify")


def test_killed_before_the_first_secret_it_takes_the_same_key(home: Path) -> None:
    """The new key is in its file before anything else happens."""
    file = data(home) / "sealing.keys"
    ring = Ring.parse(file.read_text(), "the file").with_new_key()
    file.write_text(ring.text())
    assert command(home, "seal", "rotate").startswith(f"{KEYS + 1:,} secrets sealed by key 2.")
    assert file.read_text() == ring.text()

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from blockbuster import blockbuster_ctx

from chains import CHAINS, Log, use_chains
from each_store import open_store_of
from server_commands import Commands
from server_fixtures import client, each_store, server
from servers import KEY, Clock, open_ledger
from watchword_server.bootstrap import activate_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from watchword_server.ledger import Ledger
    from watchword_server.store.protocol import Store

__all__ = ["client", "each_store", "server"]


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> Iterator[None]:
    """Fail a test in which the server blocks the event loop."""
    with blockbuster_ctx("watchword_server") as watch:
        for function in watch.functions.values():
            # asyncpg looks for a password file and for certificates, each time that it connects.
            function.can_block_in("asyncpg/connect_utils.py", "_parse_connect_dsn_and_args")
            # A secret that does not open has the sealing keys read again; they are a few lines.
            function.can_block_in("watchword_server/seal.py", "_read_file")
        yield


@pytest.fixture
async def ledger(each_store: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger with the default key, and a clock that stands still."""
    assert each_store
    opened = await open_store_of(tmp_path)
    ledger = await open_ledger(opened, tmp_path, Clock())
    await activate_key(ledger, "default", KEY)
    yield ledger
    await opened.close()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """An audit log of several chains; every store that is opened after it writes there."""
    log = Log.with_chains(CHAINS)
    use_chains(monkeypatch, log)
    return log


@pytest.fixture
def store(ledger: Ledger) -> Store:
    return ledger.store


@pytest.fixture
def with_umask() -> Iterator[Callable[[int], int]]:
    """Sets the umask until the test ends."""
    before = os.umask(0o077)
    os.umask(before)
    yield os.umask
    os.umask(before)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.setenv("WATCHWORD_SERVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return Commands(tmp_path / "data", monkeypatch, capsys)

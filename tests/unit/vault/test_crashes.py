"""Killed at any moment, or two at once: the vault is the old one or the new one, never neither."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from servers import Clock
from unit.vault.saver import NOT_REACHED, account
from watchword_tui.errors import VaultError
from watchword_tui.vault.store import BACKUPS, LOCK_TIMEOUT, VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Iterator

SAVER = Path(__file__).with_name("saver.py")


def command(store: VaultStore, *what: str) -> list[str]:
    return [sys.executable, str(SAVER), str(store.path), *what]


@pytest.fixture
def store(tmp_path: Path) -> VaultStore:
    """A vault that was saved so often that all its backups are there."""
    store = VaultStore(tmp_path / "vault.json")
    vault = create_vault(store, None)
    for number in range(BACKUPS + 1):
        vault.commit(vault.document.with_added([account(f"first {number}")]))
    assert len(store.backups()) == BACKUPS
    return store


def names(data: bytes) -> list[str]:
    return re.findall(r'"name":"([^"]*)"', data.decode())


def is_whole(store: VaultStore) -> bool:
    """Whether the vault opens, and every backup would."""
    for number in range(len(store.backups())):
        path = store.backups()[number].path
        read_vault(VaultStore(path)).open_plain()
    return bool(read_vault(store).open_plain().document.accounts)


def leftovers(store: VaultStore) -> list[Path]:
    return list(store.path.parent.glob(".*.new"))


def test_killed_before_any_change_to_the_disk_of_a_save(store: VaultStore, tmp_path: Path) -> None:
    old = store.read().data
    backups = [store.read_backup(number).data for number in range(1, BACKUPS + 1)]
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    outcomes = []
    for stop_at in range(1, 60):
        # Each time from the start: what an interrupted save left would shorten the next.
        folder = tmp_path / str(stop_at)
        folder.mkdir()
        for name, data in whole.items():
            (folder / name).write_bytes(data)
        again = VaultStore(folder / "vault.json")
        ended = subprocess.run(command(again, "crash", str(stop_at)), check=False, timeout=30)
        now = again.read().data
        kept = [again.read_backup(backup.number).data for backup in again.backups()]
        if ended.returncode == NOT_REACHED:
            assert names(now)[-1] == "new"
            assert leftovers(again) == []
            assert kept == [old, *backups[:-1]]
            break
        assert ended.returncode == -signal.SIGKILL
        assert is_whole(again)
        assert now == old or names(now)[-1] == "new"
        # The oldest backup goes for what is about to be replaced, and no other.
        earlier = [one for one in kept if one != old]
        assert earlier in (backups, backups[:-1])
        outcomes.append((now == old, bool(leftovers(again))))
        vault = read_vault(again).open_plain()
        vault.commit(vault.document.with_added([account("after the crash")]))
        assert leftovers(again) == []
        assert len(again.backups()) == BACKUPS
    else:
        pytest.fail("the save never came to its end")
    assert set(outcomes) == {(True, False), (True, True), (False, False)}
    assert len(outcomes) > 12


def test_killed_at_random_two_hundred_times(store: VaultStore) -> None:
    ended = subprocess.run(
        command(store, "kills", "200"), capture_output=True, text=True, check=False, timeout=55
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert is_whole(store)
    vault = read_vault(store).open_plain()
    vault.commit(vault.document.with_added([account("last")]))
    assert leftovers(store) == []
    assert len(store.backups()) == BACKUPS


def test_two_programs_add_accounts_and_all_are_there(store: VaultStore) -> None:
    before = read_vault(store).open_plain().document.accounts
    programs = [subprocess.Popen(command(store, "add", who, "40")) for who in ("one", "another")]
    assert [program.wait(timeout=50) for program in programs] == [0, 0]
    found = {one.key.name for one in read_vault(store).open_plain().document.accounts}
    wanted = {f"{who} {number}" for who in ("one", "another") for number in range(40)}
    assert found == wanted | {one.key.name for one in before}


@pytest.fixture
def holder(store: VaultStore) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command(store, "hold"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.mark.usefixtures("holder")
def test_a_program_that_keeps_the_lock_is_waited_for_and_then_named(store: VaultStore) -> None:
    clock = Clock(0.0)
    waiting = VaultStore(store.path, monotonic=clock, wait=clock.advance)
    data = store.read().data
    with pytest.raises(VaultError, match=r"another program has held .* for 10 s; end it"):
        waiting.write(b"new", expected=store.digest())
    assert LOCK_TIMEOUT <= clock() < LOCK_TIMEOUT + 1
    assert store.read().data == data


def test_a_program_that_was_killed_keeps_no_lock(
    store: VaultStore, holder: subprocess.Popen[bytes]
) -> None:
    holder.kill()
    holder.wait()
    vault = read_vault(store).open_plain()
    vault.commit(vault.document.with_added([account("free again")]))

"""The vault as screens use it: changes one after the other, undone, merged, and none after locking."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from apps import GITHUB, MemoryKeychain, account_of
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import VaultError
from watchword_tui.keeper import Keeper, VaultState
from watchword_tui.vault.document import Document
from watchword_tui.vault.store import VaultChangedError, VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchword_tui.accounts import Account

HOTP = Key(secret=Secret(b"12345678901234567890"), kind=Kind.HOTP, counter=7, issuer="Old token")
PASSPHRASE = "correct horse"


def make_keeper(folder: Path, *keys: Key, passphrase: str | None = None) -> Keeper:
    store = VaultStore(folder / "vault.json")
    create_vault(store, passphrase, Document().with_added(account_of(key) for key in keys))
    keeper = Keeper(store, MemoryKeychain())
    if passphrase is None:
        keeper.open_quietly()
    return keeper


def saved(keeper: Keeper) -> tuple[Account, ...]:
    """The accounts as another program would read them now."""
    return read_vault(VaultStore(keeper.store.path)).open_plain().document.accounts


def adding(name: str) -> Callable[[Document], Document]:
    account = account_of(replace(GITHUB, name=name))
    return lambda document: document.with_added([account])


async def test_changes_at_the_same_moment_are_all_saved(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path)

    await asyncio.gather(*(keeper.change("Add", adding(f"person {n}")) for n in range(6)))

    assert {account.key.name for account in saved(keeper)} == {f"person {n}" for n in range(6)}
    for _ in range(6):
        assert await keeper.undo() == "Add"
    assert saved(keeper) == ()
    assert await keeper.undo() == ""


async def test_a_counter_asked_for_twice_at_once_gives_two_codes(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path, HOTP)
    (account,) = keeper.accounts

    both = await asyncio.gather(keeper.advance(account.id), keeper.advance(account.id))

    assert sorted(one.key.counter for one in both) == [7, 8]
    assert saved(keeper)[0].key.counter == 9


async def test_undo_takes_no_counter_back(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path, HOTP)
    (account,) = keeper.accounts
    await keeper.change("Edit", lambda now: now.with_changed([replace(account, note="changed")]))
    await keeper.advance(account.id)

    await keeper.undo()

    (after,) = saved(keeper)
    assert (after.note, after.key.counter) == ("", 8)


async def test_a_counter_that_cannot_be_saved_gives_no_code(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path, HOTP)
    other = Keeper(keeper.store, MemoryKeychain())
    other.open_quietly()
    await other.change("Add", adding("from elsewhere"))

    with pytest.raises(VaultChangedError):
        await keeper.advance(keeper.accounts[0].id)

    assert saved(keeper)[0].key.counter == 7


async def test_what_another_program_did_is_merged_or_taken(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path)
    other = Keeper(keeper.store, MemoryKeychain())
    other.open_quietly()
    await other.change("Add", adding("theirs"))
    with pytest.raises(VaultChangedError):
        await keeper.change("Add", adding("ours"))
    assert {account.key.name for account in saved(keeper)} == {"theirs"}

    await keeper.merge()
    assert {account.key.name for account in saved(keeper)} == {"ours", "theirs"}

    with pytest.raises(VaultChangedError):
        await other.change("Add", adding("theirs too"))
    other.give_up_change()
    assert {account.key.name for account in other.accounts} == {"ours", "theirs"}
    with pytest.raises(VaultError, match="nothing to merge"):
        await other.merge()


async def test_a_vault_locked_while_it_opens_stays_locked(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path, GITHUB, passphrase=PASSPHRASE)
    opening = asyncio.create_task(keeper.unlock(PASSPHRASE))
    await asyncio.sleep(0)

    keeper.lock()
    await opening

    assert keeper.state is VaultState.LOCKED
    assert keeper.accounts == ()


async def test_a_change_saved_while_it_is_locked_leaves_nothing_in_memory(tmp_path: Path) -> None:
    keeper = make_keeper(tmp_path, GITHUB)
    saving = asyncio.create_task(keeper.change("Add", adding("late")))
    await asyncio.sleep(0)

    keeper.lock()
    await saving

    assert keeper.state is VaultState.LOCKED
    assert keeper.undoable == ""
    assert len(saved(keeper)) == 2
    with pytest.raises(VaultError, match="locked"):
        await keeper.change("Add", adding("too late"))

"""A locked vault leaves nothing of its secrets behind that Python could still reach."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import asyncio, gc, sys
from msgspec.structs import replace
from pathlib import Path

from watchword_otp import Key, Kind, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import VaultError, WrongPassphraseError
from watchword_tui.keeper import Keeper, VaultState
from watchword_tui.vault.document import Document
from watchword_tui.vault.keychain import SystemKeychain
from watchword_tui.vault.rows import Row
from watchword_tui.vault.slots import MasterKey
from watchword_tui.vault.store import VaultChangedError, VaultStore
from watchword_tui.vault.vault import Vault, read_vault

PASSPHRASE = "correct horse battery"
WHAT = (Secret, Key, Account, Row, MasterKey, Document, Vault)


def account(name):
    key = Key(secret=Secret.generate(), kind=Kind.HOTP, issuer="Example", name=name)
    return Account(key, "test", id="", groups=("Work",))


async def use(keeper, path):
    if keeper.state is VaultState.MISSING:
        await keeper.create(PASSPHRASE)
    else:
        try:
            await keeper.unlock("wrong " + PASSPHRASE)
        except WrongPassphraseError:
            pass
        await keeper.unlock(PASSPHRASE)
    await keeper.change("Add", lambda now: now.with_added([account("alice"), account("bob")]))
    await keeper.advance(keeper.accounts[0].id)
    await keeper.undo()
    await keeper.change("Add", lambda now: now.with_added([account("carol")]))
    other = read_vault(VaultStore(path)).open_with_passphrase(PASSPHRASE)
    other.commit(other.document.with_added([account("dave")]))
    try:
        await keeper.change("Add", lambda now: now.with_added([account("erin")]))
    except VaultChangedError:
        await keeper.merge()
    try:
        await keeper.change("Bad", lambda now: now.with_changed([replace(account("x"), id="gone")]))
    except VaultError:
        pass


def reachable():
    gc.collect()
    return sorted({type(one).__name__ for one in gc.get_objects() if isinstance(one, WHAT)})


async def main(path):
    keeper = Keeper(VaultStore(path), SystemKeychain())
    for _ in range(2):
        await use(keeper, path)
        assert keeper.accounts
        assert "Secret" in {type(account.key.secret).__name__ for account in keeper.accounts}
        assert reachable() != []
        # As in the app: whatever locks comes in a later turn of the loop than what it waited for.
        await asyncio.sleep(0)
        keeper.lock()
        print(reachable())
        assert keeper.state is VaultState.LOCKED


asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="asks CPython's collector")
def test_after_locking_no_secret_key_account_or_row_is_reachable(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path / "vault.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "[]\n[]\n"


def test_nothing_of_an_open_vault_prints_a_secret(tmp_path: Path) -> None:
    program = (
        PROGRAM.partition("def reachable")[0]
        + """
keeper = Keeper(VaultStore(Path(sys.argv[1])), SystemKeychain())
asyncio.run(use(keeper, Path(sys.argv[1])))
vault = keeper.vault
closed = read_vault(keeper.store)
shown = " ".join(map(repr, (vault.document, vault.__dict__, closed, keeper.__dict__, vault.passphrases)))
shown += " ".join(repr(slot) for slot in closed.envelope.slots)
for one in keeper.accounts:
    assert one.key.secret.base32() not in shown
    assert repr(one.key.secret.reveal()) not in shown
assert vault._keys.master.raw.hex() not in shown and repr(vault._keys.master.raw) not in shown
assert PASSPHRASE not in shown and "data" not in shown
"""
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "vault.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]

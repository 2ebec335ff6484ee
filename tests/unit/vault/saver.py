"""A program that saves a vault, and dies where it is told to; started by the tests as a child.

python saver.py VAULT crash N       save once, killed by itself before the N-th change to the disk
python saver.py VAULT kills N       have N programs save for ever, and kill each after a while
python saver.py VAULT add WHO N     add N accounts one by one, merging with whoever else is saving
python saver.py VAULT hold          take the lock, and keep it
python saver.py VAULT rows          save what is there with one account more; prints the error, if any

`crash` ends with status 7 where the save came to its end before the N-th change.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchword_otp import Key, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import VaultError
from watchword_tui.vault.store import VaultChangedError, VaultStore
from watchword_tui.vault.vault import Vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_REACHED = 7
CHANGES = ("fsync", "link", "replace", "rename", "unlink", "mkdir", "chmod", "utime", "open", "write")


def account(name: str) -> Account:
    return Account(Key(secret=Secret(name.encode()), issuer="Example", name=name), "test")


def opened(store: VaultStore) -> Vault:
    closed = read_vault(store)
    return closed.open_with_passphrase("correct horse") if closed.encrypted else closed.open_plain()


def crash(vault: Vault, stop_at: int) -> int:
    count = itertools.count(1)

    def dying(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(count) == stop_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    # pathlib looks these up in os at each call.
    for name in CHANGES:
        setattr(os, name, dying(getattr(os, name)))
    vault.commit(vault.document.with_added([account("new")]))
    return NOT_REACHED


def kills(store: VaultStore, many: int) -> int:
    """Programs are forked, for starting Python takes longer than many saves."""
    chance = random.Random(6238)
    vault = opened(store)
    for number in range(many):
        program = os.fork()
        if program == 0:
            while True:
                fresh = opened(store)
                rows = fresh.document.rows
                # Of another length each time, so that old and new cannot be mixed up unnoticed.
                name = "x" * chance.randrange(1, 90)
                fresh.commit(fresh.document.without([rows[-1].id]).with_added([account(name)]))
        time.sleep(chance.random() * 0.02)
        os.kill(program, signal.SIGKILL)
        os.waitpid(program, 0)
        if len(opened(store).document.accounts) != len(vault.document.accounts):
            say(f"after {number} kills there are other accounts")
            return 1
    return 0


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def add(vault: Vault, who: str, many: int) -> int:
    for number in range(many):
        wanted = vault.document.with_added([account(f"{who} {number}")])
        try:
            vault.commit(wanted)
        except VaultChangedError:
            vault.merge_and_commit(wanted)
    return 0


def hold(store: VaultStore) -> int:
    descriptor = os.open(store.path.with_name(f".{store.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    say("held")
    time.sleep(60)
    return 0


def main(path: str, what: str, *rest: str) -> int:
    store = VaultStore(Path(path))
    if what == "hold":
        return hold(store)
    if what == "kills":
        return kills(store, int(rest[0]))
    vault = opened(store)
    if what == "crash":
        return crash(vault, int(rest[0]))
    if what == "add":
        return add(vault, rest[0], int(rest[1]))
    try:
        vault.commit(vault.document.with_added([account("new" * 30)]))
    except VaultError as error:
        say(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

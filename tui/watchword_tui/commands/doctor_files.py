"""What `watchword doctor` sees of the files: settings, vault, backups, files of accounts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from typing import TYPE_CHECKING

from watchword_tui.accounts import load_accounts
from watchword_tui.commands.common import count_words
from watchword_tui.commands.findings import ok, warning, wrong
from watchword_tui.errors import VaultError, WatchwordError
from watchword_tui.keeper import Keeper
from watchword_tui.private_file import read_passphrase
from watchword_tui.vault.envelope import read_envelope
from watchword_tui.vault.keychain import SystemKeychain
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watchword_tui.commands.findings import Finding
    from watchword_tui.settings import Settings

_OTHERS_MAY = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LOW_BYTES = 16 * 2**20
_DAY = 86_400


def look_at_files(settings: Settings, now: float) -> Iterator[Finding]:
    """Everything that the settings lead to; `now` is in Unix seconds."""
    yield from _settings_file(settings)
    if settings.passphrase_file is not None:
        yield from _passphrase_file(settings.passphrase_file)
    if settings.vault is not None:
        yield from _vault(VaultStore(settings.vault), now)
    yield from _account_files(settings)


def _settings_file(settings: Settings) -> Iterator[Finding]:
    path = settings.path
    if path is None or not path.exists():
        yield ok("settings", "no file: everything is as it comes")
    elif path.stat().st_mode & _OTHERS_WRITE:
        yield wrong("settings", f"others can change {path}", f"run: chmod go-w {path}")
    else:
        yield ok("settings", str(path))


def _passphrase_file(path: Path) -> Iterator[Finding]:
    try:
        read_passphrase(path)
    except WatchwordError as error:
        yield wrong("passphrase file", error.message, error.remedy or "correct its name")
    else:
        yield ok("passphrase file", f"only you can read {path}")


def _vault(store: VaultStore, now: float) -> Iterator[Finding]:
    path = store.path
    if not store.exists():
        if store.backups():
            yield wrong("vault", f"{path} is gone", "bring it back: watchword vault restore 1")
        else:
            yield ok("vault", f"none yet at {path}: watchword add or watchword import makes it")
        return
    yield from _content(store)
    real = path.resolve()
    yield from _private("vault file", real)
    if real.parent.stat().st_mode & _OTHERS_MAY:
        yield warning(
            "vault folder", f"others can look into {real.parent}", f"run: chmod 700 {real.parent}"
        )
    yield from _backups(store, now)
    yield from _leftovers(real)
    disk = os.statvfs(real.parent)
    free = disk.f_bavail * disk.f_frsize
    if free < _LOW_BYTES:
        yield wrong("disk", f"{free:,} bytes free", "make room: changes cannot be saved like this")


def _content(store: VaultStore) -> Iterator[Finding]:
    try:
        closed = read_vault(store)
        if not closed.encrypted:
            yield warning(
                "vault",
                "not encrypted: whoever can read the file has every secret",
                "give it a passphrase: watchword vault encrypt",
            )
        else:
            yield ok("vault", f"{store.path}, encrypted")
        keeper = Keeper(store, SystemKeychain())
        if not keeper.open_quietly():
            if closed.has_keyring_slot:
                yield warning(
                    "keyring",
                    "the vault has a key in a keyring, but not in this one",
                    "add it here: watchword vault keyring add",
                )
            return
    except VaultError as error:
        yield wrong("vault", error.message, error.remedy or "restore a backup: watchword vault restore")
        return
    yield ok("accounts", count_words(len(keeper.accounts), "account"))
    for row in keeper.quarantined:
        yield warning("account", f"{row.title}: {row.reason}", "mend it in the app: watchword")


def _backups(store: VaultStore, now: float) -> Iterator[Finding]:
    found = store.backups()
    if not found:
        yield ok("backups", "none yet: the first change makes one")
        return
    days = int(max(0.0, now - found[0].written_at) // _DAY)
    age = f"{count_words(days, 'day')} old" if days else "from today"
    yield ok("backups", f"{count_words(len(found), 'backup')}, the newest is {age}")
    for backup in found:
        yield from _private("backup", backup.path, silent=True)
    with contextlib.suppress(VaultError):
        if read_vault(store).encrypted and not all(
            read_envelope(store.read_backup(backup.number).data).encrypted for backup in found
        ):
            yield warning(
                "backups",
                "some are from before the vault was encrypted, and plain",
                "delete them: watchword vault backups --forget",
            )


def _leftovers(path: Path) -> Iterator[Finding]:
    left = list(path.parent.glob(f".{path.name}.*.new"))
    lock = path.with_name(f".{path.name}.lock")
    if _is_held(lock):
        yield warning(
            "lock", "another program is saving the vault", "if it never ends: end that program"
        )
    elif left:
        yield warning(
            "leftovers",
            f"{count_words(len(left), 'file')} of a program that was killed while it saved",
            "the next change removes them",
        )


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _account_files(settings: Settings) -> Iterator[Finding]:
    if not settings.account_files and settings.dotenv_secret is None:
        return
    try:
        loaded = load_accounts(settings)
    except WatchwordError as error:
        yield wrong("files of accounts", error.message, error.remedy or "correct its name")
        return
    for problem in loaded.problems:
        yield warning(
            "files of accounts", problem, "or bring them into the vault: watchword import FILE"
        )
    yield ok("files of accounts", count_words(len(loaded.accounts), "account"))


def _private(subject: str, path: Path, *, silent: bool = False) -> Iterator[Finding]:
    status = path.stat()
    if status.st_mode & _OTHERS_MAY:
        yield wrong(subject, f"others can read {path}", f"run: chmod 600 {path}")
    elif not os.access(path, os.R_OK | os.W_OK):
        yield wrong(subject, f"{path} cannot be read and written", "see who owns it")
    elif not silent:
        yield ok(subject, "only you can read it")

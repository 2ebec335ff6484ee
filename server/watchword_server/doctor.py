"""Looking for what could go wrong with a server on this machine: its files, its disk, its database.

Every function looks and changes nothing. Blocking: for the command line.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from watchword_server.datadir import DATABASE_NAME, is_read_only, prepare_data_dir
from watchword_server.dotenv import BEARER_NAME, SECRET_NAME, USUAL_FILE, read_configured
from watchword_server.errors import UserError
from watchword_server.findings import Finding, ok, warning, wrong
from watchword_server.ledger import check_clock
from watchword_server.preflight import refuse_unsound
from watchword_server.readiness import MIN_FREE_BYTES
from watchword_server.store.protocol import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from watchword_server.seal import Keyring
    from watchword_server.settings import Settings
    from watchword_server.store.records import Head
    from watchword_server.tokens import Token

_LOW_BYTES = 1024 * 1024 * 1024
_LOW_FILES = 1000
_LONG_LOG = 64 * 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_WEAK_BEARER = 22
_SOON = 14 * 86_400
_UNUSED = 30 * 86_400


def look_at_machine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The interpreter, and who runs it."""
    try:
        refuse_unsound(environment)
    except UserError as error:
        yield wrong("interpreter", str(error), "the server does not start like this")
    else:
        yield ok("interpreter", "with aiohttp's C parser, without debug mode")
    if os.geteuid() == 0:
        yield warning("user", "root", "run the server as a user of its own, which owns only its data")
    else:
        yield ok("user", "not root")


def look_at_folder(settings: Settings) -> Iterator[Finding]:
    """The data folder, the files in it, and the disk under it."""
    folder = settings.data_path
    if not folder.exists():
        yield wrong("data folder", f"{folder} is not there", "start the server once, or mend --data-dir")
        return
    yield _folder(folder)
    for path in sorted(folder.glob(f"{DATABASE_NAME}*")):
        yield from _private(path)
    kept = [*folder.glob(f"{DATABASE_NAME}.before-*"), *folder.glob(f"{DATABASE_NAME}.replaced-*")]
    if kept:
        names = ", ".join(sorted(path.name for path in kept))
        yield warning("old copies", names, "delete them when you are sure: they hold what was there")
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free < MIN_FREE_BYTES:
        yield wrong("disk", f"{free:,} bytes free", "make room: the server does not answer like this")
    elif free < _LOW_BYTES:
        yield warning("disk", f"{free:,} bytes free", "make room before it is full")
    else:
        yield ok("disk", f"{free:,} bytes free")
    if disk.f_files and disk.f_favail < _LOW_FILES:
        yield warning("files", f"room for {disk.f_favail:,} more", "delete files on this disk")
    log = folder / f"{DATABASE_NAME}-wal"
    size = log.stat().st_size if log.exists() else 0
    if size > _LONG_LOG:
        yield warning("write-ahead log", f"{size:,} bytes", "look for a program that reads for hours")
    else:
        yield ok("write-ahead log", f"{size:,} bytes")


def look_at_sealing_keys(settings: Settings, keyring: Keyring) -> Iterator[Finding]:
    """Where the sealing keys are."""
    if not keyring.is_ours:
        yield ok("sealing keys", f"in {keyring.source}")
    elif not keyring.path.exists():
        yield wrong("sealing keys", f"{keyring.path} is not there", "put the file back")
    else:
        yield from _private(keyring.path)
        if keyring.path.resolve().parent == settings.data_path.resolve():
            advice = (
                "whoever copies the folder has both: keep them elsewhere with --sealing-keys,"
                " a systemd credential or the variable"
            )
            yield warning("sealing keys", "beside the database they seal", advice)


def look_at_env_file(environment: Mapping[str, str], folder: Path) -> Iterator[Finding]:
    """The prototype's settings, if there are any."""
    path = folder / USUAL_FILE
    try:
        configured = read_configured(environment, path if path.is_file() else None)
    except UserError as error:
        yield wrong(".env", str(error), "see there")
        return
    if path.is_file() and configured.notes and path.stat().st_mode & _OTHERS:
        advice = f"run: chmod 600 {path}"
        yield wrong(".env", "others can read the secret or the token in it", advice)
    elif path.is_file() and configured.notes:
        yield ok(".env", "only its owner can read it")
    if configured.token is not None and configured.token_length < _WEAK_BEARER:
        advice = f"make a token with tokens create, and take {BEARER_NAME} out"
        yield warning(".env", f"{BEARER_NAME} is short enough to guess", advice)
    if configured.key is not None and configured.key.warnings():
        yield warning(".env", f"{SECRET_NAME}: {configured.key.warnings()[0]}", "enrol a new key")


def look_at_tokens(tokens: Sequence[Token], now: float) -> Iterator[Finding]:
    """Tokens that count: which end soon, which nobody uses."""
    counting = [token for token in tokens if token.counts(now)]
    if not counting:
        yield warning(
            "tokens", "none counts", "make one: watchword-server tokens create NAME --scope check"
        )
        return
    found = 0
    for token in counting:
        if token.expires_at is not None and token.expires_at - now < _SOON and not token.replaced_at:
            found += 1
            days = (token.expires_at - now) / 86_400
            advice = f"replace it in time: watchword-server tokens rotate {token.name}"
            yield warning("tokens", f"{token.name} ends in {days:.0f} days", advice)
        if token.last_used_at is None and now - token.created_at > _UNUSED:
            found += 1
            advice = f"revoke it: watchword-server tokens revoke {token.name}"
            yield warning("tokens", f"{token.name} was never used in a month", advice)
    if not found:
        yield ok("tokens", f"{len(counting)} count")


def look_at_clock(heads: Sequence[Head], now: float) -> Iterator[Finding]:
    """The clock against the last row of the audit log, whoever wrote it."""
    latest = max(head.at for head in heads)
    try:
        check_clock(latest, now)
    except StoreError:
        advice = "set the clock right, or run: watchword-server store accept-clock"
        yield wrong("clock", f"{latest - now:,.0f} s before the last row of the audit log", advice)
    else:
        yield ok("clock", "after the last row of the audit log")


def _folder(folder: Path) -> Finding:
    try:
        prepare_data_dir(folder)
    except UserError as error:
        if is_read_only(folder):
            advice = "mount it so that it can be written: no code can be accepted like this"
            return wrong("data folder", f"{folder} is on a read-only file system", advice)
        return wrong("data folder", str(error), "see there")
    return ok("data folder", f"{folder}, yours, and nobody else can write to it")


def _private(path: Path) -> Iterator[Finding]:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        yield wrong(path.name, "is no plain file", "put the file itself there")
    elif status.st_uid != os.geteuid():
        yield wrong(path.name, "belongs to someone else", "run this as its owner, or give it back")
    elif status.st_mode & _OTHERS:
        yield wrong(path.name, f"mode {stat.S_IMODE(status.st_mode):04o}", f"run: chmod 600 {path}")
    else:
        yield ok(path.name, "only its owner can read it")

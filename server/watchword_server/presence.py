"""How commands know which server has the data folder, and where it answers.

A server writes down where it listens, and holds a lock that ends with it however that ends. So a note
that was left behind by one that was killed is never taken for a server. Blocking, but briefly.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

import msgspec

from watchword_server.datadir import LOCK_NAME
from watchword_server.errors import UserError, why

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_NOTE = 4096


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """A server that runs on a data folder."""

    pid: int
    url: str
    """Where it listens; `unix:` and a path for a Unix socket."""
    public_url: str | None = None
    """How people reach it, if it was told."""


_decode = msgspec.json.Decoder(Presence).decode


@contextlib.contextmanager
def present(folder: Path, url: str, public_url: str | None) -> Iterator[None]:
    """Let commands know of this server while the block lasts. The data folder is held already.

    Of several servers on one folder the last that started is known.

    Raises:
        UserError: The note cannot be written.
    """
    note = msgspec.json.encode(Presence(pid=os.getpid(), url=url, public_url=public_url))
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise UserError(_cannot(folder, error)) from None
    try:
        try:
            # Each server locks the byte of its own number, so that several do not meet.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, os.getpid())
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, note, 0)
        except OSError as error:
            raise UserError(_cannot(folder, error)) from None
        yield
        with contextlib.suppress(OSError):
            if os.pread(descriptor, _MAX_NOTE, 0) == note:
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def find_server(folder: Path) -> Presence | None:
    """The server that runs on a data folder now, as it noted itself; None if none does."""
    try:
        # A lock for writing can be tried only on what is open for writing.
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        found = _decode(os.pread(descriptor, _MAX_NOTE, 0))
        return found if _is_held(descriptor, found.pid) else None
    except (msgspec.DecodeError, OSError):
        return None
    finally:
        os.close(descriptor)


def _is_held(descriptor: int, byte: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except BlockingIOError:
        return True
    return False


def _cannot(folder: Path, error: OSError) -> str:
    return f"cannot write to {folder / LOCK_NAME}: {why(error)}; see that it can be written"

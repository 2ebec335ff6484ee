"""Files for their owner's eyes only, put in place whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from watchword_server.errors import UserError, why

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def beside(target: Path, *, force: bool) -> Iterator[Path]:
    """An empty file with mode 0600 beside `target`, which takes its place when the block is done.

    Args:
        target: Where it will be.
        force: Whether what is there may be replaced.

    Raises:
        UserError: Something is there, or the folder cannot be written.
    """
    if not force and os.path.lexists(target):
        message = f"{target} is there already; choose another name, or add --force to replace it"
        raise UserError(message)
    try:
        with replacement(target, exclusively=not force) as made:
            yield made
    except OSError as error:
        message = f"cannot write {target}: {why(error)}; choose another place"
        raise UserError(message) from None


@contextlib.contextmanager
def replacement(target: Path, *, exclusively: bool) -> Iterator[Path]:
    """As `beside`, for those who have words of their own for what goes wrong.

    Raises:
        OSError: Something is there and only a new file will do, or the folder cannot be written.
    """
    made = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        touch_private(made)
        yield made
        sync(made)
        if exclusively:
            # Unlike a rename this fails when something has come there meanwhile.
            os.link(made, target)
        else:
            made.replace(target)
        sync(target.parent)
    finally:
        made.unlink(missing_ok=True)


@contextlib.contextmanager
def private_stream(target: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A stream into a new file, as `beside` makes one.

    Raises:
        UserError: See `beside`.
    """
    with beside(target, force=force) as path, path.open("wb") as stream:
        yield stream


def touch_private(path: Path) -> None:
    """Make an empty file with mode 0600, whatever the umask.

    Raises:
        OSError: It cannot be made, or is there already.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Have a file or a folder on the disk.

    Raises:
        OSError: The disk failed.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

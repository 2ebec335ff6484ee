"""How often and when each account was used: kept beside the vault's folder, not in it.

A vault that was rewritten for each copied code would lose its real backups to counts. The file holds
UUIDs and numbers, no labels.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Annotated

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 8 * 2**20

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Use(msgspec.Struct, frozen=True):
    """One account's use."""

    count: _Count = 0
    last: float = 0.0
    """Unix seconds."""


class UsageBook:
    """The uses of all accounts, by UUID. A file that cannot be read or written costs only the counts.

    Args:
        path: The file; None keeps them for this run only.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._uses: dict[str, Use] | None = None

    def use_of(self, identity: str) -> Use:
        """The use of one account."""
        return self._loaded.get(identity, Use())

    def note(self, identity: str, now: float) -> None:
        """Count one use at `now` (Unix seconds), and save it."""
        if not identity:
            return
        self._refresh()
        self._loaded[identity] = Use(self.use_of(identity).count + 1, now)
        self._save()

    def take_over(self, counts: dict[str, int]) -> None:
        """Take counts from another app for accounts that have none yet."""
        self._refresh()
        fresh = {one: Use(count) for one, count in counts.items() if count and one not in self._loaded}
        if fresh:
            self._loaded.update(fresh)
            self._save()

    @property
    def _loaded(self) -> dict[str, Use]:
        if self._uses is None:
            self._uses = _read(self.path)
        return self._uses

    def _refresh(self) -> None:
        """Take what another program counted since; only counts of the same moment get lost."""
        for identity, use in _read(self.path).items():
            if use.count > self.use_of(identity).count:
                self._loaded[identity] = use

    def _save(self) -> None:
        if self.path is None:
            return
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.new")
            try:
                descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(msgspec.json.encode(self._loaded))
                temporary.replace(self.path)
            finally:
                temporary.unlink(missing_ok=True)


def _read(path: Path | None) -> dict[str, Use]:
    if path is None:
        return {}
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=dict[str, Use])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _without_waiting(path: str, flags: int) -> int:
    # Opening a pipe would block until somebody writes.
    return os.open(path, flags | os.O_NONBLOCK)

"""A keyring in a file, for figures where no desktop runs: what is measured is ours and the library's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keyring.backend


class FileKeyring(keyring.backend.KeyringBackend):
    """Keeps what it is given in the file that `WATCHWORD_BENCH_KEYRING` names."""

    priority = -2.0
    """Never chosen by itself."""

    def get_password(self, service: str, username: str) -> str | None:
        """Give what is kept."""
        return _read().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""
        _path().write_text(json.dumps(_read() | {f"{service} {username}": password}), encoding="utf-8")

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""
        kept = _read()
        kept.pop(f"{service} {username}", None)
        _path().write_text(json.dumps(kept), encoding="utf-8")


def _path() -> Path:
    return Path(os.environ["WATCHWORD_BENCH_KEYRING"])


def _read() -> dict[str, str]:
    path = _path()
    found: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found

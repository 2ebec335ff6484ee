"""`watchword-server ...` run in this process, as a person would type it."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword_server.__main__ import main
from watchword_server.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from watchword_server.tokens import Token


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Commands:
    """Runs `watchword-server ...` on a data folder of its own."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Done:
        self.monkeypatch.setattr(sys, "argv", ["watchword-server", *arguments])
        status = main()
        # Each run is a program of its own: the next one sets its log up again.
        logging.getLogger("watchword_server").handlers.clear()
        captured = self.capsys.readouterr()
        return Done(status, captured.out, captured.err)

    def make_database(self) -> None:
        """Have a database in the data folder, as a first start of the server leaves it."""

        async def make() -> None:
            store = await SqliteStore.open(self.folder / "watchword.db")
            await store.close()

        self.folder.mkdir(mode=0o700)
        asyncio.run(make())

    def tokens(self) -> list[Token]:
        async def read() -> list[Token]:
            store = await SqliteStore.open(self.folder / "watchword.db")
            found = list(await store.tokens())
            await store.close()
            return found

        return asyncio.run(read())

from __future__ import annotations

import io
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from desk import Desk, Ended, Here
from recorded import Recorded
from watchword_tui.cli import main
from watchword_tui.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recorded import Answer


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    return Desk(folder)


@pytest.fixture
def here(desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Here:
    def run(*arguments: str, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "argv", ["watchword", *arguments])
        monkeypatch.chdir(desk.folder)
        for name in [name for name in os.environ if name.startswith("WATCHWORD")]:
            monkeypatch.delenv(name)
        for name, value in desk.environment().items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
        shown = capfd.readouterr()
        return Ended(int(end.value.code or 0), shown.out, shown.err)

    return run


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times on the screen are the same everywhere."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Answer]], None]:
    """Have the app's servers answer from a list."""

    def record(answers: Sequence[Answer]) -> None:
        client = Recorded(answers)
        monkeypatch.setattr(Session, "client", lambda _session, _profile: client)

    return record

import io
import os
import sys
from pathlib import Path

import pytest

from desk import Desk, Ended, Here
from watchword_tui.cli import main


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

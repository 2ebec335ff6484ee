"""The demo's own housekeeping; the demo as a whole is in tests/e2e."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from watchword_tui.demo import _remove_leftovers

if TYPE_CHECKING:
    from pathlib import Path


def test_only_folders_of_demos_that_are_gone_are_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / f"watchword-demo-{ended.pid}-abc"
    kept = [
        tmp_path / f"watchword-demo-{os.getpid()}-abc",
        tmp_path / "watchword-demo-notes-abc",
        tmp_path / "somebody",
    ]
    link = tmp_path / f"watchword-demo-{ended.pid}-link"
    for folder in (gone, *kept):
        (folder / "data").mkdir(parents=True)
    link.symlink_to(kept[2])

    _remove_leftovers(tmp_path)

    assert not gone.exists()
    assert all((folder / "data").is_dir() for folder in kept)
    assert link.is_symlink()

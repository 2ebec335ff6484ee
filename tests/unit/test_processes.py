"""What tests can tell about processes, on systems with /proc and without."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

import processes
from processes import descendants, is_running, wait_until
from programs import require_program


@pytest.fixture(params=["/proc", "ps"])
def _source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    require_program("ps")
    if request.param == "ps":
        monkeypatch.setattr(processes, "_PROC", Path("/nowhere"))
    elif not Path("/proc/self/stat").exists():
        pytest.skip("this system has no /proc")


@pytest.mark.usefixtures("_source")
def test_children_and_theirs_are_found_until_they_end() -> None:
    command = "sleep 600 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert descendants(parent.pid) == [child]
        assert is_running(child)
        parent.kill()
        # Ended, and not yet waited for.
        wait_until(lambda: not is_running(parent.pid), "the parent has gone")
        assert is_running(child)
        os.kill(child, signal.SIGTERM)
        wait_until(lambda: not is_running(child), "the child has gone")


def test_what_never_comes_is_named() -> None:
    with pytest.raises(AssertionError, match="never: the end"):
        wait_until(lambda: False, "the end", seconds=0.02)

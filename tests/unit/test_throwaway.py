"""A folder for programs: they run as somebody harmless, and nothing of them outlives the tests."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from processes import is_running, other_tests, wait_until
from programs import require_program
from throwaway import throwaway

CARETAKER_GIVES_UP = 10
"""Seconds until it kills what has not heard it."""

LEFT_ALONE = """
import sys
from throwaway import throwaway
with throwaway("test") as place:
    process = place.start("sleep", ["sleep", "600"])
    print(process.pid, place.path, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("way", ["run", "start"])
def test_programs_run_there_and_not_as_root(way: str) -> None:
    command = ["sh", "-c", "pwd; id -u; env"]
    with throwaway("test") as place:
        if way == "run":
            said = place.run(command)
        else:
            assert place.start("said", command).wait(timeout=20) == 0
            said = place.log("said").read_text()
    folder, user, *environment = said.splitlines()
    assert folder == str(place.path)
    assert int(user) == (os.geteuid() or place.account.uid)
    assert int(user) != 0
    assert {line.partition("=")[0] for line in environment} <= {
        *("HOME", "LC_ALL", "PATH", "TZ"),
        *("PWD", "OLDPWD", "SHLVL", "_"),  # the shell's own
    }


def test_what_is_written_for_them_is_theirs_alone() -> None:
    with throwaway("test") as place:
        path = place.write("secret", "text")
        assert place.run(["cat", path]) == "text"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.path.stat().st_mode) == 0o700


def test_one_that_fails_is_told_with_its_words() -> None:
    with throwaway("test") as place, pytest.raises(AssertionError, match="this is why"):
        place.run(["sh", "-c", "echo this is why >&2; exit 1"])


@pytest.mark.parametrize("number", [0, signal.SIGSTOP], ids=["runs", "is stopped"])
def test_at_the_end_nothing_is_left(number: int) -> None:
    with throwaway("test", in_memory=False) as place:
        process = place.start("sleep", ["sleep", "600"])
        process.send_signal(number)
    assert process.returncode == -signal.SIGQUIT
    assert not place.path.exists()


@pytest.mark.parametrize("number", [0, signal.SIGSTOP], ids=["runs", "is stopped"])
def test_nor_when_the_tests_are_killed(number: int) -> None:
    with other_tests(LEFT_ALONE) as (tests, pid, folder):
        assert is_running(pid)
        assert folder.exists()
        os.kill(pid, number)
        tests.kill()

    took = wait_until(lambda: not is_running(pid), "the program has gone")
    assert took < CARETAKER_GIVES_UP
    wait_until(lambda: not folder.exists(), "its folder has gone")


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root runs programs as they are")
def test_a_program_in_a_closed_folder_is_copied_with_what_is_around_it(tmp_path: Path) -> None:
    # pytest's folders are closed to others, as root's home is.
    program = tmp_path / "around/bin/program"
    program.parent.mkdir(parents=True)
    (tmp_path / "around/beside").write_text("echo beside")
    program.write_text('#!/bin/sh\n. "$(dirname "$0")/../beside"\n')
    program.chmod(0o755)
    with throwaway("test") as place:
        copy = place.within_reach(program)
        assert place.run([copy]) == "beside\n"
        assert place.within_reach(program) == copy
        installed = Path(require_program("sh"))
        assert place.within_reach(installed) == installed

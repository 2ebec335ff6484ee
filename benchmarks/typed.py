"""Commands that ask on a terminal, and are answered at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
from benchmarks.harness import UnavailableError, plain_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT_SECONDS = 30
"""Longest that a question or the end is waited for."""
_LOOK_SECONDS = 0.0005
"""Between two looks whether a terminal has stopped to echo."""


def typed(command: Sequence[str], folder: Path, passphrase: str) -> tuple[float, str]:
    """Run a command, type a passphrase as soon as it asks; give the seconds and what it says.

    Raises:
        UnavailableError: It does not ask, does not end or ends with an error.
    """
    name = Path(command[0]).name
    started = time.perf_counter()
    child: pexpect.spawn[str] = pexpect.spawn(
        command[0],
        list(command[1:]),
        cwd=str(folder),
        env={**plain_environment(folder), "PWD": str(folder)},
        encoding="utf-8",
        timeout=WAIT_SECONDS,
    )
    # Otherwise it waits before each line, as a person would.
    child.delaybeforesend = None
    try:
        child.expect("(?i)pass(word|phrase)[^\r\n]*: ?")
        # What is typed before echoing ends may be thrown away with it.
        while child.getecho():
            if time.perf_counter() - started > WAIT_SECONDS:
                raise UnavailableError(f"{name} would show the passphrase")
            time.sleep(_LOOK_SECONDS)
        child.sendline(passphrase)
        child.expect(pexpect.EOF)
        seconds = time.perf_counter() - started
    except (pexpect.TIMEOUT, pexpect.EOF):
        raise UnavailableError(f"{name} does not ask for a passphrase, or does not end") from None
    finally:
        child.close(force=True)
    if child.exitstatus:
        raise UnavailableError(
            f"{name} ends with status {child.exitstatus}: {(child.before or '').strip()}"
        )
    return seconds, child.before or ""

"""The first of the two commands, as a newcomer meets it: on a terminal of 80 columns and 24 rows."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.sandbox import Sandbox
from programs import cannot_run, require_program
from terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
CTRL_Q = "\x11"
ENTER = "\r"


@pytest.fixture
def demo(sandbox: Sandbox) -> Iterator[Terminal]:
    make = require_program("make")
    ready = subprocess.run([make, "-q", ".venv/ready"], cwd=ROOT, capture_output=True, check=False)
    if ready.returncode:
        # The demo would install packages, under the feet of the tests that run now.
        cannot_run("the set-up is not up to date (run make test)")
    terminal = Terminal([make, "demo"], ROOT, sandbox.environment)
    yield terminal
    terminal.close()


def test_the_live_code_is_accepted_once_and_then_refused_as_used(
    demo: Terminal, sandbox: Sandbox
) -> None:
    demo.wait_for(lambda screen: "Validate" in screen, "the app")
    demo.press("v")
    demo.press(ENTER)
    demo.wait_for(lambda screen: "✓ Accepted" in screen, "the first verdict")
    demo.press(ENTER)
    demo.wait_for(
        lambda screen: "✗ Not valid" in screen and "already used" in screen, "the second verdict"
    )
    demo.press(CTRL_Q)

    assert demo.wait_for_end() == 0
    assert "nothing is left behind" in demo.text
    assert sandbox.leftovers() == []

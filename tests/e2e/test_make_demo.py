"""The first of the two commands, as a newcomer meets it: on a terminal of 80 columns and 24 rows."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.sandbox import Sandbox
from programs import cannot_run, require_program
from terminal import Terminal
from watchword_otp import Key, Secret, code_at, step_at

ROOT = Path(__file__).resolve().parents[2]
CTRL_Q = "\x11"
ENTER = "\r"
ESC = "\x1b"


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


def code_of(demo: Terminal) -> str:
    """The code that an app shows into which the key was typed by hand."""
    groups = re.findall(r"(?<![A-Z2-7])[A-Z2-7]{4}(?![A-Z2-7])", demo.text.partition("By hand")[2])
    key = Key(secret=Secret.from_base32("".join(groups[:8])))
    return code_at(key, step_at(key, time.time()))


def test_a_code_is_accepted_once_then_refused_as_used_and_a_phone_is_enrolled(
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

    demo.press(ESC)
    demo.wait_for(lambda screen: "Esc" not in screen.splitlines()[-1], "the list")
    demo.press("e")
    demo.wait_for(lambda screen: "Name of the key" in screen, "the form")
    demo.press("alice" + ENTER)
    demo.wait_for(lambda screen: "Then type the code" in screen, "the QR code")
    demo.press(code_of(demo) + ENTER)
    recovery_code = re.compile(r"(?:[a-z2-7]{4}-){5}[a-z2-7]{4}")
    demo.wait_for(
        lambda screen: "✓ Confirmed" in screen and len(recovery_code.findall(screen)) == 10,
        "the recovery codes",
    )
    demo.press(ESC)
    demo.wait_for(lambda screen: "Leave without saving" in screen, "the question")
    demo.press("y")
    demo.wait_for(lambda screen: "Validate" in screen, "the app again")
    demo.press(CTRL_Q)

    assert demo.wait_for_end() == 0
    assert "nothing is left behind" in demo.text
    assert sandbox.leftovers() == []

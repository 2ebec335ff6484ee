"""Record docs/demo.cast: the demo's real app and server, used by a script with a person's patience.

The file is an asciicast, version 2: `asciinema play docs/demo.cast` shows it. What the app writes is
recorded as it comes; only the time between is told anew, for nobody wants to wait for a machine, or for
the next code.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte

from watchword_otp import Key, Secret, code_at, seconds_left, step_at

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
CAST = ROOT / "docs" / "demo.cast"
COLUMNS, ROWS = 80, 24

ENTER, ESC, TAB, SHIFT_TAB, CTRL_Q = "\r", "\x1b", "\t", "\x1b[Z", "\x11"
_KEY_SECONDS = 0.12
_LONGEST_PAUSE = 0.4
"""Seconds between two things the app writes, at most; longer looks are asked for."""
_HURRY = 0.08
_PATIENCE = 60.0


class Recording:
    """A program on a pty; what it writes is kept with the time at which a viewer sees it."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.events: list[tuple[float, str]] = []
        self._now = 0.0
        self._wrote = time.monotonic()
        self._longest = _LONGEST_PAUSE
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._child: pexpect.spawn[bytes] = pexpect.spawn(
            command[0], command[1:], env=dict(environment), dimensions=(ROWS, COLUMNS)
        )

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._screen.display)

    def say(self, text: str) -> None:
        """Write something of our own, as a shell would."""
        self.events.append((round(self._now, 3), text))

    def look(self, seconds: float) -> None:
        """Give the viewer time."""
        self._now += seconds

    def type(self, keys: str, *, pause: float = _KEY_SECONDS) -> None:
        """Press keys one after the other."""
        for key in re.findall(r"\x1b\[Z|.", keys, re.DOTALL):
            self._child.send(key.encode())
            self._read(0.15)
            self._now += pause

    def until(self, shown: Callable[[str], bool], what: str) -> None:
        """Record until the screen shows what is waited for."""
        end = time.monotonic() + _PATIENCE
        while not shown(self.text):
            if time.monotonic() > end or not self._read(0.1):
                message = f"never saw {what}:\n{self.text}"
                raise SystemExit(message)

    def wait(self, seconds: float) -> None:
        """Let time pass, in a hurry for the viewer."""
        self._longest = _HURRY
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._read(0.1)
        self._longest = _LONGEST_PAUSE

    def finish(self) -> None:
        """Record to the end."""
        while self._read(0.1):
            pass

    def _read(self, seconds: float) -> bool:
        try:
            raw = self._child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        written = time.monotonic()
        self._now += min(written - self._wrote, self._longest)
        self._wrote = written
        text = self._decoder.decode(raw)
        self._stream.feed(text)
        self.say(text)
        return True


def record(environment: dict[str, str]) -> list[tuple[float, str]]:
    """Play the whole loop; give what a viewer sees, with the seconds at which."""
    cast = Recording([sys.executable, "-m", "watchword_tui", "demo"], environment)
    cast.say("\x1b[1m$\x1b[0m ")
    cast.look(0.8)
    for letter in "watchword demo":
        cast.say(letter)
        cast.look(_KEY_SECONDS / 2)
    cast.say("\r\n")
    cast.until(lambda screen: "Validate" in screen and "^q Quit" in screen, "the app")
    cast.look(2.5)
    cast.type("v")
    cast.look(1.0)
    cast.type(ENTER)
    cast.until(lambda screen: "✓ Accepted" in screen, "the first verdict")
    cast.look(2.0)
    cast.type(ENTER)
    cast.until(lambda screen: "already used" in screen, "the second verdict")
    cast.look(2.5)
    key = _enrol(cast)
    _check(cast, key)
    cast.type(CTRL_Q)
    cast.finish()
    cast.say("\x1b[1m$\x1b[0m ")
    cast.look(2.0)
    cast.say("")
    return cast.events


def _enrol(cast: Recording) -> Key:
    """Enrol a phone; give the key that it scanned."""
    cast.type(ESC)
    cast.until(lambda screen: "Esc Back" not in screen, "the list")
    cast.look(0.5)
    cast.type("e")
    cast.until(lambda screen: "Name of the key" in screen, "the form")
    cast.look(0.8)
    cast.type(f"alice{TAB}Example{TAB}alice@example.com")
    cast.look(0.8)
    cast.type(ENTER)
    cast.until(lambda screen: "Then type the code" in screen, "the QR code")
    by_hand = cast.text.partition("By hand")[2]
    groups = re.findall(r"(?<![A-Z2-7])[A-Z2-7]{4}(?![A-Z2-7])", by_hand)[:8]
    key = Key(secret=Secret.from_base32("".join(groups)))
    cast.look(4.0)
    cast.type(_fresh_code(cast, key))
    cast.look(0.8)
    cast.type(ENTER)
    cast.until(lambda screen: "✓ Confirmed" in screen, "the recovery codes")
    cast.look(3.0)
    cast.type("k")
    cast.until(lambda screen: "Leave without saving" in screen, "the question")
    cast.look(1.0)
    cast.type("y")
    cast.until(lambda screen: "2 accounts" in screen, "the list")
    cast.look(2.0)
    return key


def _check(cast: Recording, key: Key) -> None:
    """Have the server judge the next code of the key that was enrolled."""
    cast.type("j")
    # The one that confirmed it is used up.
    cast.wait(seconds_left(key, time.time()) + 1)
    cast.type("v")
    cast.look(0.8)
    cast.type(SHIFT_TAB)
    # The field has to have the focus before its letters come.
    cast.wait(0.5)
    cast.type("alice")
    cast.look(0.8)
    cast.type(ENTER)
    cast.until(lambda screen: "✓ Accepted" in screen, "the third verdict")
    cast.look(3.0)


def _fresh_code(cast: Recording, key: Key) -> str:
    """A code with time left to be typed."""
    if seconds_left(key, time.time()) < 8:  # noqa: PLR2004 - seconds
        cast.wait(seconds_left(key, time.time()))
    return code_at(key, step_at(key, time.time()))


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "HOME": home,
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        events = record(environment)
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "Watchword: the whole loop"}
    told = (json.dumps([at, "o", text], ensure_ascii=False) for at, text in events)
    lines = [json.dumps(header), *told]
    CAST.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"docs/demo.cast: {events[-1][0]:.0f} s")


if __name__ == "__main__":
    main()

"""The app on a vault of 1,000 accounts: first frame, idling, memory, and how soon it answers a key."""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from typing import TYPE_CHECKING

import pyte
from benchmarks.harness import (
    BIN,
    Figure,
    interleaved,
    milliseconds,
    peer_environment,
    say,
)
from benchmarks.on_terminal import (
    COLUMNS,
    ONE_LINE_APP,
    ROWS,
    SETTLE_SECONDS,
    Terminal,
    first_frame,
    watch_idle,
)

from watchword_otp import Key, Secret, format_uri
from watchword_tui.accounts import Account
from watchword_tui.vault.document import Document
from watchword_tui.vault.rows import SOURCE, new_id
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 1000
ROUNDS = 11
PEER_ROUNDS = 3
PEER_SECONDS = 120
"""The peer takes some twenty seconds on a slow machine."""
IDLE_SECONDS = 60
"""As for one account."""
KEY_SECONDS = 0.4
"""Longest that the answer to one key is looked for."""
PEER = "textual-totp==0.9.7"

_PERIOD = 30

_DOWN, _PAGE_DOWN, _HOME, _END = b"\x1b[B", b"\x1b[6~", b"\x1b[H", b"\x1b[F"
_BACK, _ESCAPE = b"\x7f", b"\x1b"
_LIST_ROWS = slice(3, 13)
"""The rows of the screen with the filter and the list: what a key is to change."""
_KEYS = [
    *[_DOWN] * 12,
    *[b"j"] * 6,
    *[_PAGE_DOWN] * 6,
    *[_END, _HOME] * 3,
    *[b"o"] * 3,
    b"/",
    *[b"g", b"i", b"t", _BACK, _BACK, _BACK],
    *[b"a", b"l", b"i", b"c", b"e", b"7", _DOWN, _DOWN, _BACK, _BACK, _BACK, _BACK, _BACK, _BACK],
    *[b"e", b"x", b"p", b"l", b"e", _ESCAPE],
    *[b"d", b"r", b"o", b"9", b"1", _BACK, _BACK, _BACK, _BACK, _BACK],
    *[b"m", b"c", b" ", b"4", _ESCAPE],
]
_ISSUERS = ("GitHub", "GitLab", "Google", "Amazon", "Facebook", "Microsoft", "Slack", "Bank", "Reddit")


def measure(folder: Path) -> list[Figure]:
    """Time first frames in turns, watch the idle apps, then type."""
    accounts = _accounts()
    vault = folder / ".local" / "share" / "watchword" / "vault.json"
    create_vault(VaultStore(vault), None, Document().with_added(accounts))
    app = [str(BIN / "watchword")]
    one_line = [str(BIN / "python"), "-c", ONE_LINE_APP]
    first = accounts[0].issuer
    apps, one_lines = interleaved(
        ROUNDS,
        lambda: first_frame(app, folder, lambda text: _shows_a_code(text, first)),
        lambda: first_frame(one_line, folder, lambda text: "ready" in text),
    )
    say("starting textual-totp a few times: it takes long")
    peers = _peer_first_frames(folder, accounts)
    say(f"watching idle apps for {IDLE_SECONDS} s each")
    idle = watch_idle(app, folder, IDLE_SECONDS)
    least = watch_idle(one_line, folder, 1)
    say("typing")
    answers = _type(app, folder)
    slow = statistics.quantiles(answers, n=20)[-1]
    return [
        Figure(
            name=f"{COUNT} accounts: first frame / one-line Textual app",
            value=statistics.median(apps) / statistics.median(one_lines),
            unit="times",
            goal=1.3,
            basis=f"{milliseconds(apps)} against {milliseconds(one_lines)}, median of {ROUNDS}",
        ),
        Figure(
            name=f"{COUNT} accounts: first frame / textual-totp",
            value=statistics.median(apps) / statistics.median(peers),
            unit="times",
            goal=0.1,
            basis=f"{milliseconds(apps)} against {milliseconds(peers)}, median of {PEER_ROUNDS}; {PEER}",
        ),
        Figure(
            name=f"{COUNT} accounts: idle, terminal",
            value=idle.written / idle.seconds,
            unit="bytes/s",
            goal=300,
            basis=f"{idle.written} bytes in {idle.seconds:.0f} s, {COLUMNS}x{ROWS}",
        ),
        Figure(
            name=f"{COUNT} accounts: idle, processor",
            value=100 * idle.processor / idle.seconds,
            unit="% of a core",
            goal=1,
            basis=f"{idle.processor * 1e3:.0f} ms in {idle.seconds:.0f} s, user and system",
        ),
        Figure(
            name=f"{COUNT} accounts: memory / one-line Textual app",
            value=idle.memory / least.memory,
            unit="times",
            goal=1.3,
            basis=f"{idle.memory / 2**20:.1f} MiB against {least.memory / 2**20:.1f} MiB, resident",
        ),
        Figure(
            name=f"{COUNT} accounts: key press to repaint, 95th percentile",
            value=slow * 1e3,
            unit="ms",
            goal=16,
            basis=f"{milliseconds(answers)}, median of {len(answers)} keys, the filter's among them",
        ),
    ]


def _accounts() -> list[Account]:
    chance = random.Random(6238)
    return [
        Account(
            Key(
                secret=Secret(chance.randbytes(20)),
                issuer=f"{_ISSUERS[index % len(_ISSUERS)]} {index}",
                name=f"alice{index}@example.com",
            ),
            SOURCE,
            id=new_id(),
        )
        for index in range(COUNT)
    ]


def _shows_a_code(text: str, issuer: str) -> bool:
    return issuer in text and re.search(r"\b\d{3} ?\d{3}\b", text) is not None


def _peer_first_frames(folder: Path, accounts: list[Account]) -> list[float]:
    """Seconds until textual-totp lists the same accounts; it shows their codes when asked."""
    command = [str(peer_environment("textual-totp", [PEER]) / "textual-totp")]
    uris = folder / "peer.txt"
    uris.write_text("".join(f"{format_uri(one.key)}\n" for one in accounts), encoding="utf-8")
    settings = folder / ".config" / "ttotp" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"otp-command = ['cat', {json.dumps(str(uris))}]\n", encoding="utf-8")
    first = accounts[0].issuer

    def once() -> float:
        return first_frame(
            command, folder, lambda text: first in text, seconds=PEER_SECONDS, until=first.encode()
        )

    return [once() for _ in range(PEER_ROUNDS)]


def _type(command: list[str], folder: Path) -> list[float]:
    """Type keys one after the other; give the seconds each took to change what it is to change.

    Not while codes change by themselves. Esc is typed too but not counted: by itself it could begin a
    sequence, and Textual waits 100 ms for the rest.
    """
    terminal = Terminal(command, folder)
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    answers = []
    try:
        terminal.read(SETTLE_SECONDS)
        for key in _KEYS:
            if time.time() % _PERIOD > _PERIOD - 1:
                terminal.read(1.5)
            for _, chunk in terminal.written:
                stream.feed(chunk)
            terminal.written.clear()
            before = screen.display[_LIST_ROWS]
            pressed = terminal.press(key)
            terminal.read(KEY_SECONDS, until_quiet=0.15)
            states = []
            for at, chunk in terminal.written:
                stream.feed(chunk)
                states.append((at, screen.display[_LIST_ROWS]))
            terminal.written.clear()
            if key != _ESCAPE and states and states[-1][1] != before:
                answers.append(next(at for at, state in states if state == states[-1][1]) - pressed)
    finally:
        terminal.close()
    return answers

"""The app on a vault of 1,000 accounts: first frame, idling, memory, and how soon it answers a key."""

from __future__ import annotations

import json
import random
import re
import time
from typing import TYPE_CHECKING

import pyte
from benchmarks.figures import Figure, Series, percentile_95, ratio
from benchmarks.harness import BIN, say
from benchmarks.on_terminal import (
    COLUMNS,
    ONE_LINE,
    ONE_LINE_APP,
    ROWS,
    SETTLE_SECONDS,
    Terminal,
    add_idle,
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

    from benchmarks.bench import Bench

COUNT = 1000
ROUNDS = 11
PEER_ROUNDS = 3
PEER_SECONDS = 30
"""The peer takes some twenty seconds on a slow machine."""
IDLE_SECONDS = 60
"""As for one account."""
KEY_SECONDS = 0.4
"""Longest that the answer to one key is looked for."""
PEER = "textual-totp"
PEER_PACKAGE = f"{PEER}==0.9.7"
SUBJECT = "watchword"
WHAT = f"{COUNT:,} accounts"

_APP = [str(BIN / "watchword")]
_ONE_LINE = [str(BIN / "python"), "-c", ONE_LINE_APP]
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


def measure(bench: Bench) -> None:
    """Time first frames in turns, watch the idle apps, then type."""
    accounts = _accounts()
    vault = bench.folder / ".local" / "share" / "watchword" / "vault.json"
    create_vault(VaultStore(vault), None, Document().with_added(accounts))
    _first_frames(bench, accounts[0].issuer)
    with bench.apart():
        _first_frames_of_the_peer(bench, accounts)
    _idle(bench)
    say("typing")
    answers = Series(SUBJECT, "key press to repaint", "s", tuple(_type(_APP, bench.folder)))
    bench.keep(answers)
    slow = percentile_95(answers.values) * 1e3
    bench.add(Figure(f"{WHAT}: key press to repaint, 95th percentile", slow, "ms", 16))


def _first_frames(bench: Bench, first: str) -> None:
    ours, theirs = bench.in_turns(
        ROUNDS,
        {
            SUBJECT: lambda: _first_frame(bench.folder, first),
            ONE_LINE: lambda: first_frame(_ONE_LINE, bench.folder, lambda text: "ready" in text),
        },
        "first frame",
    )
    bench.add(ratio(f"{WHAT}: first frame / a one-line Textual app's", ours, theirs, 1.3))


def _first_frames_of_the_peer(bench: Bench, accounts: list[Account]) -> None:
    """The time until textual-totp lists the same accounts; it shows their codes when asked."""
    command = [str(bench.packages(PEER, [PEER_PACKAGE]) / PEER)]
    uris = bench.folder / "peer.txt"
    uris.write_text("".join(f"{format_uri(one.key)}\n" for one in accounts), encoding="utf-8")
    settings = bench.folder / ".config" / "ttotp" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"otp-command = ['cat', {json.dumps(str(uris))}]\n", encoding="utf-8")
    first = accounts[0].issuer
    say(f"starting {PEER} a few times: it takes long")
    ours, theirs = bench.in_turns(
        PEER_ROUNDS,
        {
            f"{SUBJECT}, in turns with {PEER}": lambda: _first_frame(bench.folder, first),
            PEER: lambda: first_frame(
                command,
                bench.folder,
                lambda text: first in text,
                seconds=PEER_SECONDS,
                until=first.encode(),
            ),
        },
        "first frame",
    )
    bench.add(ratio(f"{WHAT}: first frame / {PEER}'s", ours, theirs, 0.1))


def _idle(bench: Bench) -> None:
    say(f"watching idle apps for {IDLE_SECONDS} s each")
    idle = watch_idle(_APP, bench.folder, IDLE_SECONDS)
    least = watch_idle(_ONE_LINE, bench.folder, 1)
    add_idle(bench, WHAT, SUBJECT, idle, 300)
    ours, theirs = (
        Series(subject, "idle: resident memory", "bytes", (float(one.memory),))
        for subject, one in ((SUBJECT, idle), (ONE_LINE, least))
    )
    bench.keep(ours, theirs)
    bench.add(ratio(f"{WHAT}, idle: memory / a one-line Textual app's", ours, theirs, 1.3))


def _first_frame(folder: Path, first: str) -> float:
    return first_frame(_APP, folder, lambda text: _shows_a_code(text, first))


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

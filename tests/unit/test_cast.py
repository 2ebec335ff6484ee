"""docs/demo.cast shows the whole loop, in the words that the app has now."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pyte
import pytest

from watchword_tui import demo
from watchword_tui.answers import CheckAnswer, Checked, Contact, Reason
from watchword_tui.wording import verdict_of

CAST = Path(__file__).resolve().parents[2] / "docs" / "demo.cast"
ALTERNATE_SCREEN_LEFT = "\x1b[?1049l"
RENEW = "renew it with: make pictures"


@pytest.fixture(scope="module")
def frames() -> list[str]:
    """What a viewer sees after each event."""
    header, *events = [json.loads(line) for line in CAST.read_text("utf-8").splitlines()]
    assert (header["version"], header["width"], header["height"]) == (2, 80, 24)
    screen = pyte.Screen(80, 24)
    stream = pyte.Stream(screen)
    seen = []
    for _, kind, text in events:
        assert kind == "o"
        if ALTERNATE_SCREEN_LEFT in text:
            # pyte has one screen only.
            screen.reset()
        stream.feed(text)
        seen.append("\n".join(line.rstrip() for line in screen.display))
    return seen


def test_the_loop_is_seen_from_the_first_code_to_the_phones(frames: list[str]) -> None:
    replayed = CheckAnswer(valid=False, reason=Reason.REPLAYED, offset=0, used_ago=0.1)
    used = verdict_of(Checked(replayed, Contact(0.001, 0.0)))
    scenes = [
        "$ watchword demo",
        demo._GUIDE.splitlines()[0],
        "✓ Accepted",
        f"✗ {used.title}   {used.detail.partition(',')[0]}",
        "Enrol a phone on demo",
        "Then type the code it shows:",
        "✓ Confirmed: from now on the codes of alice count on demo.",
        "Leave without saving the recovery codes?",
        "2 accounts",
        "✓ Accepted",
        "nothing is left behind",
    ]
    left = iter(frames)
    for scene in scenes:
        assert any(scene in frame for frame in left), f"{scene!r} is not seen; {RENEW}"


def test_time_goes_on_and_nobody_waits_long() -> None:
    times = [json.loads(line)[0] for line in CAST.read_text("utf-8").splitlines()[1:]]
    assert times == sorted(times)
    assert max(after - before for before, after in pairwise(times)) <= 6
    assert 30 <= times[-1] <= 90


def test_it_names_no_machine() -> None:
    text = CAST.read_text("utf-8")
    assert not re.search(r"/(home|root|tmp|work|Users)/", text)

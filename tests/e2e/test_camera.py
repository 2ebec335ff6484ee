"""The fast part of `python -m benchmarks.camera`: our QR codes in a real xterm, a dozen shots each.

docs/qr.md has the method and the whole table. What is held here is that scanners read the app's screen
and `watchword qr` nearly as often as a plain PNG, and at least as often as what qrencode draws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.camera.distort import FRAME, Picture, light_up, shoot
from benchmarks.camera.pictures import APP, KEY, PLAIN, QRENCODE, SHELL, pictures
from benchmarks.camera.session import read
from benchmarks.camera.xterm import Look, display, require_font
from benchmarks.harness import UnavailableError
from PIL import Image

from programs import cannot_run, require_program
from watchword_otp import format_uri

if TYPE_CHECKING:
    from pathlib import Path

SHOTS = range(12)
LOOK = Look("DejaVu Sans Mono", 10)
"""One of its terminals: dark, where the quiet zone matters."""


@pytest.mark.timeout(
    240
)  # some five seconds on an idle machine; it computes, so a busy one takes longer
def test_a_phone_reads_our_drawings_like_a_png_and_not_less_than_qrencodes(tmp_path: Path) -> None:
    for program in ("Xvfb", "xterm", "fc-match", "qrencode", "zbarimg"):
        require_program(program)
    try:
        require_font(LOOK)
    except UnavailableError as error:
        cannot_run(str(error))
    with display() as shown_on:
        taken = pictures(shown_on, LOOK, tmp_path)
    text = format_uri(KEY).encode()
    reads = {drawing: read(taken[drawing], SHOTS, text) for drawing in (APP, SHELL, QRENCODE, PLAIN)}

    assert len(reads[PLAIN].either) >= 10
    for ours in (APP, SHELL):
        assert len(reads[ours].either & reads[PLAIN].either) >= len(reads[PLAIN].either) - 1
        assert len(reads[ours].either) >= len(reads[QRENCODE].either)
        assert reads[ours].zxing
        assert reads[ours].zbar


@pytest.fixture
def chequered() -> Picture:
    """A board of 21 by 21 fields, 8 pixels each."""
    fields = np.indices((21, 21)).sum(axis=0) % 2 * 255
    image = Image.fromarray(fields.astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1))
    return Picture(image, (0, 0, 168, 168), 21)


class TestTheCamera:
    def test_takes_the_same_shot_twice(self, chequered: Picture) -> None:
        panel = light_up(chequered)
        first, again, other = (shoot(panel, number) for number in (1, 1, 2))
        assert first.size == (FRAME, FRAME)
        assert first.tobytes() == again.tobytes() != other.tobytes()

    def test_holds_the_phone_alike_whatever_it_sees(self, chequered: Picture) -> None:
        # Twice the pixels on the screen are the same picture from farther away.
        image = chequered.image.resize((336, 336), Image.Resampling.NEAREST)
        larger = Picture(image, (0, 0, 336, 336), 21)
        one, two = (np.asarray(shoot(light_up(each), 1), np.float64) for each in (chequered, larger))
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.9

"""Two hundred shots of a picture, and how many of them the two scanners read."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.camera import decode
from benchmarks.camera.distort import light_up, shoot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.camera.distort import Picture


@dataclass(frozen=True)
class Read:
    """Which shots of a picture were read, byte for byte."""

    zxing: frozenset[int]
    zbar: frozenset[int]

    @property
    def either(self) -> frozenset[int]:
        """Those that one scanner or the other reads."""
        return self.zxing | self.zbar


def read(picture: Picture, shots: Iterable[int], text: bytes) -> Read:
    """Photograph `picture` once for each of `shots`, and look for `text` in what comes out."""
    numbers = list(shots)
    panel = light_up(picture)
    images = [shoot(panel, number) for number in numbers]
    with tempfile.TemporaryDirectory(prefix="watchword-camera-") as folder:
        found = decode.zxing(images), decode.zbar(images, Path(folder))
    zxing, zbar = (
        frozenset(number for number, texts in zip(numbers, one, strict=True) if text in texts)
        for one in found
    )
    return Read(zxing, zbar)


def share(of: Read, to: Read) -> float:
    """How many of the shots that are read of `to` are read of `of` too, 0 to 1."""
    if not to.either:
        return 0.0
    return len(of.either & to.either) / len(to.either)

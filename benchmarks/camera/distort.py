"""What a hand-held phone's camera makes of a screen: a pure function of a picture and a shot's number.

In the order of light's way: the panel's coloured stripes (moire, once a sensor samples them), the view
from an angle, defocus and a moving hand, uneven light, reflections and glare, exposure, the sensor's
noise, the camera's own tone curve, JPEG.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

FRAME = 360
"""Pixels a side of what a scanner looks at: the square in the middle of a camera's preview."""

SHARE = (0.45, 0.72)
"""Side of the QR code to that of the frame."""
ROLL_DEGREES = 20.0
TILT_DEGREES = 25.0
"""Either way, about both axes."""
SHIFT = 0.06
"""Of the frame, either way."""
DEFOCUS = (0.05, 0.36)
"""Standard deviation of the blur in modules."""
MOTION = (0.0, 0.6)
"""Way of the hand during the exposure, in modules."""
STRIPES = (0.0, 0.35, 0.7, 1.0)
"""How much of the panel's stripes the lens lets through."""
UNEVEN = 0.25
"""Light lost at one side of the frame."""
REFLECTION = (0.01, 0.15)
"""What a bright room adds to black, where white is 1."""
GLARE = (0.0, 0.35)
"""The same, in the middle of a lamp's reflection."""
GLARE_RADIUS = (0.08, 0.30)
"""Of the frame."""
EXPOSURE = (-1.2, 0.3)
"""Stops from the right one."""
NOISE = (0.01, 0.05)
"""Standard deviation at white."""
GAMMA = (1.8, 2.4)
JPEG = (25, 90)

_CAMERA_DISTANCE = 2.6
"""In sides of the QR code."""
_OVERSAMPLE = 2
"""Samples a sensor pixel, each way."""
_SUBPIXELS = 3
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_ROWS = (1.0, 1.0, 0.55)
"""How bright the three parts of a pixel are from top to bottom: below each row is a dark line."""
_WHITE = 100
"""What a whole white pixel is stored as in linear light; its green part is twice as bright and more."""
_AROUND = 0.8
"""How much of a screen around the QR code may come into the frame, in its sides."""

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Picture:
    """A screenshot, and where in it the QR code is."""

    image: Image.Image
    symbol: tuple[float, float, float, float]
    """Left, top, right, bottom of the modules without a quiet zone, in pixels."""
    modules: int
    """A side."""

    @property
    def pitch(self) -> float:
        """Pixels a module; where it is not square, the side of a square as large."""
        left, top, right, bottom = self.symbol
        return math.sqrt((right - left) * (bottom - top)) / self.modules


@dataclass(frozen=True)
class Panel:
    """The lit screen around a QR code, in linear light, three parts a pixel each way."""

    lights: tuple[Image.Image, ...]
    """As a lens shows it, for each of `STRIPES`."""
    symbol: tuple[float, float, float, float]
    """As of a `Picture`, in parts of pixels."""
    modules: int


def light_up(picture: Picture) -> Panel:
    """Show a picture on a panel of red, green and blue stripes with a dark line under each row."""
    left, top, right, bottom = picture.symbol
    margin = _AROUND * max(right - left, bottom - top)
    across, down = math.floor(left - margin), math.floor(top - margin)
    around = (across, down, math.ceil(right + margin), math.ceil(bottom + margin))
    luminance = np.array(_LUMINANCE, np.float32)
    linear = (np.asarray(picture.image.convert("RGB").crop(around), np.float32) / 255) ** 2.2
    flat = (linear @ luminance).repeat(_SUBPIXELS, axis=0).repeat(_SUBPIXELS, axis=1)
    parts = (_SUBPIXELS * linear * luminance).reshape(linear.shape[0], -1)
    rows = np.array(_ROWS, np.float32) * _SUBPIXELS / sum(_ROWS)
    striped = (parts[:, None, :] * rows[None, :, None]).reshape(flat.shape)
    lit = (_WHITE * (flat + part * (striped - flat)) for part in STRIPES)
    corners = (left - across, top - down, right - across, bottom - down)
    a, b, c, d = (_SUBPIXELS * at for at in corners)
    return Panel(
        tuple(Image.fromarray(np.clip(one, 0, 255).astype(np.uint8)) for one in lit),
        (a, b, c, d),
        picture.modules,
    )


def shoot(panel: Panel, shot: int) -> Image.Image:
    """Photograph `panel`; the same `shot` is the same hand, light and camera for every panel.

    Returns:
        A grey image of `FRAME` pixels a side.
    """
    chance = np.random.default_rng(shot)
    share = chance.uniform(*SHARE)
    roll, yaw, pitch = (
        math.radians(chance.uniform(-most, most)) for most in (ROLL_DEGREES, TILT_DEGREES, TILT_DEGREES)
    )
    shift = chance.uniform(-SHIFT, SHIFT, 2)
    stripes = int(chance.integers(len(STRIPES)))
    module = share * FRAME / panel.modules
    defocus = chance.uniform(*DEFOCUS) * module
    way = chance.uniform(*MOTION) * module
    direction = chance.uniform(0, 2 * math.pi)
    seen = _project(panel.lights[stripes], panel.symbol, share, (roll, yaw, pitch), shift)
    blurred = seen.reduce(_OVERSAMPLE).filter(ImageFilter.GaussianBlur(defocus))
    light: Floats = np.asarray(blurred, np.float32) / _WHITE
    light = _lit(_moved(light, way, direction), chance)
    light = light * 2 ** chance.uniform(*EXPOSURE)
    noise = chance.uniform(*NOISE)
    grain = chance.standard_normal(light.shape, np.float32)
    light = light + noise * grain * np.sqrt(np.clip(light, 0.05, 1))
    toned = np.clip(light, 0, 1) ** (1 / chance.uniform(*GAMMA))
    file = io.BytesIO()
    quality = int(chance.integers(*JPEG))
    Image.fromarray((toned * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return Image.open(file).convert("L")


def _project(
    panel: Image.Image,
    symbol: tuple[float, float, float, float],
    share: float,
    turns: tuple[float, float, float],
    shift: NDArray[np.float64],
) -> Image.Image:
    """See the panel from where the phone is, oversampled."""
    left, top, right, bottom = symbol
    longest = max(right - left, bottom - top)
    wide, high = (right - left) / longest / 2, (bottom - top) / longest / 2
    corners = np.array([[-wide, -high], [wide, -high], [wide, high], [-wide, high]])
    roll, yaw, pitch = turns
    flat = np.column_stack([corners, np.zeros(4)]) @ _turned(roll, yaw, pitch).T
    projected = flat[:, :2] * (_CAMERA_DISTANCE / (_CAMERA_DISTANCE + flat[:, 2:]))
    side = FRAME * _OVERSAMPLE
    placed = side * (0.5 + shift + share * projected)
    source = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return panel.transform(
        (side, side),
        Image.Transform.PERSPECTIVE,
        _coefficients(placed, source),
        Image.Resampling.BILINEAR,
    )


def _turned(roll: float, yaw: float, pitch: float) -> NDArray[np.float64]:
    (cr, sr), (cy, sy), (cp, sp) = ((math.cos(a), math.sin(a)) for a in (roll, yaw, pitch))
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    turned: NDArray[np.float64] = about_x @ about_y @ about_z
    return turned


def _coefficients(target: NDArray[np.float64], source: NDArray[np.float64]) -> list[float]:
    """What Pillow wants: the projection from four points of the result to those of the panel."""
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    solved = np.linalg.solve(np.array(rows), source.reshape(8))
    return [float(value) for value in solved]


def _moved(light: Floats, way: float, direction: float) -> Floats:
    """Average the instants of a straight movement, `way` pixels long."""
    instants = np.linspace(-way / 2, way / 2, math.ceil(way) + 1)
    steps = {(round(at * math.sin(direction)), round(at * math.cos(direction))) for at in instants}
    moved: Floats = np.mean([np.roll(light, step, (0, 1)) for step in sorted(steps)], axis=0)
    return moved


def _lit(light: Floats, chance: np.random.Generator) -> Floats:
    """Let the room's light fall on it: unevenly, with a lamp's reflection somewhere."""
    down, across = np.mgrid[0:FRAME, 0:FRAME].astype(np.float32) / FRAME
    direction = chance.uniform(0, 2 * math.pi)
    slope = (across - 0.5) * math.cos(direction) + (down - 0.5) * math.sin(direction)
    light = light * (1 - UNEVEN * (0.5 + slope / math.sqrt(2)))
    light = light + chance.uniform(*REFLECTION)
    middle = chance.uniform(0.15, 0.85, 2)
    radius = chance.uniform(*GLARE_RADIUS)
    away = ((across - middle[0]) ** 2 + (down - middle[1]) ** 2) / (2 * radius**2)
    lit: Floats = light + chance.uniform(*GLARE) * np.exp(-away)
    return lit

"""The terminals that the drawings are looked at in."""

from __future__ import annotations

from benchmarks.camera.xterm import Look

_BITMAP = "-misc-fixed-medium-r-normal--20-200-75-75-c-100-{}"
_FONTS = (
    ("DejaVu Sans Mono", 10),
    ("DejaVu Sans Mono", 14),
    ("Liberation Mono", 12),
    ("Noto Mono", 12),
    ("Fira Code", 12),
    (_BITMAP.format("iso10646-1"), 0),
)
_LINE_HEIGHTS = (1.0, 1.1, 1.25)
"""Above 1 a font's blocks no longer fill the cell."""

LOOKS = tuple(
    Look(font, size, height, dark)
    for height in _LINE_HEIGHTS
    for font, size in _FONTS
    for dark in (True, False)
)

WITHOUT_BLOCKS = Look(_BITMAP.format("iso8859-1"), 0)
"""A font that has none of the characters that QR codes are drawn with."""

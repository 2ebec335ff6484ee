"""Labels made safe: text from outside is data, never an instruction to a terminal.

A terminal obeys control characters wherever they come from, and bidirectional controls reorder
what people read. Both are removed where a label enters, and once more where a screen is drawn.
"""

from __future__ import annotations

import re
import unicodedata

LABEL_LIMIT = 100
"""Most characters kept of an issuer or a name."""

# Bidirectional marks, embeddings, overrides and isolates (Unicode UAX #9 section 2), the line and
# paragraph separators, the byte order mark, the interlinear anchors, the tag characters; and what
# takes room or none and shows nothing: the soft hyphen, the joiner U+034F, the Hangul fillers.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_INVISIBLE}]")
_SPACES = re.compile(r"\s+")


def strip_controls(text: str) -> str:
    """Remove what could steer a terminal or reorder text: C0, DEL, C1, bidi, lone surrogates."""
    return _UNSAFE.sub("", text)


def clean_label(text: str, limit: int = LABEL_LIMIT) -> str:
    """Make a label from outside safe to keep and show.

    White space of any kind becomes single spaces, control and bidirectional characters and lone
    surrogates go, the rest is normalised (NFC) and cut to `limit` characters. Cleaning what is
    clean changes nothing.
    """
    # Most labels: nothing in printable ASCII is removed, and it is NFC already.
    if (
        len(text) <= limit
        and text.isascii()
        and text.isprintable()
        and "  " not in text
        and text.strip() == text
    ):
        return text
    visible = strip_controls(_SPACES.sub(" ", text))
    # Removing characters can bring two spaces together; NFC can change the length.
    normal = unicodedata.normalize("NFC", _SPACES.sub(" ", visible).strip())
    return normal[:limit].rstrip()

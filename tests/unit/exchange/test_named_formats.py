"""A person may name a format; what is no such file then ends in words, not in an empty list."""

from __future__ import annotations

import os

import pytest

from foreign import read_bytes
from watchword_tui.errors import WatchwordError
from watchword_tui.exchange.registry import FORMATS

NAMES = sorted({one.name for one in FORMATS} - {"google", "otpauth"})
"""All but those that take any line for one that cannot be read."""

NOT_EXPORTS = {
    "random": os.urandom(300),
    "zeros": bytes(300),
    "json": b'{"a": 1}',
    "number": b"7",
    "xml": b"<a><b/></a>",
    "empty": b"",
}


@pytest.mark.parametrize("content", NOT_EXPORTS.values(), ids=NOT_EXPORTS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_file_of_the_named_format_ends_in_words(name: str, content: bytes) -> None:
    try:
        reading = read_bytes(content, "pass", name=name).reading
    except WatchwordError:
        return
    assert reading.entries
    assert all(entry.reason for entry in reading.entries)

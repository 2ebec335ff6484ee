"""Files cut short and changed at random: reading them ends in entries or in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from foreign import read_bytes
from watchword_tui.errors import WatchwordError

if TYPE_CHECKING:
    from collections.abc import Iterator


def ends_well(data: bytes, passphrase: str = "", name: str = "") -> bool:
    """Read `data` with all entries looked at; give whether it could be read.

    Any exception but a `WatchwordError` goes through, and fails the test.
    """
    try:
        found = read_bytes(data, passphrase, name=name)
    except WatchwordError:
        return False
    assert all(entry.key or entry.foreign or entry.reason for entry in found.reading.entries)
    return True


def cut_short(data: bytes, most: int = 2000) -> Iterator[bytes]:
    """Give `data` cut at every byte, or at `most` places of a longer file."""
    for size in range(0, len(data), max(1, len(data) // most)):
        yield data[:size]


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Give `data` with some bytes replaced, taken out or put in."""
    places = st.integers(0, len(data) - 1)
    edits = draw(
        st.lists(st.tuples(places, st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=6)
    )
    for place, put_in, taken_out in edits:
        data = data[:place] + put_in + data[place + taken_out :]
    return data

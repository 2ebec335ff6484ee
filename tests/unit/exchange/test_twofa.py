"""The `2fa` program's keychain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import read_bytes
from watchword_otp import Key, Kind, Secret

SECRET = Secret.from_base32(made.BASE32)
KEYCHAIN = f"""github 6 {made.BASE32.lower()}
vpn 8 {made.BASE32} {9:020}

fork 7 20 {made.BASE32}====
""".encode()


def test_all_lines_are_read_and_counters_are_those_of_the_next_code() -> None:
    found = read_bytes(KEYCHAIN)

    assert found.format.name == "2fa"
    assert [entry.key for entry in found.reading.entries] == [
        Key(secret=SECRET, name="github"),
        # The program counts before it makes a code.
        Key(secret=SECRET, kind=Kind.HOTP, counter=10, digits=8, name="vpn"),
        Key(secret=SECRET, digits=7, period=20, name="fork"),
    ]
    assert [entry.where for entry in found.reading.entries] == ["line 1", "line 2", "line 4"]


def test_a_bad_line_is_an_entry_with_its_reason() -> None:
    good, *bad = read_bytes(KEYCHAIN.split(b"\n")[0] + b"\nx\ny 6 A\nz 9 AAAA\n").reading.entries

    assert good.key
    assert len(bad) == 3
    assert all(entry.reason and not entry.key for entry in bad)


@given(st.data())
def test_damaged_files_end_in_words(data: st.DataObject) -> None:
    for piece in cut_short(KEYCHAIN):
        ends_well(piece, name="2fa")
    ends_well(data.draw(changed(KEYCHAIN)), name="2fa")

"""KeePassXC's CSV."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damaged_files import changed, cut_short, ends_well
from foreign import read_bytes
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import ForeignFileError

SECRET = "GEZDGNBVGY3TQOJQ"
HEAD = '"Group","Title","Username","Password","URL","Notes","TOTP","Icon","Last Modified","Created"\n'
URI = f"otpauth://totp/GitHub:alice?secret={SECRET}&period=30&digits=6&issuer=GitHub"
CSV = (
    HEAD
    + f'"Root","GitHub","alice","p","https://x","one\n""two"", three","{URI}","0","",""\n'
    + '"Root/Work","No code","bob","p","","","","0","",""\n'
    + f'"Root/Work/VPN","Steam","carol","p","","","otpauth://totp/Steam:carol?secret={SECRET}&encoder=steam","0","",""\n'
    + '"Root","Bad","dave","p","","","otpauth://totp/Bad:dave?secret=1","0","",""\n'
)


def test_rows_with_a_code_are_read_with_notes_and_groups() -> None:
    found = read_bytes(CSV.encode("utf-8-sig"))

    github, steam, bad = found.reading.entries
    assert found.format.name == "keepassxc-csv"
    assert github.key == Key(secret=Secret(b"1234567890"), issuer="GitHub", name="alice")
    assert (github.note, github.groups) == ('one\n"two", three', ())
    assert steam.key
    assert (steam.key.kind, steam.groups) == (Kind.STEAM, ("Work/VPN",))
    assert (bad.where, bad.key) == ("row 4", None)
    assert bad.reason


def test_columns_may_lack_quotes_and_come_in_another_order() -> None:
    head = "Group,Title,Username,TOTP,Notes"

    (entry,) = read_bytes(f"{head}\r\nRoot,GitHub,alice,{URI},note\r\n".encode()).reading.entries

    assert (entry.name, entry.note) == ("alice", "note")


def test_a_field_beyond_measure_ends_in_words() -> None:
    with pytest.raises(ForeignFileError):
        read_bytes((HEAD + '"' + "x" * 200_000).encode())


@given(st.data())
def test_damaged_files_end_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(CSV.encode())), name="keepassxc-csv")


def test_files_cut_anywhere_end_in_words() -> None:
    for piece in cut_short(CSV.encode()):
        ends_well(piece, name="keepassxc-csv")

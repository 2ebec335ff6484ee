"""The file of Google's PAM module."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import Person, read_bytes
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import ForeignFileError
from watchword_tui.exchange.reading import read_entries, source_of

SECRET = Secret.from_base32(made.BASE32)
TIME = f"""{made.BASE32}
" RATE_LIMIT 3 30 1700000000
" WINDOW_SIZE 17
" DISALLOW_REUSE 56666666
" TOTP_AUTH
92839525
19476057
""".encode()


def test_the_key_is_named_by_its_file_and_scratch_codes_stay() -> None:
    found = read_entries(source_of(".google_authenticator", TIME), Person())

    assert found.format.name == "google-pam"
    assert [entry.key for entry in found.reading.entries] == [
        Key(secret=SECRET, name="google_authenticator")
    ]
    assert found.reading.problems == ("2 scratch codes not taken: keep the file for them",)


def test_the_period_is_read() -> None:
    (entry,) = read_bytes(TIME.replace(b'" TOTP_AUTH', b'" STEP_SIZE 60\r\n" TOTP_AUTH')).reading.entries

    assert entry.key == Key(secret=SECRET, name="export", period=60)


def test_the_counter_is_that_of_the_next_code() -> None:
    (entry,) = read_bytes(f'{made.BASE32}\n" HOTP_COUNTER 12\n'.encode()).reading.entries

    assert entry.key == Key(secret=SECRET, kind=Kind.HOTP, counter=12, name="export")


@pytest.mark.parametrize(
    "text", ['AAAAAAAAA\n" TOTP_AUTH\n', f'{made.BASE32}\n" STEP_SIZE 0099999999\n" TOTP_AUTH']
)
def test_what_is_no_key_says_why(text: str) -> None:
    (entry,) = read_bytes(text.encode()).reading.entries

    assert entry.reason


@pytest.mark.parametrize(
    "text", [made.BASE32, f"{made.BASE32}\n12345678\n", f'{made.BASE32}\n{"x" * 70_000}\n" TOTP_AUTH']
)
def test_other_files_are_not_taken_for_it(text: str) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(text.encode())


@given(st.data())
def test_damaged_files_end_in_words(data: st.DataObject) -> None:
    for piece in cut_short(TIME):
        ends_well(piece, name="google-pam")
    ends_well(data.draw(changed(TIME)), name="google-pam")

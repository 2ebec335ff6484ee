"""Labels from outside: whatever is in them, a terminal only shows them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unit.otp.strategies import any_text
from watchword_otp import clean_label, strip_controls

UNSAFE = frozenset(
    [
        *map(chr, range(0x20)),  # C0
        *map(chr, range(0x7F, 0xA0)),  # DEL and C1
        *map(chr, range(0xD800, 0xE000)),  # surrogates
        *"\u061c\u200e\u200f",  # bidirectional marks
        *"\u202a\u202b\u202c\u202d\u202e",  # embeddings and overrides
        *"\u2066\u2067\u2068\u2069",  # isolates
        *"\u2028\u2029",  # line and paragraph separators
    ]
)

steering_text = st.lists(
    st.one_of(
        st.sampled_from(sorted(UNSAFE)),
        st.sampled_from([" ", "\u00a0", "e\u0301", "\u1100\u1161", "\u212b", "\u0344", "\u2126"]),
        st.characters(exclude_categories=()),
    ),
    max_size=150,
).map("".join)
"""Text in which what steers a terminal, spaces and what NFC changes are common."""


@given(st.one_of(any_text, steering_text))
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert not UNSAFE & set(strip_controls(text))
    assert not UNSAFE & set(clean_label(text))


@given(st.one_of(any_text, steering_text))
@example("x" * 99 + " y")
@example("e\u0301" * 101)
@example(" \u200b \u200b a")
def test_cleaning_what_is_clean_changes_nothing(text: str) -> None:
    once = clean_label(text)
    assert clean_label(once) == once
    assert strip_controls(once) == once


@given(st.one_of(any_text, steering_text))
def test_a_clean_label_is_one_short_normal_line(text: str) -> None:
    label = clean_label(text)
    assert len(label) <= 100
    assert label.split(" ") == label.split() or not label
    assert unicodedata.is_normalized("NFC", label)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("\x1b]52;c;cm0gLXJm\x1b\\alice", "]52;c;cm0gLXJm\\alice"),  # sets the clipboard
        ("\x1b[2Jalice", "[2Jalice"),
        ("\x9b2Jalice", "2Jalice"),
        ("alice\x08\x08\x08\x08\x08mallory", "alicemallory"),
        ("invoice\u202etxt.exe", "invoicetxt.exe"),
        ("a\u2066b\u2069", "ab"),
        ("pay\u200bpal", "paypal"),
        ("\ufeffGitHub", "GitHub"),
        ("Git\U000e0041Hub", "GitHub"),  # a tag character
        ("a\ud800b", "ab"),
        ("  Big \t\r\n Company\u3000Ltd\u2028", "Big Company Ltd"),
        ("Big\nCompany", "Big Company"),
        ("cafe\u0301", "café"),
        ("\u200b\u202e", ""),
    ],
)
def test_a_hostile_label_becomes_plain_text(text: str, label: str) -> None:
    assert clean_label(text) == label


@pytest.mark.parametrize(
    "label",
    [
        "alice@example.com",
        "橡皮鸭",
        "Ünïcødé Größe",
        "👩‍👧",  # held together by a zero width joiner
        "می‌خواهم",  # spelt with a zero width non-joiner
        "עברית",
        "[bold]50%[/bold] {x} $y <b>",  # markup is the screen's business
    ],
)
def test_what_people_really_write_stays(label: str) -> None:
    assert clean_label(label) == label
    assert strip_controls(label) == label


@pytest.mark.parametrize(("limit", "label"), [(5, "Water"), (6, "Water"), (7, "Water c")])
def test_a_long_label_is_cut_without_a_space_at_its_end(limit: int, label: str) -> None:
    assert clean_label("Water company", limit) == label


def test_a_label_keeps_100_characters() -> None:
    assert clean_label("x" * 101) == "x" * 100


def test_stripping_keeps_spaces_as_they_are() -> None:
    assert strip_controls(" a  b\n") == " a  b"


@pytest.mark.parametrize(
    "filler", ["\u00ad", "\u034f", "\u115f", "\u1160", "\u180e", "\u3164", "\uffa0"]
)
def test_a_label_of_what_shows_nothing_is_empty(filler: str) -> None:
    assert clean_label(filler * 3) == ""

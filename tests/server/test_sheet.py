"""Recovery codes as a file: a name that every system takes, a text that every editor opens."""

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest

from watchword_server.labels import Labels
from watchword_server.sheet import sheet_link, sheet_name, sheet_text

MADE_AT = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("issuer", "name"),
    [
        ("Example", "recovery-codes-example.txt"),
        ("../../etc/passwd", "recovery-codes-etc-passwd.txt"),
        ("A & B, Ltd.", "recovery-codes-a-b-ltd.txt"),
        ("בנק", "recovery-codes.txt"),
        ("x" * 100, f"recovery-codes-{'x' * 40}.txt"),
        (f"{'x' * 39} y", f"recovery-codes-{'x' * 39}.txt"),
        ("", "recovery-codes.txt"),
    ],
)
def test_the_name_is_safe_everywhere(issuer: str, name: str) -> None:
    assert sheet_name(Labels(issuer, "alice")) == name


def test_the_text_says_whose_codes_and_which() -> None:
    text = sheet_text(Labels("Bücher", "alice"), [f"code-{n}" for n in range(10)], MADE_AT)
    assert text.split("\r\n")[:6] == [
        "Recovery codes", "", "Issuer:  Bücher", "Account: alice", "Made:    2027-01-15 08:00 UTC", ""
    ]  # fmt: skip
    assert " 1. code-0\r\n" in text
    assert "\r\n10. code-9\r\n" in text
    assert "\n" not in text.replace("\r\n", "")


def test_the_link_holds_the_text_whatever_it_is() -> None:
    text = '"<>&#%?é\r\n,;'
    link = sheet_link(text)
    assert link.isascii()
    assert unquote(link.partition(",")[2]) == text
    assert not set(link) & set("\"<>'#?\r\n ")

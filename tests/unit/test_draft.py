"""An account as it is typed: what it comes to, and what is said about it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret, format_uri
from watchword_tui.draft import (
    Draft,
    differ,
    draft_of_key,
    draft_of_row,
    is_uri,
    key_of_uri,
    trouble_of_line,
)
from watchword_tui.vault.document import read_document

SECRET = "JBSWY3DPEHPK3PXP"


def test_issuer_or_name_and_a_secret_are_enough() -> None:
    judged = Draft(issuer="Shop", secret="jbsw y3dp-ehpk 3pxp").judged()

    assert not judged.troubles
    assert judged.key == Key(secret=Secret.from_base32(SECRET), issuer="Shop")


@pytest.mark.parametrize(
    ("draft", "where", "words"),
    [
        (Draft(secret=SECRET), "issuer", "issuer or a name"),
        (Draft(issuer="\x1b\u202e ", secret=SECRET), "issuer", "issuer or a name"),
        (Draft(issuer="a"), "secret", "type or paste"),
        (Draft(issuer="a", secret="JB W1"), "secret", "character 5"),
        (Draft(issuer="a", secret="JBS"), "secret", "cut short"),
        (Draft(issuer="a", secret=SECRET, digits="3"), "digits", "4 to 10"),
        (Draft(issuer="a", secret=SECRET, digits="\u0666"), "digits", "whole number"),
        (Draft(issuer="a", secret=SECRET, digits=""), "digits", "whole number"),
        (Draft(issuer="a", secret=SECRET, period="0"), "period", "1 to"),
        (Draft(issuer="a", secret=SECRET, kind=Kind.HOTP, counter="9" * 19), "counter", "0 to"),
    ],
)
def test_what_is_wrong_stands_at_its_field(draft: Draft, where: str, words: str) -> None:
    judged = draft.judged()

    assert judged.key is None
    assert list(judged.troubles) == [where]
    assert words in judged.troubles[where]
    assert not draft.secret or draft.secret not in repr(draft)


def test_what_another_kind_of_key_has_is_not_looked_at() -> None:
    steam = Draft(issuer="a", secret=SECRET, kind=Kind.STEAM, digits="", counter="x")
    hotp = Draft(issuer="a", secret=SECRET, kind=Kind.HOTP, period="", counter="7")

    assert steam.judged().key == Key(
        secret=Secret.from_base32(SECRET), kind=Kind.STEAM, digits=5, issuer="a"
    )
    assert hotp.judged().key == Key(
        secret=Secret.from_base32(SECRET), kind=Kind.HOTP, counter=7, issuer="a"
    )


def test_a_secret_that_was_only_shown_makes_no_difference() -> None:
    before = draft_of_key(Key(secret=Secret.from_base32(SECRET), issuer="a"))

    assert not differ(before, before)
    assert not differ(before, Draft(issuer="a", kept=before.kept, secret=SECRET.lower()))
    assert differ(before, Draft(issuer="a", kept=before.kept, secret="JBSWY3DPEHPK3PXQ"))
    assert differ(before, Draft(issuer="a", kept=before.kept, secret="not base32 at all"))
    assert differ(before, Draft(issuer="b", kept=before.kept))


@given(
    st.builds(
        Key,
        secret=st.binary(min_size=1, max_size=64).map(Secret),
        algorithm=st.sampled_from(Algorithm),
        digits=st.integers(4, 10),
        period=st.integers(1, 86_400),
        issuer=st.sampled_from(["Shop", "a b", "宽"]),
        name=st.sampled_from(["", "me", "[/]"]),
    )
)
def test_a_key_comes_back_from_its_draft_and_its_uri(key: Key) -> None:
    assert draft_of_key(key).judged().key == key
    uri = f"  {format_uri(key)} "
    assert is_uri(uri)
    # Five digits under the issuer Steam are another kind; there is none here.
    assert key_of_uri(uri) == key


@given(st.text())
def test_any_line_is_judged_without_an_exception_and_never_shown(line: str) -> None:
    words = trouble_of_line(f"otpauth://totp/x?secret=JBSW1{line}")

    assert "JBSW1" not in words
    assert trouble_of_line(line) or line.strip().lower().startswith(("otpauth", "steam"))


def test_lines_that_hold_keys_are_taken() -> None:
    assert not trouble_of_line(f" OTPAUTH://totp/x?secret={SECRET}")
    assert not trouble_of_line("otpauth-migration://offline?data=AA")
    assert not trouble_of_line(f"steam://{SECRET}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5),
        lambda inner: st.dictionaries(
            st.sampled_from(["type", "issuer", "name", "note", "info", "secret", "digits", "algo"]),
            inner,
        ),
        max_leaves=12,
    )
)
def test_a_row_of_any_content_becomes_a_draft(content: object) -> None:
    try:
        raw = msgspec.json.encode({"version": 3, "entries": [content], "groups": []})
    except (OverflowError, UnicodeEncodeError):
        return
    for row in read_document(raw).rows:
        draft_of_row(row, ()).judged()


def test_a_uri_that_is_none_says_why() -> None:
    with pytest.raises(InvalidKeyError, match="no secret"):
        key_of_uri("otpauth://totp/x?issuer=a")

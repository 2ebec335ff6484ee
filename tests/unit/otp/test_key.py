"""What a key may be, and what people are told about it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from unit.otp.strategies import keys
from watchword_otp import Algorithm, InvalidKeyError, Key, Kind, Secret
from watchword_otp.key import MAX_COUNTER

SECRET = Secret(b"12345678901234567890")


def test_a_key_is_what_every_app_honours_unless_said_otherwise() -> None:
    key = Key(secret=SECRET)
    assert (key.kind, key.algorithm, key.digits, key.period) == (Kind.TOTP, Algorithm.SHA1, 6, 30)
    assert key.warnings() == ()


@pytest.mark.parametrize(
    "parameters",
    [
        {"digits": 4},
        {"digits": 10},
        {"period": 1},
        {"period": 86_400},
        {"kind": Kind.HOTP, "counter": MAX_COUNTER},
        {"kind": Kind.STEAM, "digits": 5, "period": 60},
        {"issuer": "x" * 100, "name": "y" * 100},
    ],
)
def test_the_ends_of_each_range_are_in_it(parameters: dict[str, Any]) -> None:
    Key(secret=SECRET, **parameters)


@pytest.mark.parametrize(
    ("parameters", "what"),
    [
        ({"digits": 3}, "digits must be 4 to 10, not 3"),
        ({"digits": 11}, "digits must be 4 to 10, not 11"),
        ({"period": 0}, "period must be 1 to 86400 seconds, not 0"),
        ({"period": 86_401}, "period must be 1 to 86400 seconds, not 86401"),
        ({"kind": Kind.HOTP, "counter": -1}, "counter must be 0 to"),
        ({"kind": Kind.HOTP, "counter": 2**63}, "counter must be 0 to"),
        ({"kind": Kind.HOTP, "period": 60}, "HOTP key counts by use and has no period"),
        ({"counter": 1}, "totp key counts by time and has no counter"),
        ({"kind": Kind.STEAM}, "Steam key has 5 characters and SHA1"),
        ({"kind": Kind.STEAM, "digits": 5, "algorithm": Algorithm.SHA256}, "Steam key has 5 char"),
        ({"issuer": " GitHub"}, "the issuer holds control characters, stray spaces or more than 100"),
        ({"name": "a\x1b]52;c;AAAA\x07"}, "the name holds control characters"),
        ({"name": "x" * 101}, "the name holds control characters, stray spaces or more than 100"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidKeyError, match=what):
        Key(secret=SECRET, **parameters)


@given(keys)
def test_equal_parts_make_equal_keys(key: Key) -> None:
    again = replace(key, secret=Secret(key.secret.reveal()))
    assert again == key
    assert hash(again) == hash(key)


def test_keys_with_other_secrets_differ() -> None:
    assert Key(secret=SECRET) != Key(secret=Secret(b"12345678901234567891"))


@pytest.mark.parametrize(
    ("issuer", "name", "title"),
    [
        ("GitHub", "alice", "GitHub (alice)"),
        ("GitHub", "", "GitHub"),
        ("", "alice", "alice"),
        ("", "", ""),
    ],
)
def test_a_title_is_made_of_the_labels_there_are(issuer: str, name: str, title: str) -> None:
    assert Key(secret=SECRET, issuer=issuer, name=name).title == title


@pytest.mark.parametrize(("length", "warned"), [(10, True), (12, True), (15, True), (16, False)])
def test_a_secret_under_128_bits_is_warned_of_with_its_length(length: int, warned: bool) -> None:  # noqa: FBT001 - a table's column
    found = Key(secret=Secret(b"x" * length)).warnings()
    expected = f"{length * 8}-bit secret: RFC 4226 asks for at least 128 bits"
    assert found == ((expected,) if warned else ())


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"algorithm": Algorithm.SHA256}, "SHA256:"),
        ({"digits": 8}, "8 digits:"),
        ({"period": 60}, "a period of 60 s:"),
        ({"digits": 8, "period": 60}, "8 digits and a period of 60 s:"),
        ({"kind": Kind.HOTP, "digits": 7}, "7 digits:"),
    ],
)
def test_a_profile_that_some_apps_ignore_is_warned_of(parameters: dict[str, Any], named: str) -> None:
    (warning,) = Key(secret=SECRET, **parameters).warnings()
    assert warning.startswith(named)
    assert "SHA1, 6 digits and 30 s work everywhere" in warning


def test_steams_own_profile_is_nothing_to_warn_of() -> None:
    assert Key(secret=SECRET, kind=Kind.STEAM, digits=5).warnings() == ()

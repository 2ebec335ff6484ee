"""A key's QR code: as the format recommends while there is room, shorter when there is not."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unit.otp.strategies import labelled_keys
from watchword_otp import Key, Secret, format_uri, parse_uri
from watchword_otp.key_qr import LARGEST_VERSION, make_key_qr
from watchword_otp.qr import Drawing, make_qr

SECRET = Secret(b"12345678901234567890")
# What people write in labels; up to 15 of the characters that a URI spells with three.
PLAIN = string.ascii_letters + string.digits + "@.-_'()"
SPELT = ' +&/#?="'


def key_of(issuer: str, name: str) -> Key:
    return Key(secret=SECRET, issuer=issuer, name=name)


def test_with_room_the_issuer_stands_in_both_places() -> None:
    key = key_of("Example", "alice@example.com")
    assert make_key_qr(key).uri == format_uri(key)
    assert "issuer=Example" in make_key_qr(key).uri


def test_without_room_it_is_a_parameter_alone() -> None:
    key = key_of("The Example Bank of Northern Europe", "mary ann smith@example")
    made = make_key_qr(key)
    assert make_qr(format_uri(key)).version > LARGEST_VERSION >= made.code.version
    assert "totp/mary" in made.uri
    assert parse_uri(made.uri) == key


@pytest.mark.parametrize("issuer", ["Org: with a colon " * 4, ""])
def test_an_issuer_that_cannot_stand_in_the_label_stays_a_parameter(issuer: str) -> None:
    key = key_of(issuer.strip(), "n" * 90)
    assert make_key_qr(key).uri == format_uri(key)


def test_beyond_any_room_the_smaller_one_is_taken() -> None:
    key = key_of("橡皮鸭" * 10, "n" * 40)
    assert make_key_qr(key).uri == format_uri(key, issuer_once=True)
    # A parameter that changes no size stays.
    assert make_key_qr(key_of("E", "n" * 95), largest_version=1).uri.endswith("issuer=E")


@settings(deadline=None, max_examples=50)
@given(st.text(PLAIN + SPELT, min_size=1, max_size=59), st.integers(0, 59))
def test_sixty_characters_fit_a_terminal_of_24_rows(text: str, cut: int) -> None:
    assume(sum(text.count(each) for each in SPELT) <= 15)
    issuer, name = text[:cut].strip(), text[cut:].strip()
    assume(issuer or name)
    key = key_of(" ".join(issuer.split()), " ".join(name.split()))
    made = make_key_qr(key)
    assert made.code.version <= LARGEST_VERSION
    assert made.code.best_quiet_zone(Drawing.HALF, 47, 24) is not None
    assert parse_uri(made.uri) == key


@settings(deadline=None, max_examples=50)  # drawing a large code takes its time
@given(labelled_keys)
def test_whatever_the_key_it_comes_back(key: Key) -> None:
    # A five-digit key of an issuer called Steam is the Steam key it must be.
    assume(key.issuer.casefold() != "steam")
    assert parse_uri(make_key_qr(key).uri) == key


def test_the_longest_key_there_can_be_fits() -> None:
    key = Key(secret=Secret(b"x" * 1024), digits=8, period=86_400, issuer="🔑" * 100, name="🔒" * 100)
    with pytest.raises(ValueError, match="does not fit"):
        make_qr(format_uri(key))
    assert parse_uri(make_key_qr(key).uri) == key


def test_it_shows_no_secret() -> None:
    assert repr(make_key_qr(key_of("Example", "alice"))) == "KeyQr(code=QrCode(version=4))"

"""What our QR codes say, as other scanners read them and as phone apps take what these read."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import zxingcpp
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from phone_apps import APPS, Entry, RefusedError, aegis, google, two_fas
from qr_reader import greymap, scan
from unit.otp.strategies import labels
from unit.otp.terminal_picture import half_block_modules, on_a_dark_screen
from watchword_otp import Algorithm, Key, Secret, clean_label, format_uri
from watchword_otp.key_qr import make_key_qr
from watchword_otp.qr import make_qr

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchword_otp.qr import QrCode

SECRET = Secret(b"12345678901234567890")
BASE32 = SECRET.base32()

_MARKS = "@+%#&?=/:;,.!$'()*~\"<>|[]{}^`\\"
"""What means something in a URI, in a shell or in markup."""


def _labels(without: str) -> st.SearchStrategy[str]:
    """Labels of up to 24 characters of every script, rich in spaces and marks, but for some."""
    characters = st.one_of(
        st.sampled_from([mark for mark in " " + _MARKS if mark not in without]),
        st.sampled_from("abcXYZ019äßñЖ東橡😀"),
        st.characters(categories=["L", "N"]),
    )
    return st.text(characters, max_size=24).map(clean_label)


def _keys(issuers: st.SearchStrategy[str], names: st.SearchStrategy[str]) -> st.SearchStrategy[Key]:
    """TOTP keys with every choice of parameters that the apps have in common."""
    return st.builds(
        Key,
        secret=st.binary(min_size=10, max_size=64).map(Secret),
        issuer=issuers,
        name=names,
        algorithm=st.sampled_from(Algorithm),
        digits=st.sampled_from([6, 7, 8]),
        period=st.sampled_from([15, 30, 60, 90]),
    )


def scanned(key: Key, folder: Path) -> str:
    """Draw a key as the terminal does and scan it with two scanners that must read the same bytes."""
    return drawn_and_scanned(format_uri(key), make_qr(format_uri(key)), folder)


def drawn_and_scanned(uri: str, code: QrCode, folder: Path) -> str:
    """The same for a URI and its code."""
    picture = greymap(on_a_dark_screen(half_block_modules(code.text())))
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert found.bytes == scan(picture, folder) == uri.encode()
    return found.bytes.decode()


def entry(key: Key) -> Entry:
    """What an app that reads a key whole keeps of it."""
    secret = key.secret.reveal()
    return Entry(secret, key.issuer, key.name, str(key.algorithm), key.digits, key.period)


class TestEveryKey:
    """Two scanners read the drawing, and the app gets the account that was drawn."""

    @settings(
        max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(_keys(_labels(without=":"), _labels(without=":").filter(bool)))
    @example(Key(secret=SECRET, issuer="Größe & Söhne", name="橡皮鸭 😀 100%"))
    @example(Key(secret=SECRET, issuer="A+B #1", name="alice+bob@example.com"))
    @example(Key(secret=SECRET, issuer="", name="a?secret=AAAA&digits=8#%3A%25"))
    def test_aegis_reads_it_whole(self, tmp_path: Path, key: Key) -> None:
        assert aegis(scanned(key, tmp_path)) == entry(key)

    @settings(
        max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(_keys(_labels(without=":"), _labels(without="").filter(bool)))
    @example(Key(secret=SECRET, issuer="Größe & Söhne", name="橡皮鸭 😀 100%"))
    @example(Key(secret=SECRET, issuer="GitHub", name="host:8080:admin"))
    @example(Key(secret=SECRET, issuer="", name="host:8080"))
    @example(Key(secret=SECRET, issuer="Same", name="Same"))
    def test_google_reads_it_whole(self, tmp_path: Path, key: Key) -> None:
        assert google(scanned(key, tmp_path)) == entry(key)

    @settings(
        max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        _keys(
            _labels(without=":?#%&+").filter(bool),
            _labels(without=":?#%").filter(bool),
        ).filter(lambda key: key.issuer != key.name)
    )
    @example(Key(secret=SECRET, issuer="Größe Söhne", name="橡皮鸭 😀 & Co"))
    @example(Key(secret=SECRET, issuer="Example Co", name="alice+bob@example.com"))
    def test_2fas_reads_it_whole(self, tmp_path: Path, key: Key) -> None:
        assert two_fas(scanned(key, tmp_path)) == entry(key)


@pytest.mark.parametrize("app", [aegis, google])
@settings(max_examples=200, deadline=None)
@given(key=_keys(labels, labels.filter(bool)))
def test_no_label_changes_what_the_codes_are_made_of(app: Callable[[str], Entry], key: Key) -> None:
    found, whole = app(format_uri(key)), entry(key)
    assert replace(found, issuer="", account="") == replace(whole, issuer="", account="")


class TestShorter:
    """Where the screen has no room for more, the issuer stands in the parameter alone."""

    @settings(
        max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        key=_keys(
            _labels(without=":?#%&+").map(lambda label: f"x{label}"),
            _labels(without=":?#% &").map(lambda label: f"y{label}"),
        )
    )
    @example(Key(secret=SECRET, issuer="Größe Söhne", name="alice@example.com"))
    @example(Key(secret=SECRET, issuer="a@b c", name="alice"))
    def test_every_app_reads_it_whole(self, tmp_path: Path, key: Key) -> None:
        made = make_key_qr(key, largest_version=1)
        text = drawn_and_scanned(made.uri, made.code, tmp_path)
        assert f"totp/{quote(key.name[:1])}" in text or text == format_uri(key)
        assert {app: read(text) for app, read in APPS.items()} == dict.fromkeys(APPS, entry(key))

    def test_2fas_takes_spaces_out_of_such_a_name(self) -> None:
        key = Key(secret=SECRET, issuer="Example", name="mary ann")
        uri = format_uri(key, issuer_once=True)
        assert two_fas(uri) == replace(entry(key), account="maryann")
        assert aegis(uri) == google(uri) == entry(key)


class TestWithoutTheIssuerParameter:
    """The oldest form, which others write and a name with a colon needs where there is little room."""

    @pytest.mark.parametrize("app", APPS)
    @pytest.mark.parametrize("separator", [":", "%3A"])
    def test_every_app_finds_the_issuer(self, app: str, separator: str) -> None:
        uri = f"otpauth://totp/Example{separator}alice@example.com?secret={BASE32}"
        key = Key(secret=SECRET, issuer="Example", name="alice@example.com")
        assert APPS[app](uri) == entry(key)

    @pytest.mark.parametrize(
        ("app", "issuer"), [("Aegis", "Größe Söhne"), ("Google", "Größe Söhne"), ("2FAS", "GrößeSöhne")]
    )
    def test_2fas_takes_spaces_out_of_such_an_issuer(self, app: str, issuer: str) -> None:
        uri = f"otpauth://totp/Gr%C3%B6%C3%9Fe%20S%C3%B6hne:alice?secret={BASE32}"
        assert APPS[app](uri).issuer == issuer

    @pytest.mark.parametrize(("app", "issuer"), [("Aegis", "a@b"), ("Google", "a@b"), ("2FAS", "")])
    def test_2fas_takes_such_an_issuer_with_an_at_sign_for_none(self, app: str, issuer: str) -> None:
        assert APPS[app](f"otpauth://totp/a@b:alice?secret={BASE32}").issuer == issuer


class TestLimits:
    """What single apps cannot show, however it is written. The codes are right all the same."""

    def test_aegis_shows_a_name_with_a_colon_behind_its_issuer(self) -> None:
        key = Key(secret=SECRET, issuer="GitHub", name="host:8080")
        assert aegis(format_uri(key)) == replace(entry(key), issuer="", account="GitHub:host:8080")

    def test_aegis_takes_an_issuer_without_a_name_for_a_name(self) -> None:
        key = Key(secret=SECRET, issuer="GitHub")
        assert aegis(format_uri(key)) == replace(entry(key), issuer="", account="GitHub:")

    def test_google_takes_no_issuer_with_a_colon_without_a_name(self) -> None:
        # Such an issuer stands in the parameter alone, and a URI without a label is none for it.
        key = Key(secret=SECRET, issuer="a:b")
        assert aegis(format_uri(key)) == entry(key)
        with pytest.raises(RefusedError):
            google(format_uri(key))

    @pytest.mark.parametrize(
        ("issuer", "shown"), [("Q&A", "Q"), ("A+B", "A B"), ("#1", "-1"), ("50%", "50\ufffd")]
    )
    def test_2fas_shows_some_issuers_changed(self, issuer: str, shown: str) -> None:
        key = Key(secret=SECRET, issuer=issuer, name="alice")
        assert two_fas(format_uri(key)) == replace(entry(key), issuer=shown)


def test_defaults_are_left_out_for_every_app_has_the_same() -> None:
    uri = format_uri(Key(secret=SECRET, issuer="Example", name="alice"))
    assert not re.search("algorithm|digits|period", uri)
    assert {app(uri) for app in APPS.values()} == {
        Entry(b"12345678901234567890", "Example", "alice", "SHA1", 6, 30)
    }

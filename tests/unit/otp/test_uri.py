"""otpauth:// URIs: what is written is read, and what others write is read as well as can be."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from unit.otp.strategies import any_text, labelled_keys
from watchword_otp import (
    Algorithm,
    InvalidKeyError,
    Key,
    Kind,
    Secret,
    UriError,
    format_uri,
    parse_uri,
    read_uri,
)

SECRET = Secret(b"12345678901234567890")
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
HOSTILE_LABEL = "%1B%5D52;c;cm0%07%E2%80%AEdoog%C2%9B31m%0D%0A"
"""Escape sequences (OSC 52, C1 CSI), a right-to-left override and a line break, encoded."""


def is_taken_for_steam(key: Key) -> bool:
    """Tell whether `key` is the one that a URI cannot tell from another; see `parse_uri`."""
    return key.kind is Kind.TOTP and key.digits == 5 and key.issuer.lower() == "steam"


def read_or_refusal(uri: str) -> str:
    """Give all that reading `uri` shows: what was found, or why it was refused."""
    try:
        return repr(read_uri(uri))
    except UriError as error:
        return str(error)


class TestRoundTrip:
    @given(labelled_keys)
    @example(Key(secret=SECRET, issuer="a:b", name=":c:"))
    @example(Key(secret=SECRET, issuer="橡皮鸭", name="👩‍👧 é"))
    @example(Key(secret=SECRET, issuer="100% #1 + ?&=/", name="100%25 #1 + ?&=/"))
    @example(Key(secret=SECRET, issuer="Odd period=60"))
    @example(Key(secret=SECRET, issuer="Microsoft", name="alice#EXT#@example.com"))
    @example(Key(secret=Secret(b"x" * 1024), issuer="😀" * 100, name="😀" * 100, digits=8))
    def test_every_key_that_is_written_is_read(self, key: Key) -> None:
        assume(not is_taken_for_steam(key))
        assert parse_uri(format_uri(key)) == key

    @given(labelled_keys)
    def test_what_is_written_is_printable_ascii_without_spaces(self, key: Key) -> None:
        uri = format_uri(key)
        assert uri.isascii()
        assert uri.isprintable()
        assert " " not in uri

    @given(labelled_keys)
    def test_a_key_written_by_us_needs_no_notice_beyond_its_warnings(self, key: Key) -> None:
        assume(not is_taken_for_steam(key))
        assert read_uri(format_uri(key)).notices == key.warnings()

    @pytest.mark.parametrize("issuer", ["Steam", "STEAM"])
    def test_five_digits_by_steam_are_read_as_steams_own(self, issuer: str) -> None:
        key = Key(secret=SECRET, issuer=issuer, name="alice", digits=5)
        assert parse_uri(format_uri(key)).kind is Kind.STEAM

    def test_a_key_without_a_label_is_not_written(self) -> None:
        with pytest.raises(InvalidKeyError, match="needs an issuer or a name"):
            format_uri(Key(secret=SECRET))


class TestWriting:
    @pytest.mark.parametrize(
        ("key", "uri"),
        [
            (
                Key(secret=SECRET, issuer="GitHub", name="alice@example.com"),
                f"otpauth://totp/GitHub:alice@example.com?secret={BASE32}&issuer=GitHub",
            ),
            (Key(secret=SECRET, name="alice"), f"otpauth://totp/alice?secret={BASE32}"),
            (Key(secret=SECRET, name="a:b"), f"otpauth://totp/:a%3Ab?secret={BASE32}"),
            (
                Key(secret=SECRET, issuer="a:b", name="alice"),
                f"otpauth://totp/alice?secret={BASE32}&issuer=a:b",
            ),
            (
                Key(secret=SECRET, issuer="Big Company", name="a+b"),
                f"otpauth://totp/Big%20Company:a%2Bb?secret={BASE32}&issuer=Big%20Company",
            ),
            (
                Key(secret=SECRET, name="a", algorithm=Algorithm.SHA512, digits=8, period=60),
                f"otpauth://totp/a?secret={BASE32}&algorithm=SHA512&digits=8&period=60",
            ),
            (
                Key(secret=SECRET, name="a", kind=Kind.HOTP),
                f"otpauth://hotp/a?secret={BASE32}&counter=0",
            ),
            (
                Key(secret=SECRET, issuer="Steam", name="a", kind=Kind.STEAM, digits=5),
                f"otpauth://steam/Steam:a?secret={BASE32}&issuer=Steam",
            ),
        ],
    )
    def test_a_uri_is_as_short_as_every_app_can_read(self, key: Key, uri: str) -> None:
        assert format_uri(key) == uri


class TestLabels:
    """Who the key is for: apps disagree, so each reading is named here."""

    @pytest.mark.parametrize(
        ("label", "issuer", "name"),
        [
            ("GitHub:alice", "GitHub", "alice"),
            ("GitHub%3Aalice", "GitHub", "alice"),  # pyotp takes %3A for a part of the name
            ("GitHub%3aalice", "GitHub", "alice"),
            ("GitHub:%20alice", "GitHub", "alice"),
            ("alice", "", "alice"),
            (":alice", "", "alice"),
            ("GitHub:", "GitHub", ""),
            ("GitHub:team:alice", "GitHub", "team:alice"),
            ("account#EXT#@example.com", "", "account#EXT#@example.com"),
            ("a+b@example.com", "", "a+b@example.com"),
            ("Big%20Company:a/b", "Big Company", "a/b"),
            ("%E6%A9%A1:%F0%9F%98%80", "橡", "😀"),
            ("橡:😀", "橡", "😀"),
            (HOSTILE_LABEL, "", "]52;c;cm0doog31m"),
        ],
    )
    def test_a_label_is_issuer_and_name(self, label: str, issuer: str, name: str) -> None:
        key = parse_uri(f"otpauth://totp/{label}?secret={BASE32}")
        assert (key.issuer, key.name) == (issuer, name)

    @pytest.mark.parametrize(
        ("parameter", "issuer"),
        [
            ("Big%20Company", "Big Company"),
            ("Big+Company", "Big Company"),
            ("Big%2BCompany", "Big+Company"),
            ("a:b", "a:b"),
        ],
    )
    def test_an_issuer_parameter_names_the_issuer_of_a_bare_label(
        self, parameter: str, issuer: str
    ) -> None:
        key = parse_uri(f"otpauth://totp/alice?secret={BASE32}&issuer={parameter}")
        assert (key.issuer, key.name) == (issuer, "alice")

    @pytest.mark.parametrize(
        ("prefix", "parameter", "chosen"),
        [
            ("Foo", "Bar", "Foo"),
            ("MyOrg", "Microsoft", "Microsoft"),
            ("MyOrg", "microsoft", "microsoft"),
        ],
    )
    def test_two_issuers_are_no_error_but_noticed(
        self, prefix: str, parameter: str, chosen: str
    ) -> None:
        # pyotp refuses such a URI.
        read = read_uri(f"otpauth://totp/{prefix}:alice?secret={BASE32}&issuer={parameter}")
        assert (read.key.issuer, read.key.name) == (chosen, "alice")
        assert read.notices == (
            f"the URI names two issuers, {prefix} and {parameter}: {chosen} is used",
        )

    def test_an_empty_issuer_parameter_says_nothing(self) -> None:
        read = read_uri(f"otpauth://totp/Foo:alice?secret={BASE32}&issuer=")
        assert (read.key.issuer, read.notices) == ("Foo", ())

    def test_an_issuer_that_has_lost_its_ampersand_is_freed_again(self) -> None:
        key = parse_uri(f"otpauth://totp/alice?secret={BASE32}&issuer=Fooperiod=60&digits=8")
        assert (key.issuer, key.period, key.digits) == ("Foo", 60, 8)


class TestParameters:
    @pytest.mark.parametrize(
        ("written", "algorithm"),
        [
            ("SHA1", Algorithm.SHA1),
            ("sha1", Algorithm.SHA1),
            ("", Algorithm.SHA1),
            ("SHA256", Algorithm.SHA256),
            ("SHA-256", Algorithm.SHA256),
            ("HmacSHA256", Algorithm.SHA256),
            ("HMAC-SHA512", Algorithm.SHA512),
            ("hmac_sha512", Algorithm.SHA512),
        ],
    )
    def test_an_algorithm_has_many_spellings(self, written: str, algorithm: Algorithm) -> None:
        assert parse_uri(f"otpauth://totp/a?secret={BASE32}&algorithm={written}").algorithm == algorithm

    def test_names_of_parameters_may_have_capitals_and_unknown_ones_do_not_matter(self) -> None:
        uri = f"OTPAUTH://TOTP/a?Secret={BASE32}&DIGITS=8&image=https://example.com/a.png&lock=false&&x"
        assert parse_uri(uri).digits == 8

    def test_the_first_of_two_counts_and_the_second_is_noticed(self) -> None:
        read = read_uri(f"otpauth://totp/a?secret={BASE32}&digits=8&digits=7")
        assert read.key.digits == 8
        assert read.notices[0] == "the URI has more than one digits: the first counts"

    def test_a_hotp_key_without_a_counter_starts_at_0_and_says_so(self) -> None:
        read = read_uri(f"otpauth://hotp/a?secret={BASE32}")
        assert read.key.counter == 0
        assert read.notices == ("the URI has no counter: it starts at 0",)

    def test_a_counter_of_a_totp_key_does_not_matter(self) -> None:
        assert parse_uri(f"otpauth://totp/a?secret={BASE32}&counter=7").counter == 0

    def test_space_around_the_uri_does_not_matter(self) -> None:
        assert parse_uri(f"  otpauth://totp/a?secret={BASE32}\r\n").name == "a"

    @pytest.mark.parametrize(
        "uri",
        [
            f"otpauth://steam/Steam:alice?secret={BASE32}",
            f"otpauth://totp/Steam:alice?secret={BASE32}&digits=5",
            f"otpauth://totp/Valve:alice?secret={BASE32}&encoder=steam",
            f"otpauth://totp/Valve:alice?secret={BASE32}&steam",
            f"steam://{BASE32}",
        ],
    )
    def test_steam_is_told_by_host_encoder_or_issuer_with_five_digits(self, uri: str) -> None:
        key = parse_uri(uri)
        assert (key.kind, key.digits, key.secret) == (Kind.STEAM, 5, SECRET)

    def test_a_key_counted_by_use_is_never_steams(self) -> None:
        key = parse_uri(f"otpauth://hotp/Steam:a?secret={BASE32}&digits=5&encoder=steam&counter=7")
        assert (key.kind, key.counter) == (Kind.HOTP, 7)

    def test_a_parameter_twice_is_named_only_if_its_name_is_known(self) -> None:
        read = read_uri(f"otpauth://totp/a?secret={BASE32}&{BASE32}=1&{BASE32}=2")
        assert not any(BASE32 in notice.upper() for notice in read.notices)
        assert "more than one" in read.notices[0]

    @pytest.mark.parametrize(
        "uri",
        [
            f"otpauth://totp/Steam:alice?secret={BASE32}",
            f"otpauth://totp/Bank:alice?secret={BASE32}&digits=5",
        ],
    )
    def test_neither_the_issuer_nor_five_digits_alone_mean_steam(self, uri: str) -> None:
        assert parse_uri(uri).kind is Kind.TOTP


class TestRefusals:
    @pytest.mark.parametrize(
        ("uri", "why"),
        [
            ("", "not an otpauth:// URI"),
            (BASE32, "not an otpauth:// URI"),
            ("https://example.com/", "must begin with otpauth://"),
            ("otpauth-migration://offline?data=AAAA", "Google Authenticator export of several keys"),
            ("motp://a:b?secret=30edcc8edae50a60", "mOTP keys are not supported"),
            (f"otpauth://yaotp/a?secret={BASE32}", "Yandex keys are not supported"),
            (
                f"otpauth://xotp/a?secret={BASE32}",
                "otpauth://totp/, otpauth://hotp/ or otpauth://steam/",
            ),
            ("otpauth://fail", "otpauth://totp/"),
            (f"otpauth://totp/?secret={BASE32}", "names no account"),
            (f"otpauth://totp/%1B?secret={BASE32}", "names no account"),
            ("otpauth://totp/a", "has no secret"),
            ("otpauth://totp/a?secret=", "the secret is empty"),
            (f"otpauth://totp/a?secret={BASE32}!", "not base32"),
            (f"otpauth://totp/a?secret={BASE32}A", "cut short"),
            ("steam://ABCDEFGHI1", "not base32"),
            (f"otpauth://totp/a?secret={BASE32}&digits=3", "digits must be 4 to 10, not 3"),
            (f"otpauth://totp/a?secret={BASE32}&digits=six", "digits is not a whole number"),
            (f"otpauth://totp/a?secret={BASE32}&digits=%D9%A6", "digits is not a whole number"),
            (f"otpauth://totp/a?secret={BASE32}&digits={'9' * 3000}", "digits is not a whole number"),
            (f"otpauth://totp/a?secret={BASE32}&period=0", "period must be 1 to 86400 seconds"),
            (f"otpauth://totp/a?secret={BASE32}&period=-30", "period is not a whole number"),
            (f"otpauth://totp/a?secret={BASE32}&period=1e3", "period is not a whole number"),
            (f"otpauth://hotp/a?secret={BASE32}&counter={2**63}", "counter must be 0 to"),
            (f"otpauth://totp/a?secret={BASE32}&algorithm=MD5", "SHA1, SHA256 or SHA512"),
            (f"otpauth://totp/{'a' * 8192}?secret={BASE32}", "more than 8192 characters"),
        ],
    )
    def test_a_refusal_says_what_is_wrong(self, uri: str, why: str) -> None:
        with pytest.raises(UriError, match=why):
            parse_uri(uri)

    @given(
        any_text, st.sampled_from(["", "otpauth://", "otpauth://totp/", "otpauth://totp/a?", "steam://"])
    )
    def test_no_text_raises_anything_else(self, text: str, front: str) -> None:
        read_or_refusal(front + text)

    @given(
        labelled_keys,
        st.binary(min_size=10, max_size=64),
        st.integers(0, 200),
        st.integers(0, 100),
        any_text,
    )
    def test_no_damage_brings_the_secret_to_light(
        self, key: Key, raw: bytes, start: int, length: int, text: str
    ) -> None:
        secret = Secret(raw)
        uri = format_uri(replace(key, secret=secret))
        end = start + length
        for damaged in (
            uri[:start],
            uri[:start] + text + uri[start:],
            uri[:start] + text + uri[end:],
            uri[:start] + uri[start:end].swapcase() + uri[end:],
        ):
            assert secret.base32() not in read_or_refusal(damaged).upper()

"""Whatever a file holds, its parser says so in our words, soon, and without showing a secret."""

from __future__ import annotations

import contextlib
import string
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watchword_server import sealedfile
from watchword_server.errors import UserError
from watchword_server.import_csv import COLUMNS, parse_csv
from watchword_server.import_pam import parse_pam
from watchword_server.imports import Form, LineError, Parsed, canonical, form_of, parse_otpauth
from watchword_server.names import is_canonical

SECRETS = st.text(alphabet=string.ascii_uppercase + "234567", min_size=8, max_size=40)
WORDS = st.sampled_from(
    [
        *COLUMNS,
        *(",", '"', "\n", "\r\n", "\0", "\ufeff", "=", "&", "#", "%", "%00", "\ud800", "\u0661"),
        *(
            "otpauth://totp/a:b?secret=",
            "otpauth://hotp/",
            "steam://",
            "&counter=",
            "&digits=",
            "&period=",
        ),
        *(
            '" ',
            '" TOTP_AUTH',
            '" HOTP_COUNTER ',
            '" WINDOW_SIZE ',
            '" DISALLOW_REUSE ',
            "99999999999999999999",
        ),
        *("name,secret\n", "GEZDGNBVGY3TQOJQ", "12345678", "-1"),
    ]
)
FILES = st.one_of(
    st.text(max_size=300),
    st.lists(st.one_of(WORDS, SECRETS, st.text(max_size=8)), max_size=40).map("".join),
)


def sound(parsed: Parsed) -> None:
    names = [entry.name for entry in parsed.entries]
    assert len(set(names)) == len(names)
    for entry in parsed.entries:
        assert is_canonical(entry.name)
        assert entry.window is None or 0 <= entry.window <= 10
        assert entry.last_step >= -1
    for bad in parsed.bad:
        assert bad.line >= 1
        assert "\n" not in bad.message


@pytest.mark.parametrize(
    "parse",
    [parse_otpauth, parse_csv, lambda text: parse_pam(text, "alice")],
    ids=["uris", "csv", "pam"],
)
@settings(max_examples=300, deadline=1000)
@given(text=FILES)
@example(text='name,secret\n"' + "a" * 20_000)
@example(text="name,secret\n" + "," * 10_000)
def test_a_parser_raises_nothing_else(parse: object, text: str) -> None:
    assert callable(parse)
    with contextlib.suppress(UserError):
        sound(parse(text))


@settings(max_examples=200, deadline=1000)
@given(text=FILES)
def test_telling_the_format_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(UserError):
        assert form_of(text) in Form


@settings(max_examples=100, deadline=None)
@given(
    raw=st.one_of(
        st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
    )
)
@example(
    raw=b'{"kdf":{"n":3,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="},"nonce":"AAAAAAAAAAAAAAAA","content":""}'
)
@example(
    raw=b'{"kdf":{"n":2,"r":1,"salt":"AAAAAAAAAAAAAAAAAAAAAA=="},"nonce":"AAAAAAAAAAAAAAAA","content":""}'
)
def test_a_sealed_export_that_is_none(raw: bytes) -> None:
    with pytest.raises(UserError):
        sealedfile.open_keys(raw, "correct horse battery")


@given(secret=SECRETS)
def test_a_bad_line_never_shows_what_stands_there(secret: str) -> None:
    for text in (f"name,secret\n\x00,{secret}\n", f"name,secret\nalice,{secret}1\n"):
        for bad in parse_csv(text).bad:
            assert secret not in bad.message
    for bad in (
        *parse_otpauth(f"otpauth://totp/?secret={secret}").bad,
        *parse_pam(f"{secret}1", "a").bad,
    ):
        assert secret not in bad.message


def test_a_long_file_is_read_in_no_time() -> None:
    rows = "".join(f"key{number},GEZDGNBVGY3TQOJQ\n" for number in range(20_000))
    started = time.perf_counter()
    assert len(parse_csv(f"name,secret\n{rows}").entries) == 20_000
    assert time.perf_counter() - started < 5


@given(label=st.text(max_size=100))
def test_a_canonical_name_stays_as_it_is(label: str) -> None:
    with contextlib.suppress(LineError):
        name = canonical(label)
        assert is_canonical(name)
        assert canonical(name) == name

"""Hypothesis strategies for the values that both sides share."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec.structs import replace

from watchword_otp import Algorithm, Key, Kind, Secret, clean_label
from watchword_otp.key import MAX_COUNTER, MAX_DIGITS, MAX_PERIOD, MIN_DIGITS

any_text = st.text(st.characters(exclude_categories=()), max_size=150)
"""Any text at all, lone surrogates and control characters included."""

_TRICKY = st.sampled_from(
    [
        *":#%+&=?/@ ;",
        "%3A",
        "%25",
        "://",
        "?secret=",
        "&digits=8",
        "period=60",
        "counter=1",
        "Steam",
        "microsoft",
        "橡皮鸭",
        "👩‍👧",
        "é",
        "x" * 60,
        "😀" * 60,
    ]
)
labels = st.one_of(
    st.text(max_size=20), st.lists(st.one_of(_TRICKY, st.text(max_size=3)), max_size=6).map("".join)
).map(clean_label)
"""Clean labels, rich in what means something inside a URI."""

secrets = st.one_of(st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=1024)).map(Secret)

_shared = {"secret": secrets, "issuer": labels, "name": labels}
_digits = st.integers(MIN_DIGITS, MAX_DIGITS)
_periods = st.one_of(st.sampled_from([30, 60]), st.integers(1, MAX_PERIOD))
_algorithms = st.sampled_from(Algorithm)

totp_keys = st.builds(Key, digits=_digits, algorithm=_algorithms, period=_periods, **_shared)
hotp_keys = st.builds(
    Key,
    kind=st.just(Kind.HOTP),
    digits=_digits,
    algorithm=_algorithms,
    counter=st.one_of(st.integers(0, 9), st.integers(0, MAX_COUNTER)),
    **_shared,
)
steam_keys = st.builds(Key, kind=st.just(Kind.STEAM), digits=st.just(5), period=_periods, **_shared)
keys = st.one_of(totp_keys, hotp_keys, steam_keys)
"""Every key that `Key` allows."""

labelled_keys = keys.map(lambda key: key if key.title else replace(key, name="alice"))
"""Every key that `format_uri` takes."""

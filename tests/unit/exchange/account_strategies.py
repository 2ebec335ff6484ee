"""Hypothesis strategies for accounts as a vault holds them."""

from __future__ import annotations

from hypothesis import strategies as st

from unit.otp.strategies import keys, labels
from watchword_otp import Key, Kind
from watchword_tui.accounts import Account, clean_note

notes = st.one_of(
    st.just(""),
    st.sampled_from(
        ["two\nlines", "a, b; 100 % #1 + ?&=/", "橡皮鸭\n\n👩‍👧", '"quoted" \\ back', "x" * 2000]
    ),
    st.text(max_size=60).map(clean_note),
)


def is_kept(label: str) -> bool:
    """Tell whether a label comes back whole: readers cut off what could be a URI with its secret."""
    return "://" not in label and "secret=" not in label.lower()


groups = st.lists(labels.filter(bool).filter(is_kept), max_size=3, unique=True).map(tuple)
accounts = st.builds(
    Account,
    keys.filter(lambda key: is_kept(key.issuer) and is_kept(key.name)),
    st.just("vault"),
    note=notes,
    favourite=st.booleans(),
    groups=groups,
)
"""Every account that a vault can hold, also without any label."""


def is_taken_for_steam(key: Key) -> bool:
    """Tell whether a URI of `key` cannot be told from a Steam key's; see `parse_uri`."""
    return key.kind is Kind.TOTP and key.digits == 5 and key.issuer.lower() == "steam"

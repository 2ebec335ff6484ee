"""Hypothesis strategies for a vault's documents and for what people do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from unit.exchange.account_strategies import accounts
from watchword_otp import Kind
from watchword_tui.errors import VaultError
from watchword_tui.vault.document import Document, read_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword_tui.accounts import Account

few_accounts = st.lists(accounts, max_size=3)

_odd_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**40), 2**70), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)
odd_rows = st.one_of(
    _odd_values,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["totp", "motp", "x", 5])},
        optional={
            "uuid": st.sampled_from(["one", "two", ""]),
            "info": st.one_of(_odd_values, st.fixed_dictionaries({"secret": st.just("GEZDGNBV")})),
            "group": st.sampled_from(["Work", "Home ", ""]),
            "groups": st.sampled_from([[], ["one"], None]),
            "issuer": _odd_values,
            "nobody knows": _odd_values,
        },
    ),
)
"""Rows of every kind, most of them not to be understood."""

odd_groups = st.one_of(
    _odd_values,
    st.fixed_dictionaries(
        {
            "uuid": st.sampled_from(["one", "two", "three"]),
            "name": st.sampled_from(["Work", "", "Home"]),
        },
        optional={"nobody knows": _odd_values},
    ),
)


def document_of(rows: list[object], groups: list[object], version: int = 3) -> Document:
    return read_document(
        msgspec.json.encode({"version": version, "entries": rows, "groups": groups, "rest": 1})
    )


documents = st.builds(
    lambda document, added: document.with_added(added),
    st.builds(document_of, st.lists(odd_rows, max_size=4), st.lists(odd_groups, max_size=3)),
    few_accounts,
)
"""Documents with usable and quarantined rows, good and odd groups, fields nobody knows."""


def _on_one(act: Callable[[Document, Account], Document]) -> Callable[[int], Callable[..., Document]]:
    def pick(place: int) -> Callable[[Document], Document]:
        def edit(document: Document) -> Document:
            usable = document.accounts
            return act(document, usable[place % len(usable)]) if usable else document

        return edit

    return pick


def _mended(place: int, good: Account) -> Callable[[Document], Document]:
    def edit(document: Document) -> Document:
        bad = document.quarantined
        if not bad:
            return document
        return document.with_changed([replace(good, id=bad[place % len(bad)].id)])

    return edit


def _used(document: Document, account: Account) -> Document:
    if account.key.kind is not Kind.HOTP or account.key.counter >= 2**62:
        return document
    key = replace(account.key, counter=account.key.counter + 1)
    return document.with_changed([replace(account, key=key)])


def _renamed(old: str, new: str) -> Callable[[Document], Document]:
    def edit(document: Document) -> Document:
        try:
            return document.with_group_renamed(old, new)
        except VaultError:
            return document

    return edit


_places = st.integers(0, 9)
_names = st.sampled_from(["Work", "Home", "Away", "Work 2", " Work\u200b"])
edits = st.one_of(
    st.builds(lambda added: lambda document: document.with_added(added), few_accounts),
    st.builds(lambda one: lambda document: document.with_added([one], at=0), accounts),
    st.builds(_on_one(lambda document, one: document.without([one.id])), _places),
    st.builds(_on_one(_used), _places),
    st.builds(_mended, _places, accounts),
    st.builds(_renamed, _names, _names),
    st.builds(lambda name: lambda document: document.without_group(name), _names),
    st.builds(lambda name: lambda document: document.with_groups([name]), _names),
    st.builds(
        lambda place, by: _on_one(lambda document, one: document.with_moved(one.id, by))(place),
        _places,
        st.integers(-3, 3),
    ),
    st.builds(
        lambda place, other: _on_one(
            lambda document, one: document.with_changed([replace(other, id=one.id)])
        )(place),
        _places,
        accounts,
    ),
    st.builds(
        lambda place, name: _on_one(
            lambda document, one: document.with_changed([replace(one, groups=(*one.groups, name))])
        )(place),
        _places,
        _names,
    ),
)
"""What a person does to a document: functions from one to the next."""


def after(document: Document, done: list[Callable[[Document], Document]]) -> Document:
    for edit in done:
        document = edit(document)
    return document

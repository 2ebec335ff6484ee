"""Accepted entries become rows of the vault, and nothing that was there is lost."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from watchword_otp import Key, Kind, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import VaultError
from watchword_tui.exchange.model import Entry, ForeignKey
from watchword_tui.exchange.plan import Accepted
from watchword_tui.exchange.taking import kept_keys, taken
from watchword_tui.vault.document import Document, read_document

KEY = Key(secret=Secret(b"k" * 20), issuer="GitHub", name="alice")
COUNTED = Key(secret=Secret(b"c" * 20), kind=Kind.HOTP, counter=7, issuer="VPN")
MOTP = ForeignKey(kind="motp", secret=Secret(b"m" * 8), algorithm="MD5", digits=6, period=10, pin="1234")
YANDEX = ForeignKey(
    kind="yandex", secret=Secret(b"y" * 16), algorithm="SHA256", digits=8, period=30, pin="5678"
)


def entry_of(key: Key, **about: object) -> Entry:
    entry = Entry(where="line 1", issuer=key.issuer, name=key.name, key=key)
    return replace(entry, **about)


def test_new_entries_come_last_with_all_that_is_known_of_them() -> None:
    before = Document().with_added([Account(COUNTED, "vault", id="a")])
    entry = entry_of(KEY, note="two\nlines", groups=("Work",), favourite=True, uses=42)
    result = taken(before, Accepted((entry,), ()))
    old, new = read_document(result.document.written()).accounts

    assert old.key == COUNTED
    assert (new.key, new.note, new.groups, new.favourite) == (KEY, "two\nlines", ("Work",), True)
    assert result.uses == {new.id: 42}


def test_a_replaced_account_keeps_what_the_person_made_of_it() -> None:
    mine = Account(KEY, "vault", id="a", note="mine", groups=("Work",), favourite=True)
    other = replace(KEY, secret=Secret(b"n" * 20), name="bob")
    before = Document().with_added([mine, Account(COUNTED, "vault", id="b")])
    result = taken(before, Accepted((), (("a", entry_of(other, note="theirs", groups=("Else",))),)))

    assert result.document.accounts[0] == replace(mine, key=other)
    assert result.document.accounts[1].key == COUNTED


@pytest.mark.parametrize(("theirs", "kept"), [(3, 7), (9, 9)])
def test_a_counter_never_goes_back(theirs: int, kept: int) -> None:
    before = Document().with_added([Account(COUNTED, "vault", id="a")])
    entry = entry_of(replace(COUNTED, counter=theirs, issuer="Tunnel"))
    (account,) = taken(before, Accepted((), (("a", entry),))).document.accounts

    assert (account.key.issuer, account.key.counter) == ("Tunnel", kept)


def test_of_another_secret_the_counter_is_its_own() -> None:
    before = Document().with_added([Account(COUNTED, "vault", id="a")])
    entry = entry_of(replace(COUNTED, secret=Secret(b"n" * 20), counter=0))
    (account,) = taken(before, Accepted((), (("a", entry),))).document.accounts

    assert account.key.counter == 0


def test_keys_not_made_here_are_kept_whole_and_known_again() -> None:
    entries = tuple(
        Entry(where="line 1", issuer="Old", name="bob", foreign=key) for key in (MOTP, YANDEX)
    )
    result = taken(Document(), Accepted(entries, ()))
    document = read_document(result.document.written())

    assert document.accounts == ()
    assert kept_keys(document) == (MOTP, YANDEX)
    assert result.uses == {}


def test_other_rows_that_cannot_be_used_are_no_foreign_keys() -> None:
    written = Document().with_added([Account(KEY, "vault", id="a")]).written()
    document = read_document(written.replace(b'"digits":6', b'"digits":99'))

    assert len(document.quarantined) == 1
    assert kept_keys(document) == ()


def test_an_account_that_went_meanwhile_is_told() -> None:
    with pytest.raises(VaultError, match="not in the vault any more"):
        taken(Document(), Accepted((), (("a", entry_of(KEY)),)))

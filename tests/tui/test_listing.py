"""Which accounts are listed, in which order, and what a few letters find."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps import account_of
from watchword_otp import Key, Secret
from watchword_tui.fuzzy import fold, match, searchable
from watchword_tui.listing import NO_GROUP, Listing, Order, View, empty_words
from watchword_tui.usage import UsageBook
from watchword_tui.vault.document import read_document

if TYPE_CHECKING:
    from watchword_tui.accounts import Account

BROKEN = read_document(
    b'{"version":3,"entries":[{"type":"totp","uuid":"bad","name":"bob","issuer":"Acme",'
    b'"info":{"secret":"not base32!"}}],"groups":[]}'
).rows[0]


def account(
    issuer: str, name: str = "", *, groups: tuple[str, ...] = (), note: str = "", favourite: bool = False
) -> Account:
    key = Key(secret=Secret(b"12345678901234567890"), issuer=issuer, name=name)
    return account_of(key, groups=groups, note=note, favourite=favourite)


def issuers(listing: Listing, view: View = View()) -> list[str]:  # noqa: B008 - it never changes
    return [shown.line.issuer for shown in listing.shown(view)]


def found(query: str, *names: str) -> list[str]:
    return issuers(Listing([account(name) for name in names]), View(query=query))


class TestOrder:
    def test_as_in_the_file_with_favourites_first_and_quarantined_rows_last(self) -> None:
        listing = Listing([account("B"), account("C", favourite=True), account("A")], [BROKEN])
        assert issuers(listing) == ["C", "B", "A", "Acme bob"]

    def test_by_issuer_without_regard_to_case_and_accents(self) -> None:
        listing = Listing([account("zoom"), account("Éclair"), account("Epic"), account("dropbox")])
        assert issuers(listing, View(Order.ISSUER)) == ["dropbox", "Éclair", "Epic", "zoom"]

    def test_by_use_the_most_used_first_then_the_latest(self) -> None:
        accounts = [account("never"), account("twice"), account("once"), account("once later")]
        book = UsageBook(None)
        for number, times in ((1, 2), (2, 1), (3, 1)):
            for use in range(times):
                book.note(accounts[number].id, number * 100 + use)
        listing = Listing(accounts, use_of=book.use_of)
        assert issuers(listing, View(Order.USE)) == ["twice", "once later", "once", "never"]

    def test_the_orders_follow_each_other_round_and_round(self) -> None:
        assert [order.following for order in Order] == [Order.ISSUER, Order.USE, Order.FILE]


class TestGroups:
    LISTING = Listing(
        [account("A", groups=("Work",)), account("B"), account("C", groups=("Work", "Play"))],
        [BROKEN],
        ("Work", "Play", "Empty"),
    )

    def test_there_is_one_for_all_and_one_for_the_rest(self) -> None:
        assert self.LISTING.groups == (None, "Work", "Play", "Empty", NO_GROUP)
        assert Listing([account("A")]).groups == (None,)
        assert Listing([account("A", groups=("Work",))], (), ("Work",)).groups == (None, "Work")

    @pytest.mark.parametrize(
        ("group", "expected"),
        [
            (None, ["A", "B", "C", "Acme bob"]),
            ("Work", ["A", "C"]),
            ("Play", ["C"]),
            ("Empty", []),
            (NO_GROUP, ["B"]),
        ],
    )
    def test_a_group_shows_its_own(self, group: str | None, expected: list[str]) -> None:
        assert issuers(self.LISTING, View(group=group)) == expected

    def test_an_empty_list_says_what_to_do(self) -> None:
        assert "no account in Empty" in empty_words(self.LISTING, View(group="Empty"))
        assert "in Work fits “x”" in empty_words(self.LISTING, View(group="Work", query=" x "))
        assert "No accounts yet" in empty_words(Listing(), View())


class TestFinding:
    @pytest.mark.parametrize(
        ("query", "best"),
        [
            ("git", "Git"),
            ("gh", "GitHub"),
            ("gd", "Google Drive"),
            ("dri", "Google Drive"),
            ("ggl", "Google"),
            ("h 2", "GitHub 2"),
            ("GITHUB", "GitHub"),
            ("ecl", "Éclair"),
            ("É", "Éclair"),
            ("strasse", "Straße"),
            ("ght", "Night"),
        ],
    )
    def test_the_best_comes_first(self, query: str, best: str) -> None:
        names = ["Digital", "GitLab", "GitHub", "GitHub 2", "Git", "Google", "Google Drive", "Straße"]
        assert found(query, *names, "Éclair", "Legit", "Aghast", "Night")[0] == best

    def test_what_lacks_a_letter_is_not_found(self) -> None:
        assert found("xyz", "GitHub", "xy", "zyx") == []

    def test_every_word_must_be_found_in_any_order(self) -> None:
        listing = Listing(
            [account("GitHub", "alice"), account("GitHub", "bob"), account("AWS", "alice")]
        )
        assert [one.line.name for one in listing.shown(View(query="ali git"))] == ["alice"]

    def test_notes_groups_and_reasons_are_found_behind_labels(self) -> None:
        listing = Listing(
            [
                account("One", note="the blue token"),
                account("Two", groups=("Blue",)),
                account("A Blue Bank"),
            ],
            [BROKEN],
            ("Blue",),
        )
        assert issuers(listing, View(query="blue")) == ["A Blue Bank", "One", "Two"]
        assert issuers(listing, View(query="base32")) == ["Acme bob"]

    def test_a_single_letter_is_looked_for_in_labels_only_until_there_are_two(self) -> None:
        listing = Listing([account("One", note="zz"), account("Zoo")])
        assert issuers(listing, View(query="z")) == ["Zoo"]
        assert issuers(listing, View(query="zz")) == ["One"]

    def test_it_tells_where_the_letters_stand(self) -> None:
        (shown,) = Listing([account("Éclair", "bob")]).shown(View(query="cl bo"))
        assert [shown.line.label[place] for place in shown.marks] == ["c", "l", "b", "o"]

    def test_filtering_keeps_to_the_group_and_the_order(self) -> None:
        listing = Listing(
            [account("b one", groups=("W",)), account("a one", groups=("W",)), account("one")],
            (),
            ("W",),
        )
        assert issuers(listing, View(Order.ISSUER, "W", "one")) == ["a one", "b one"]

    @given(
        st.lists(st.text("abAB é1", min_size=1, max_size=8), max_size=8), st.text("abé1 ", max_size=5)
    )
    def test_typing_letter_by_letter_finds_the_same_as_at_once(
        self, names: list[str], query: str
    ) -> None:
        accounts = [account(clean) for name in names if (clean := " ".join(name.split()))]
        typed = Listing(accounts)
        for length in range(len(query) + 1):
            shown = typed.shown(View(query=query[:length]))
            assert shown == Listing(accounts).shown(View(query=query[:length]))


@given(st.text(max_size=30), st.text(min_size=1, max_size=6))
def test_a_match_gives_places_of_the_letters_in_their_order(label: str, letters: str) -> None:
    wanted = fold(letters)
    hit = match(wanted, searchable(label)) if wanted else None
    if hit is None:
        letters_left = iter(fold(label))
        assert not wanted or not all(letter in letters_left for letter in wanted)
        return
    assert list(hit.places) == sorted(set(hit.places))
    there = "".join(fold(label[place]) for place in hit.places)
    letters_left = iter(there)
    assert all(letter in letters_left for letter in wanted)


def test_combining_accents_are_folded_too() -> None:
    assert fold(unicodedata.normalize("NFD", "Éclair")) == "eclair"

"""QR codes for Google Authenticator: what a phone would scan, decoded by these tests' own code."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qr_reader import decode_qr
from unit.exchange.account_strategies import accounts
from unit.otp.strategies import labels
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_otp.qr import Drawing
from watchword_tui.accounts import Account
from watchword_tui.exchange.migration import read_migration
from watchword_tui.exchange.writers.migration import (
    PRINT_VERSION,
    QrPages,
    qr_pages,
    terminal_version,
)
from watchword_tui.exchange.writers.qr_terminal import draw_page

if TYPE_CHECKING:
    from pathlib import Path

SECRET = Secret(b"12345678901234567890")
ALGORITHMS = {1: "SHA1", 2: "SHA256", 3: "SHA512"}
DIGITS = {1: 6, 2: 8}
KINDS = {1: "hotp", 2: "totp"}


@dataclass
class Payload:
    """A MigrationPayload as its protocol buffer says, fields by their numbers."""

    keys: list[dict[int, int | bytes]]
    numbers: dict[int, int]


def fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """Decode a protocol buffer's numbers and byte strings; anything else ends the test."""
    found: list[tuple[int, int | bytes]] = []
    rest = iter(data)

    def varint() -> int:
        value, shift = 0, 0
        while True:
            byte = next(rest)
            value += (byte % 128) << shift
            if byte < 128:
                return value
            shift += 7

    for first in rest:
        number, wire = divmod(first, 8)
        assert number < 16, "field numbers here have one byte"
        if wire == 0:
            found.append((number, varint()))
        else:
            assert wire == 2
            size = varint()
            found.append((number, bytes(next(rest) for _ in range(size))))
    return found


def decode(uri: str) -> Payload:
    """Decode the URI as Google Authenticator does."""
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth-migration", "offline", "")
    data = base64.b64decode(parse_qs(parts.query, strict_parsing=True)["data"][0], validate=True)
    keys = []
    numbers = {}
    for number, value in fields(data):
        if isinstance(value, bytes):
            assert number == 1
            keys.append(dict(fields(value)))
        else:
            numbers[number] = value
    return Payload(keys, numbers)


def as_key(field: dict[int, int | bytes]) -> Key:
    """The key that a field means, its labels taken as they stand."""
    secret, name, issuer = (field.get(number, b"") for number in (1, 2, 3))
    assert isinstance(secret, bytes)
    assert isinstance(name, bytes)
    assert isinstance(issuer, bytes)
    numbers = {number: value for number, value in field.items() if isinstance(value, int)}
    return Key(
        secret=Secret(secret),
        kind=Kind(KINDS[numbers[6]]),
        algorithm=Algorithm(ALGORITHMS[numbers[4]]),
        digits=DIGITS[numbers[5]],
        counter=numbers.get(7, 0),
        issuer=issuer.decode(),
        name=name.decode(),
    )


def account(number: int) -> Account:
    return Account(Key(secret=SECRET, issuer="GitHub", name=f"alice{number}@example.com"), "vault")


def common(count: int) -> list[Account]:
    return [account(number) for number in range(count)]


def all_of(pages: QrPages) -> list[Account]:
    return [one for page in pages.pages for one in page.accounts]


google_keys = st.builds(
    Key,
    secret=st.binary(min_size=1, max_size=64).map(Secret),
    kind=st.just(Kind.TOTP),
    algorithm=st.sampled_from(Algorithm),
    digits=st.sampled_from([6, 8]),
    issuer=labels,
    name=labels,
) | st.builds(
    Key,
    secret=st.binary(min_size=1, max_size=64).map(Secret),
    kind=st.just(Kind.HOTP),
    digits=st.sampled_from([6, 8]),
    counter=st.integers(0, 2**63 - 1),
    issuer=labels,
    name=labels,
)
"""Every key that Google Authenticator holds."""

google_accounts = google_keys.filter(lambda key: bool(key.title)).map(lambda key: Account(key, "vault"))


class TestPayload:
    def test_each_field_says_what_the_key_is(self) -> None:
        key = Key(
            secret=SECRET,
            kind=Kind.HOTP,
            algorithm=Algorithm.SHA256,
            digits=8,
            counter=300,
            issuer="Bank",
            name="橡皮鸭",
        )
        [page] = qr_pages([Account(key, "vault")]).pages
        payload = decode(page.uri)
        assert payload.keys == [
            {1: SECRET.reveal(), 2: "橡皮鸭".encode(), 3: b"Bank", 4: 2, 5: 2, 6: 1, 7: 300}
        ]
        # One part of one, which has the index 0: not written, as protocol buffers have it.
        assert payload.numbers.keys() == {2, 3, 5}
        assert (payload.numbers[2], payload.numbers[3]) == (1, 1)

    @settings(deadline=None)
    @given(st.lists(google_accounts, max_size=25))
    def test_every_key_comes_back_through_the_reader(self, held: list[Account]) -> None:
        pages = qr_pages(held)
        assert pages.left_out == ()
        readings = [read_migration(page.uri, "QR code") for page in pages.pages]
        assert [entry.key for reading in readings for entry in reading.entries] == [
            one.key for one in held
        ]

    @given(google_accounts)
    def test_what_no_reader_splits_is_written_as_it_is(self, one: Account) -> None:
        [page] = qr_pages([one]).pages
        key = as_key(decode(page.uri).keys[0])
        if ":" not in one.key.name:
            assert key == one.key

    def test_a_name_that_begins_like_a_label_keeps_its_beginning(self) -> None:
        keys = [
            Key(secret=SECRET, issuer="A", name="A:b"),
            Key(secret=SECRET, name="x:y"),
            Key(secret=SECRET, issuer="a:b", name="a:b:c"),
        ]
        [page] = qr_pages([Account(key, "vault") for key in keys]).pages
        assert [entry.key for entry in read_migration(page.uri, "").entries] == keys

    def test_a_key_without_a_label_gets_a_name(self) -> None:
        [page] = qr_pages([Account(Key(secret=SECRET), "vault")]).pages
        assert decode(page.uri).keys[0][2] == b"Unnamed"


class TestBatches:
    def test_all_parts_of_a_set_have_one_id_and_their_own_place(self) -> None:
        pages = qr_pages(common(23)).pages
        numbers = [decode(page.uri).numbers for page in pages]
        assert [page.title for page in pages] == ["1 of 3", "2 of 3", "3 of 3"]
        assert [found[3] for found in numbers] == [3, 3, 3]
        assert [found.get(4, 0) for found in numbers] == [0, 1, 2]
        assert len({found[5] for found in numbers}) == 1

    def test_two_sets_can_be_told_apart(self) -> None:
        ids = {decode(qr_pages(common(1)).pages[0].uri).numbers[5] for _ in range(8)}
        assert len(ids) > 1

    def test_no_accounts_make_no_pages(self) -> None:
        assert qr_pages([]) == QrPages((), ())

    def test_common_accounts_go_ten_on_a_printed_page(self) -> None:
        pages = qr_pages(common(30)).pages
        assert [len(page.accounts) for page in pages] == [10, 10, 10]

    @settings(deadline=None)
    @given(st.lists(google_accounts, min_size=1, max_size=30), st.integers(0, 40))
    def test_every_account_is_on_one_page_in_order(self, held: list[Account], largest: int) -> None:
        pages = qr_pages(held, largest)
        assert all_of(pages) == held
        assert all(1 <= len(page.accounts) <= 10 for page in pages.pages)
        assert [page.title for page in pages.pages] == [
            f"{number} of {len(pages.pages)}" for number in range(1, len(pages.pages) + 1)
        ]

    @pytest.mark.parametrize("largest", [5, 6, 7, 9, 10, 16, 25])
    def test_a_page_of_several_accounts_is_never_larger_than_asked(self, largest: int) -> None:
        pages = qr_pages([account(10**number) for number in range(14)], largest).pages
        for page in pages:
            assert len(page.accounts) == 1 or page.code().version <= largest

    def test_the_size_is_right_where_its_own_length_changes(self) -> None:
        # Beyond 127 parts the size takes two bytes in each part.
        for count in range(125, 132):
            pages = qr_pages(common(count), 6).pages
            assert {decode(page.uri).numbers[3] for page in pages} == {len(pages)}
            assert all_of(qr_pages(common(count), 6)) == common(count)


class TestLeftOut:
    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            (Key(secret=SECRET, period=60), "no period of 60 s"),
            (Key(secret=SECRET, digits=7), "no codes of 7 digits"),
            (Key(secret=SECRET, kind=Kind.STEAM, digits=5), "no Steam keys"),
        ],
    )
    def test_what_google_cannot_hold_is_named(self, key: Key, reason: str) -> None:
        pages = qr_pages([account(1), Account(replace(key, issuer="Bank", name="eve"), "vault")])
        assert all_of(pages) == [account(1)]
        [sentence] = pages.left_out
        assert sentence.startswith("Bank (eve): ")
        assert reason in sentence

    @settings(deadline=None)
    @given(st.lists(accounts, max_size=12))
    def test_every_account_is_on_a_page_or_named(self, held: list[Account]) -> None:
        pages = qr_pages(held)
        assert len(all_of(pages)) + len(pages.left_out) == len(held)

    def test_the_longest_keys_give_a_code_or_are_named(self) -> None:
        longest = Key(secret=Secret(b"\x00" * 1024), issuer="😀" * 50, name="😀" * 50)
        # In base64 all slashes, each of which takes three letters in a URI.
        too_long = replace(longest, secret=Secret(b"\xff" * 1024))
        pages = qr_pages([Account(longest, "vault"), Account(too_long, "vault")])
        [page] = pages.pages
        assert page.code().version > PRINT_VERSION
        [sentence] = pages.left_out
        assert sentence.endswith("its secret is too long for a QR code")

    def test_no_secret_is_in_a_repr(self) -> None:
        pages = qr_pages(common(1))
        assert "data=" not in repr(pages)


class TestScanning:
    def test_a_scanner_reads_each_page_and_together_they_give_the_accounts(self, tmp_path: Path) -> None:
        held = [*common(12), Account(Key(secret=SECRET, issuer="橡皮鸭", name="ü:ß"), "vault")]
        pages = qr_pages(held).pages
        entries = [
            entry
            for page in pages
            for entry in read_migration(
                decode_qr(page.code().with_quiet_zone(4), tmp_path), "QR code"
            ).entries
        ]
        assert len(pages) == 2
        assert [entry.key for entry in entries] == [one.key for one in held]


def shown_modules(screen: pyte.Screen, columns: int, rows: int) -> list[list[bool]]:
    """The modules that a screen shows at its upper left, two in a cell, true for dark."""
    modules: list[list[bool]] = []
    for row in range(rows):
        cells = [screen.buffer[row][column] for column in range(columns)]
        modules.append([cell.bg == "000000" for cell in cells])
        modules.append([(cell.fg if cell.data == "▄" else cell.bg) == "000000" for cell in cells])
    return modules


class TestTerminal:
    @pytest.mark.parametrize(
        ("columns", "rows", "version"),
        [(80, 24, 7), (80, 23, 6), (120, 39, 14), (10, 5, 0), (400, 200, 40)],
    )
    def test_the_largest_code_for_a_terminal(self, columns: int, rows: int, version: int) -> None:
        assert terminal_version(columns, rows) == version

    @pytest.mark.parametrize("columns", [43, 60, 80, 120])
    @pytest.mark.parametrize("rows", [23, 24, 39])
    def test_a_page_of_common_accounts_fits_its_terminal(self, columns: int, rows: int) -> None:
        for page in qr_pages(common(5), terminal_version(columns, rows)).pages:
            code = page.code()
            assert code.best_quiet_zone(Drawing.HALF, columns, rows) is not None
            assert len(draw_page(page, columns, rows).splitlines()) <= rows

    def test_a_scanner_reads_what_an_80_by_24_terminal_shows_above_its_prompt(
        self, tmp_path: Path
    ) -> None:
        [page, _] = qr_pages(common(2), terminal_version(80, 23)).pages
        screen = pyte.Screen(80, 24)
        pyte.Stream(screen).feed(draw_page(page, 80, 23).replace("\n", "\r\n") + "next page? ")
        assert screen.display[0].rstrip().endswith("Code 1 of 2"), "it has scrolled"
        assert "next page?" in screen.display[23]
        quiet_zone = page.code().best_quiet_zone(Drawing.HALF, 80, 23)
        assert quiet_zone is not None
        width, height = page.code().space(Drawing.HALF, quiet_zone)
        uri = decode_qr(shown_modules(screen, width, height), tmp_path)
        assert [entry.key for entry in read_migration(uri, "").entries] == [common(1)[0].key]

    def test_beside_the_code_stand_its_place_and_accounts(self) -> None:
        text = draw_page(qr_pages(common(3), terminal_version(120, 39)).pages[0], 120, 39)
        assert "Code 1 of 1" in text
        assert "GitHub (alice2@example.com)" in text

    def test_in_a_narrow_terminal_they_stand_below(self) -> None:
        [page] = qr_pages(common(2), terminal_version(60, 60)).pages
        width, _height = page.code().space(Drawing.HALF, 1)
        last = draw_page(page, width, 60).splitlines()[-1]
        assert last == "GitHub (alice1@example.com)"

    def test_wide_labels_never_break_a_line(self) -> None:
        held = [Account(Key(secret=SECRET, issuer="橡皮鸭" * 30, name="x"), "vault")]
        [page] = qr_pages(held, 40).pages
        columns, rows = page.code().space(Drawing.HALF, 1)
        lines = draw_page(page, columns + 20, rows).splitlines()
        label = lines[1].rpartition("m")[2].strip()
        assert label.endswith("…")
        assert 2 * len(label) <= 20

    def test_a_page_that_does_not_fit_says_what_it_needs(self) -> None:
        [page] = qr_pages(common(1), terminal_version(40, 10)).pages
        width, height = page.code().space(Drawing.HALF, 1)
        text = draw_page(page, 40, 10)
        assert f"needs {width} columns and {height} rows" in text
        assert "▄" not in text

"""Stratum's backups: plain, encrypted two ways, and its web page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import read_bytes
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.errors import ForeignFileError, WrongPassphraseError

SECRET = Secret.from_base32(made.BASE32)
KEY = Key(secret=SECRET, issuer="GitHub", name="alice")


def row(**fields: Any) -> dict[str, Any]:
    plain = {"Type": 2, "Issuer": "GitHub", "Username": "alice", "Secret": made.BASE32, "Pin": None}
    return plain | {"Algorithm": 0, "Digits": 6, "Period": 30, "Counter": 0, "CopyCount": 0} | fields


def page(*uris: str) -> bytes:
    rows = "".join(
        f'<tr><td>GitHub</td><td>alice</td><td><code>{uri}</code></td><td><img src="data:,"></td></tr>'
        for uri in uris
    )
    return f"<!DOCTYPE html>\n<html><body><table>{rows}</table></body></html>".encode()


PLAIN = made.stratum([row()])
STRONG, LEGACY = made.stratum_strong(PLAIN, "pässword"), made.stratum_legacy(PLAIN, "pässword")
URI = f"otpauth://totp/GitHub:alice?secret={made.BASE32}&issuer=GitHub"


@pytest.mark.parametrize(
    "data", [PLAIN, STRONG, LEGACY, page(URI), page(URI.replace("&", "&amp;"))], ids=range(5)
)
def test_every_kind_of_file_gives_its_key(data: bytes) -> None:
    found = read_bytes(data, "pässword")

    assert found.format.name == "stratum"
    assert [entry.key for entry in found.reading.entries] == [KEY]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"Type": 1, "Counter": 9}, {"kind": Kind.HOTP, "counter": 9}),
        ({"Type": 4, "Digits": 5}, {"kind": Kind.STEAM, "digits": 5}),
        (
            {"Algorithm": 1, "Digits": 8, "Period": 60},
            {"algorithm": Algorithm.SHA256, "digits": 8, "period": 60},
        ),
        ({"Algorithm": 2}, {"algorithm": Algorithm.SHA512}),
        ({"Username": None}, {"name": ""}),
    ],
)
def test_the_apps_numbers_mean_what_the_app_means(fields: dict[str, Any], key: dict[str, Any]) -> None:
    (entry,) = read_bytes(made.stratum([row(**fields)])).reading.entries

    assert entry.key == replace(KEY, **key)


def test_keys_of_other_kinds_are_kept_as_such() -> None:
    motp = row(Type=3, Secret="e3152afee62599c8", Pin="1234", Digits=6, Period=10)
    yandex = row(Type=5, Pin="5239536521")

    first, second = read_bytes(made.stratum([motp, yandex])).reading.entries

    assert first.foreign is not None
    assert (first.foreign.kind, first.foreign.pin) == ("motp", "1234")
    assert first.foreign.secret == Secret(bytes.fromhex("e3152afee62599c8"))
    assert second.foreign is not None
    assert (second.foreign.kind, second.foreign.secret) == ("yandex", SECRET)


def test_categories_and_copies_come_along() -> None:
    data = made.stratum(
        [row(CopyCount=12)],
        Categories=[
            {"Id": "1", "Name": "Work", "Ranking": 0},
            {"Id": "2", "Name": "Home", "Ranking": 1},
        ],
        AuthenticatorCategories=[
            {"CategoryId": "2", "AuthenticatorSecret": made.BASE32, "Ranking": 0},
            {"CategoryId": "gone", "AuthenticatorSecret": made.BASE32, "Ranking": 0},
        ],
    )

    (entry,) = read_bytes(data).reading.entries

    assert (entry.groups, entry.uses) == (("Home",), 12)


@pytest.mark.parametrize(
    "fields",
    [
        {"Type": 9},
        {"Type": [2]},
        {"Algorithm": 7},
        {"Digits": 99},
        {"Secret": "1"},
        {"Secret": None},
        {"Type": 3},
    ],
)
def test_a_bad_row_is_an_entry_with_its_reason(fields: dict[str, Any]) -> None:
    bad, good = read_bytes(made.stratum([row(**fields), row()])).reading.entries

    assert bad.reason
    assert bad.key is None
    assert good.key == KEY


@pytest.mark.parametrize("data", [STRONG, LEGACY], ids=["strong", "legacy"])
def test_a_wrong_passphrase_is_said(data: bytes) -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(data, "other")


@pytest.mark.parametrize(
    "data", [STRONG[:50], LEGACY[:60], page("motp:"), b"<html><code>otpauth://"], ids=range(4)
)
def test_what_holds_nothing_ends_in_words(data: bytes) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(data, "pässword")


def test_files_cut_anywhere_end_in_words() -> None:
    for data in (PLAIN, page(URI)):
        for piece in cut_short(data):
            ends_well(piece, name="stratum")
    for data in (STRONG, LEGACY):
        assert not any(ends_well(piece, "pässword", "stratum") for piece in cut_short(data, 25))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_files_changed_at_random_end_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(PLAIN)), name="stratum")
    ends_well(data.draw(changed(page(URI))), name="stratum")
    ends_well(data.draw(changed(LEGACY)), "pässword", "stratum")


def test_what_opens_to_no_backup_is_a_wrong_passphrase_only_where_nothing_proves_it_right() -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(made.stratum_legacy(b"padded by chance", "pass"), "pass")
    with pytest.raises(ForeignFileError):
        read_bytes(made.stratum_strong(b"no backup", "pass"), "pass")

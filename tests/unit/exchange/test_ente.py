"""Ente Auth's lists, plain and encrypted."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import Person, read_bytes
from watchword_otp import Key, Kind, Secret
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of

SECRET = Secret.from_base32(made.BASE32)
KEY = Key(secret=SECRET, issuer="GitHub", name="alice")


def line(
    start: str = f"otpauth://totp/GitHub:alice?secret={made.BASE32}&issuer=GitHub", **display: object
) -> str:
    """Write a URI as the app does: commas in the display as %2C before all is encoded."""
    shown = json.dumps({"pinned": False, "trashed": False, "tapCount": 0} | display).replace(",", "%2C")
    return f"{start}&codeDisplay={quote(shown, safe='')}"


def test_what_the_app_shows_beside_a_key_comes_along() -> None:
    text = line(pinned=True, tags=["Work", "VPN, home"], note="first\nsecond, third", tapCount=7)

    found = read_bytes(text.encode())

    (entry,) = found.reading.entries
    assert found.format.name == "ente"
    assert (entry.key, entry.where) == (KEY, "line 1")
    assert (entry.favourite, entry.uses) == (True, 7)
    assert entry.groups == ("Work", "VPN, home")
    assert entry.note == "first\nsecond, third"


def test_what_lies_in_the_trash_is_left_out_and_counted() -> None:
    text = "\n".join([line(), line(trashed=True), "", "# a comment", line(trashed=True)])

    reading = read_bytes(text.encode()).reading

    assert [entry.key for entry in reading.entries] == [KEY]
    assert reading.problems == ("2 in the app's trash left out",)


@pytest.mark.parametrize(
    ("start", "key"),
    [
        (
            f"otpauth://totp/My Bank:a#1@x.org?secret={made.BASE32}&issuer=My+Bank",
            Key(secret=SECRET, issuer="My Bank", name="a#1@x.org"),
        ),
        (
            f"otpauth://totp/ACME:EU:alice?secret={made.BASE32}&issuer=ACME%3AEU",
            Key(secret=SECRET, issuer="ACME:EU", name="alice"),
        ),
        (
            f"otpauth://totp/GitHub:alice?algorithm=Algorithm.sha1&secret={made.BASE32}&issuer=GitHubperiod=30",
            KEY,
        ),
        (
            f"otpauth://steam/Steam:alice?secret={made.BASE32}&issuer=Steam&digits=5",
            Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="Steam", name="alice"),
        ),
        (
            f"otpauth://hotp/GitHub:alice?secret={made.BASE32}&counter=41&issuer=GitHub",
            Key(secret=SECRET, kind=Kind.HOTP, counter=41, issuer="GitHub", name="alice"),
        ),
    ],
)
def test_labels_and_kinds_are_read_as_the_app_writes_them(start: str, key: Key) -> None:
    (entry,) = read_bytes(line(start).encode()).reading.entries

    assert entry.key == key


def test_a_long_note_does_not_make_the_key_unreadable() -> None:
    (entry,) = read_bytes(line(note="long " * 3000).encode()).reading.entries

    assert entry.key == KEY
    assert len(entry.note) > 5000


@pytest.mark.parametrize("display", ["", "{", "[1]", "%FF", '{"tags": 1, "note": [], "tapCount": "x"}'])
def test_a_display_that_makes_no_sense_costs_only_itself(display: str) -> None:
    (entry,) = read_bytes(
        f"otpauth://totp/GitHub:alice?secret={made.BASE32}&codeDisplay={display}".encode()
    ).reading.entries

    assert entry.key == KEY
    assert (entry.note, entry.groups, entry.uses) == ("", (), 0)


def test_a_bad_line_is_an_entry_with_its_reason() -> None:
    bad, good = read_bytes(f"{line('otpauth://totp/x?secret=1')}\r\n{line()}".encode()).reading.entries

    assert "base32" in bad.reason
    assert good.key == KEY


def test_an_encrypted_list_is_opened() -> None:
    found = read_bytes(made.ente(line(note="ä"), "pässword"), "pässword")

    assert found.format.name == "ente"
    assert [(entry.key, entry.note) for entry in found.reading.entries] == [(KEY, "ä")]


def test_a_wrong_passphrase_is_said_and_may_be_followed_by_the_right_one() -> None:
    data = made.ente(line(), "right")

    with pytest.raises(WrongPassphraseError):
        read_bytes(data, "wrong")
    assert read_bytes(data, "right").reading.entries


def test_the_apps_gibibyte_is_asked_for_before_the_passphrase() -> None:
    table = json.loads(made.ente(line(), "right"))
    table["kdfParams"]["memLimit"] = 2**30
    person = Person("right")

    with pytest.raises(CancelledError):
        read_entries(source_of("file", json.dumps(table).encode()), person)

    assert [cost.memory for cost in person.asked_about] == [2**30]
    assert person.asked_for_passphrase == 0


@pytest.mark.parametrize(
    "parameters",
    [
        {"memLimit": 2**62, "opsLimit": 1, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"memLimit": -1, "opsLimit": 1, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"memLimit": 2**23, "opsLimit": 2**40, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"memLimit": 2**23, "opsLimit": 0, "salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"memLimit": 2**23, "opsLimit": 2, "salt": "#"},
        {"memLimit": "x", "opsLimit": 2, "salt": ""},
        {},
        None,
    ],
)
def test_parameters_that_no_app_writes_end_in_words(parameters: object) -> None:
    table = json.loads(made.ente(line(), "right"))
    table["kdfParams"] = parameters

    with pytest.raises(ForeignFileError):
        read_bytes(json.dumps(table).encode(), "right", allows=True)


def test_files_cut_anywhere_end_in_words_or_in_what_is_left() -> None:
    plain = line(note="ä").encode()
    sealed = made.ente(line(), "right")

    assert ends_well(plain)
    for piece in cut_short(plain):
        ends_well(piece, name="ente")
    assert not any(ends_well(piece, "right", "ente") for piece in cut_short(sealed))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_files_changed_at_random_end_in_words_or_in_what_is_left(data: st.DataObject) -> None:
    ends_well(data.draw(changed(f"{line()}\n{line(note='ä')}".encode())), name="ente")
    # Costs that a change makes huge are not paid: the person says no.
    ends_well(data.draw(changed(made.ente(line(), "right"))), "right", "ente")

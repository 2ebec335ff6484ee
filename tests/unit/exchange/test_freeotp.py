"""FreeOTP 1 and 2 and FreeOTP+: JSON, Android's preferences, and a serialised Java map."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_exports as made
from damaged_files import changed, cut_short, ends_well
from foreign import Person, read_bytes
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.formats import safe_xml
from watchword_tui.exchange.formats.java_map import read_map
from watchword_tui.exchange.reading import read_entries, source_of

SECRET = Secret(made.SIGNED_RAW)
KEY = Key(secret=SECRET, issuer="GitHub", name="alice")
TOKENS = [
    made.freeotp_token(),
    made.freeotp_token(type="HOTP", counter=9, algo="SHA256", digits=8, label="Zoë 🔑"),
    made.freeotp_token(issuerExt="Steam", digits=5),
]
KEYS = [
    KEY,
    Key(
        secret=SECRET,
        kind=Kind.HOTP,
        counter=9,
        algorithm=Algorithm.SHA256,
        digits=8,
        issuer="GitHub",
        name="Zoë 🔑",
    ),
    Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="Steam", name="alice"),
]


def plus(*tokens: object) -> bytes:
    return json.dumps({"tokenOrder": ["GitHub:alice"], "tokens": tokens}).encode()


def tokens_xml() -> bytes:
    strings = {f"{token['issuerExt']}:{place}": json.dumps(token) for place, token in enumerate(TOKENS)}
    return made.preferences(strings | {"tokenOrder": '["GitHub:alice"]'})


def backup(algorithm: str = "SHA512") -> bytes:
    return made.java_map({**made.freeotp_backup(TOKENS, "pässword", algorithm)})


BACKUP = backup()


def test_the_json_of_freeotp_plus_is_read_with_counters_as_they_stand() -> None:
    found = read_bytes(plus(*TOKENS))

    assert found.format.name == "freeotp-plus"
    assert [entry.key for entry in found.reading.entries] == KEYS


def test_the_apps_own_preferences_are_read() -> None:
    found = read_bytes(tokens_xml())

    assert found.format.name == "freeotp"
    assert [entry.key for entry in found.reading.entries] == KEYS


@pytest.mark.parametrize(
    ("change", "issuer", "reason"),
    [
        ({"issuerExt": None, "issuerInt": "Inner"}, "Inner", ""),
        ({"issuerAlt": "Mine"}, "Mine", ""),
        ({"issuerAlt": None}, "GitHub", ""),
        ({"algo": None}, "GitHub", ""),
        ({"secret": made.BASE32}, "GitHub", ""),
        ({"secret": None}, "GitHub", "no secret"),
        ({"secret": []}, "GitHub", "empty"),
        ({"secret": [300]}, "GitHub", "bytes"),
        ({"secret": ["x"]}, "GitHub", "bytes"),
        ({"algo": "MD5"}, "GitHub", "SHA1"),
        ({"digits": 30}, "GitHub", "digits"),
        ({"counter": "x", "type": "HOTP"}, "GitHub", "counter"),
        ({"type": "OTHER"}, "GitHub", "type"),
    ],
)
def test_odd_tokens_are_read_or_say_why_not(change: dict[str, object], issuer: str, reason: str) -> None:
    odd, good = read_bytes(plus(made.freeotp_token(**change), TOKENS[0])).reading.entries

    assert odd.issuer == issuer
    assert reason in odd.reason
    assert bool(odd.key) is not bool(reason)
    assert good.key == KEY


@pytest.mark.parametrize("algorithm", ["SHA512", "SHA1"])
def test_a_backup_of_freeotp_2_is_opened(algorithm: str) -> None:
    found = read_bytes(backup(algorithm), "pässword")

    assert found.format.name == "freeotp"
    assert [entry.key for entry in found.reading.entries] == KEYS


def test_a_backup_in_preferences_is_opened() -> None:
    found = read_bytes(made.preferences(made.freeotp_backup(TOKENS, "pass")), "pass")

    assert [entry.key for entry in found.reading.entries] == KEYS


def test_a_wrong_passphrase_is_told_from_damage() -> None:
    with pytest.raises(WrongPassphraseError):
        read_bytes(BACKUP, "other")
    with pytest.raises(ForeignFileError):
        read_bytes(BACKUP[:-1], "pässword")


def test_a_token_that_is_damaged_costs_only_itself() -> None:
    strings = made.freeotp_backup(TOKENS, "pass")
    strings["uuid-0"] = "{}"
    del strings["uuid-1"]

    first, second, third = read_bytes(made.java_map({**strings}), "pass").reading.entries

    assert first.reason == second.reason == "the secret is damaged or missing"
    assert first.issuer == "GitHub"
    assert third.key == KEYS[2]


def test_many_iterations_are_asked_for_first() -> None:
    strings = made.freeotp_backup(TOKENS, "pass")
    strings["masterKey"] = strings["masterKey"].replace("100000", "100000000")
    person = Person("pass")

    with pytest.raises(CancelledError):
        read_entries(source_of("file", made.java_map({**strings})), person)
    assert person.asked_for_passphrase == 0


@pytest.mark.parametrize(
    "master",
    ["", "{}", '{"mAlgorithm": "MD5"}', '{"mAlgorithm": "PBKDF2withHmacSHA1", "mIterations": "x"}'],
)
def test_a_master_key_that_makes_no_sense_ends_in_words(master: str) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(made.java_map({"masterKey": master}), "pass")


@pytest.mark.parametrize("old_android", [False, True])
@given(st.dictionaries(st.text(), st.text() | st.booleans()))
def test_java_maps_come_back(old_android: bool, strings: dict[str, str | bool]) -> None:  # noqa: FBT001 - a case
    data = made.java_map(strings, old_android=old_android)

    assert read_map(data) == {
        name: "" if isinstance(text, bool) else text for name, text in strings.items()
    }


def test_long_strings_in_java_maps_come_back() -> None:
    assert read_map(made.java_map({"a": "x" * 2**17}))["a"] == "x" * 2**17


@pytest.mark.parametrize(
    "data",
    [
        b"\xac\xed\x00\x05sr\x00\x13java.util.ArrayList",
        b"\xac\xed\x00\x05t\x00\x01a",
        made.java_map({"a": "b"}).replace(b"t\x00\x01b", b"q\x00\x7e\x00\x00"),
        made.java_map({"a": "b"}).replace(
            b"\x00\x00\x00\x10\x00\x00\x00\x01", b"\x00\x00\x00\x10\xff\xff\xff\xff"
        ),
        made.java_map({"a": "b"}).replace(b"t\x00\x01b", b"t\x00\x01\xff"),
        made.java_map({"no": "master key"}),
    ],
)
def test_other_java_objects_end_in_words(data: bytes) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(data, "pass")


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><!DOCTYPE map [<!ENTITY a "b">]><map>tokenOrder&a;</map>',
        b'<?xml version="1.0"?><map><string name="tokenOrder">[]</string></map>',
        b"<map>tokenOrder" + b"<a>" * 500,
        b'<?xml version="1.0" encoding="x"?><map>tokenOrder</map>',
    ],
)
def test_hostile_preferences_end_in_words(data: bytes) -> None:
    with pytest.raises(ForeignFileError):
        read_bytes(data)


def test_files_cut_anywhere_end_in_words() -> None:
    for name, data in (("freeotp-plus", plus(*TOKENS)), ("freeotp", tokens_xml())):
        for piece in cut_short(data):
            ends_well(piece, name=name)
    for piece in cut_short(BACKUP, 300):
        assert not ends_well(piece, "pässword", "freeotp")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_files_changed_at_random_end_in_words(data: st.DataObject) -> None:
    ends_well(data.draw(changed(plus(*TOKENS))), name="freeotp-plus")
    ends_well(data.draw(changed(tokens_xml())), name="freeotp")
    ends_well(data.draw(changed(BACKUP)), "pässword", "freeotp")


def test_a_file_of_more_elements_than_any_app_writes_ends_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(safe_xml, "MAX_ELEMENTS", 1000)

    with pytest.raises(ForeignFileError, match="longer than any app"):
        read_bytes(b"<map>tokenOrder" + b"<a/>" * 1001 + b"</map>")


def test_the_names_that_a_person_gave_are_kept_and_steam_stays_steam() -> None:
    token = made.freeotp_token(issuerExt="Steam", digits=5, issuerAlt="Games", labelAlt="mine")
    (entry,) = read_bytes(plus(token)).reading.entries
    assert entry.key
    assert (entry.key.kind, entry.issuer, entry.name) == (Kind.STEAM, "Games", "mine")

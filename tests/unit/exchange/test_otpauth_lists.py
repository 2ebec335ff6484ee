"""Lists of URIs, one a line."""

from __future__ import annotations

import json

import pytest

from foreign import read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, migration, migration_key
from watchword_otp import Kind

URI = f"otpauth://totp/GitHub:alice?secret={SECRET}&issuer=GitHub"


def test_uris_of_all_kinds_may_be_mixed_with_comments() -> None:
    lines = ["# mine", "", f"  {URI}  ", f"steam://{SECRET}", "#", migration(migration_key(name="bob"))]
    entries = read_bytes("\r\n".join(lines).encode()).reading.entries
    assert [(entry.where, entry.issuer, entry.name) for entry in entries] == [
        ("line 3", "GitHub", "alice"),
        ("line 4", "Steam", ""),
        ("line 6", "", "bob"),
    ]


def test_a_line_that_cannot_be_read_is_named_and_not_shown() -> None:
    text = f"{URI}\notpauth://totp/x?secret=01-HIDDEN\nnonsense HIDDEN\n{URI}"
    reading = read_bytes(text.encode()).reading
    assert [entry.key is not None for entry in reading.entries] == [True, False, False, True]
    assert [entry.where for entry in reading.entries] == ["line 1", "line 2", "line 3", "line 4"]
    assert "HIDDEN" not in repr(reading)
    assert SECRET not in repr(reading)


def test_mobile_otp_is_kept_for_apps_that_make_its_codes() -> None:
    (entry,) = read_bytes(b"motp://Work:alice?secret=AAbbcc0123456789").reading.entries
    assert entry.key is None
    assert entry.foreign is not None
    assert (entry.issuer, entry.name) == ("Work", "alice")
    assert (entry.foreign.kind, entry.foreign.period, entry.foreign.digits) == ("motp", 10, 6)
    assert entry.foreign.secret.reveal().hex() == "aabbcc0123456789"
    assert "mOTP" in entry.reason


@pytest.mark.parametrize("pin", ["7586", "G42TQNQ"])
def test_yandex_keys_are_kept_with_their_pin(pin: str) -> None:
    uri = f"otpauth://yaotp/alice?secret={SECRET}&pin={pin}"
    (entry,) = read_bytes(uri.encode()).reading.entries
    assert entry.foreign is not None
    assert (entry.issuer, entry.name) == ("Yandex", "alice")
    assert (entry.foreign.kind, entry.foreign.digits, entry.foreign.pin) == ("yandex", 8, "7586")
    assert entry.foreign.secret.reveal() == SECRET_BYTES
    assert "7586" not in repr(entry)


@pytest.mark.parametrize("uri", ["motp://Work:alice?secret=xyz", "otpauth://yaotp/alice?secret=0"])
def test_foreign_uris_without_a_secret_are_rows_with_a_reason(uri: str) -> None:
    (entry,) = read_bytes(uri.encode()).reading.entries
    assert entry.key is None
    assert entry.foreign is None
    assert "secret" in entry.reason


def test_steam_is_told_by_its_host() -> None:
    (entry,) = read_bytes(f"otpauth://steam/Steam:alice?secret={SECRET}".encode()).reading.entries
    assert entry.key is not None
    assert entry.key.kind is Kind.STEAM


@pytest.mark.parametrize(
    "content",
    [
        [URI],
        {"version": 1, "items": [URI]},
        [{"name": "alice", "secret": "x", "url": URI}],
        {"accounts": [{"label": "alice", "uri": URI}], "other": [1, None]},
        {"records": [{"title": "x", "custom_fields": {"$oneTimeCode": [URI]}}]},
    ],
    ids=["list", "named-list", "objects", "named-objects", "nested"],
)
def test_uris_in_json_are_found_wherever_they_stand(content: object) -> None:
    found = read_bytes(json.dumps(content).encode())
    assert found.format.name == "otpauth"
    assert [entry.issuer for entry in found.reading.entries] == ["GitHub"]


def test_what_stands_around_a_uri_in_json_fills_in_for_its_label() -> None:
    bare = f"otpauth://totp/?secret={SECRET}"
    records = [{"title": "GitHub", "login": "alice", "notes": "mine", "codes": {"uri": bare}}]
    (entry,) = read_bytes(json.dumps({"name": "export", "records": records}).encode()).reading.entries
    assert (entry.issuer, entry.name, entry.note) == ("GitHub", "alice", "mine")


def test_parts_of_googles_exports_in_json_are_put_together() -> None:
    parts = [migration(migration_key(name=name), index=place, size=2) for place, name in enumerate("ab")]
    reading = read_bytes(json.dumps({"qr": parts}).encode()).reading
    assert [entry.name for entry in reading.entries] == ["a", "b"]
    assert [batch.index for batch in reading.batches] == [0, 1]


def test_an_account_whose_key_cannot_be_used_is_named() -> None:
    lines = "otpauth://totp/GitHub:alice?secret=1\notpauth://totp/secret=HIDDEN?issuer=x\n"
    named, mangled = read_bytes(lines.encode()).reading.entries
    assert (named.issuer, named.name, bool(named.reason)) == ("GitHub", "alice", True)
    assert "HIDDEN" not in repr(mangled)

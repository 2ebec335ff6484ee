"""Bitwarden exports: JSON, CSV, under a password, restricted, and of its Authenticator app."""

from __future__ import annotations

from typing import Any

import pytest

from foreign import Person, read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, as_json, bitwarden_sealed, bitwarden_string
from watchword_otp import Kind
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of

URI = f"otpauth://totp/GitHub%3Aalice?secret={SECRET}&issuer=GitHub&digits=8"


def _item(totp: str | None = URI, **fields: object) -> dict[str, Any]:
    login = {"username": "alice@example.com", "password": "hunter2", "totp": totp, "uris": None}
    item: dict[str, Any] = {"id": "i", "type": 1, "name": "My GitHub", "notes": None, "login": login}
    return item | {"folderId": None, "favorite": False, "collectionIds": None} | fields


def _export(*items: object, **fields: object) -> dict[str, Any]:
    return {"encrypted": False, "folders": [], "items": list(items)} | fields


def _csv(*rows: str) -> bytes:
    login = "login_uri,login_username,login_password,login_totp"
    head = f"folder,favorite,type,name,notes,fields,reprompt,{login}"
    return "\n".join((head, *rows)).encode()


def test_everything_an_item_holds_is_read() -> None:
    item = _item(folderId="f", favorite=True, notes="first\nsecond", collectionIds=["c"])
    folders = [{"id": "f", "name": "Work"}]
    collections = [{"id": "c", "name": "Team"}]
    found = read_bytes(as_json(_export(item, folders=folders, collections=collections)))
    assert found.format.name == "bitwarden"
    (entry,) = found.reading.entries
    assert entry.key is not None
    assert (entry.issuer, entry.name, entry.note) == ("GitHub", "alice", "first\nsecond")
    assert (entry.favourite, entry.groups) == (True, ("Work", "Team"))
    assert (entry.key.digits, entry.key.secret.reveal()) == (8, SECRET_BYTES)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("totp", "title", "labels"),
    [
        (SECRET, "GitHub", ("GitHub", "alice@example.com")),
        ("jbsw y3dp-EHPK 3pxp", "GitHub", ("GitHub", "alice@example.com")),
        (f"otpauth://totp/alice?secret={SECRET}", "GitHub", ("GitHub", "alice")),
        (f"otpauth://totp/?secret={SECRET}", "GitHub", ("GitHub", "alice@example.com")),
        (f"otpauth://totp?secret={SECRET}", "Git: Hub", ("Git: Hub", "alice@example.com")),
        (f"otpauth://totp/:?secret={SECRET}&issuer=Other", "GitHub", ("Other", "alice@example.com")),
        (f"steam://{SECRET}", "Steam", ("Steam", "alice@example.com")),
        (f"steam://{SECRET}", "Games", ("Steam", "alice@example.com")),
    ],
)
def test_a_login_says_what_its_uri_does_not(totp: str, title: str, labels: tuple[str, str]) -> None:
    (entry,) = read_bytes(as_json(_export(_item(totp, name=title)))).reading.entries
    assert entry.key is not None, entry.reason
    assert (entry.issuer, entry.name) == labels


def test_steam_without_a_user_has_the_title_as_its_name() -> None:
    item = _item(f"steam://{SECRET}", name="Games")
    item["login"]["username"] = None
    (entry,) = read_bytes(as_json(_export(item))).reading.entries
    assert entry.key is not None
    assert (entry.key.kind, entry.issuer, entry.name) == (Kind.STEAM, "Steam", "Games")


def test_items_without_a_one_time_password_are_passed_over() -> None:
    items = [_item(None), _item(""), {"type": 2, "name": "note"}, None, _item()]
    reading = read_bytes(as_json(_export(*items))).reading
    assert [entry.where for entry in reading.entries] == ["item 5"]
    reading = read_bytes(as_json(_export(*items[:4]))).reading
    assert reading.problems == ("none of the 4 items has a one-time password",)


def test_what_is_in_the_trash_stays_there_and_is_counted() -> None:
    reading = read_bytes(as_json(_export(_item(deletedDate="2024-01-01"), _item()))).reading
    assert len(reading.entries) == 1
    assert reading.problems == ("1 in the trash left out",)


def test_the_authenticator_app_writes_less() -> None:
    item = {"id": "i", "type": 1, "name": "GitHub", "favorite": True, "login": {"totp": URI}}
    (entry,) = read_bytes(as_json({"encrypted": False, "items": [item]})).reading.entries
    assert entry.key is not None
    assert entry.favourite


@pytest.mark.parametrize("argon2", [False, True])
def test_an_export_under_a_password_opens_with_it(argon2: bool) -> None:  # noqa: FBT001 - a case
    sealed = as_json(bitwarden_sealed(_export(_item()), "pass wörd", argon2=argon2))
    assert read_bytes(sealed, "pass wörd").reading.entries[0].key is not None
    with pytest.raises(WrongPassphraseError):
        read_bytes(sealed, "wrong")


def test_damage_is_told_from_a_wrong_password() -> None:
    sealed = bitwarden_sealed(_export(_item()), "password")
    sealed["data"] = bitwarden_string(bytes(32), b"{}")
    with pytest.raises(ForeignFileError, match="damaged"):
        read_bytes(as_json(sealed), "password")


def test_an_export_for_one_account_only_explains_itself() -> None:
    restricted = {
        "encrypted": True,
        "encKeyValidation_DO_NOT_EDIT": "2.a|b|c",
        "items": [],
        "folders": [],
    }
    with pytest.raises(ForeignFileError, match="account") as caught:
        read_bytes(as_json(restricted))
    assert "Password protected" in caught.value.remedy


@pytest.mark.parametrize(
    "costs",
    [
        {"kdfIterations": 2_000_000_000},
        {"kdfType": 1, "kdfIterations": 3, "kdfMemory": 1024, "kdfParallelism": 4},
        {"kdfType": 1, "kdfIterations": 3, "kdfMemory": 2**40, "kdfParallelism": 4},
        {"kdfType": 1, "kdfIterations": 2**40, "kdfMemory": 16, "kdfParallelism": 4},
    ],
)
def test_a_costly_derivation_is_asked_about_or_refused_first(costs: dict[str, int]) -> None:
    sealed = bitwarden_sealed(_export(_item()), "password") | costs
    person = Person("password")
    with pytest.raises((CancelledError, ForeignFileError)):
        read_entries(source_of("x", as_json(sealed)), person)
    assert person.asked_for_passphrase == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"kdfType": 7},
        {"kdfIterations": 0},
        {"kdfIterations": -1},
        {"kdfIterations": "x"},
        {"kdfType": 1},
        {"kdfType": 1, "kdfIterations": 1, "kdfMemory": 1, "kdfParallelism": 2**30},
        {"kdfType": 1, "kdfIterations": 1, "kdfMemory": -1, "kdfParallelism": 1},
        {"data": None},
        {"data": "2.a"},
        {"data": "9.AAAA|AAAA|AAAA"},
        {"encKeyValidation_DO_NOT_EDIT": "2.||"},
    ],
)
def test_parameters_that_make_no_sense_fail_in_words(fields: dict[str, object]) -> None:
    sealed = bitwarden_sealed(_export(_item()), "password") | fields
    with pytest.raises((ForeignFileError, WrongPassphraseError)):
        read_bytes(as_json(sealed), "password", allows=True)


def test_csv_is_read_by_its_columns() -> None:
    rows = (
        f'Work,1,login,GitHub,"a ""note""\nwith, lines",,0,,alice,hunter2,{URI}',
        ",,note,Other,,,,,,,",
    )
    found = read_bytes(_csv(*rows))
    assert found.format.name == "bitwarden"
    (entry,) = found.reading.entries
    assert entry.key is not None
    assert (entry.issuer, entry.name, entry.where) == ("GitHub", "alice", "row 1")
    assert (entry.note, entry.groups, entry.favourite) == ('a "note"\nwith, lines', ("Work",), True)


def test_csv_of_an_organisation_and_of_the_authenticator_app() -> None:
    organisation = f"collections,type,name,login_username,login_totp\nTeam,login,GitHub,alice,{SECRET}\n"
    (entry,) = read_bytes(organisation.encode()).reading.entries
    assert (entry.issuer, entry.name, entry.groups) == ("GitHub", "alice", ("Team",))
    app = f"folder,favorite,type,name,login_uri,login_totp\r\n,1,1,GitHub,,{URI}\r\n"
    (entry,) = read_bytes(app.encode()).reading.entries
    assert entry.key is not None
    assert entry.favourite


def test_csv_with_short_and_long_rows_is_read() -> None:
    reading = read_bytes(_csv("a", f",,login,GitHub,,,,,alice,,{URI},more,columns", "")).reading
    assert [entry.where for entry in reading.entries] == ["row 2"]
    reading = read_bytes(_csv("a,b")).reading
    assert reading.problems == ("none of the 1 rows has a one-time password",)


def test_csv_with_a_field_longer_than_any_is_damage() -> None:
    with pytest.raises(ForeignFileError, match="CSV is damaged"):
        read_bytes(_csv(f'a,"{"x" * 200_000}"'))


def test_csv_with_more_columns_than_any_is_damage() -> None:
    with pytest.raises(ForeignFileError, match="CSV is damaged"):
        read_bytes(_csv("," * 5_100_000))

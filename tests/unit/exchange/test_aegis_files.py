"""Aegis vaults of all versions, plain and encrypted, written by an encoder of the tests' own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from foreign import Person, read_bytes
from foreign_encoders import SECRET, SECRET_BYTES, aegis_plain, aegis_sealed, as_json
from watchword_otp import Algorithm, Kind
from watchword_tui.errors import CancelledError, ForeignFileError, WrongPassphraseError
from watchword_tui.exchange.reading import read_entries, source_of

PASSPHRASE = "correct horse, ünïcode"


def _entry(**fields: object) -> dict[str, Any]:
    info = {"secret": SECRET, "algo": "SHA1", "digits": 6, "period": 30}
    entry = {"type": "totp", "uuid": "a", "name": "alice", "issuer": "GitHub", "note": "", "info": info}
    return entry | fields


def _info(**fields: object) -> dict[str, object]:
    return {"secret": SECRET, "algo": "SHA1", "digits": 6, "period": 30} | fields


def test_everything_an_entry_holds_is_read() -> None:
    entry = _entry(
        note="line one\nline two",
        favorite=True,
        groups=["g2", "g1", "gone"],
        info=_info(algo="SHA256", digits=8, period=60),
    )
    groups = [{"uuid": "g1", "name": "Work"}, {"uuid": "g2", "name": "Home"}]
    found = read_bytes(aegis_plain([entry], groups))
    assert found.format.name == "aegis"
    (read,) = found.reading.entries
    assert read.key is not None
    assert (read.issuer, read.name, read.note) == ("GitHub", "alice", "line one\nline two")
    assert (read.favourite, read.groups) == (True, ("Home", "Work"))
    assert (read.key.algorithm, read.key.digits, read.key.period) == (Algorithm.SHA256, 8, 60)
    assert read.key.secret.reveal() == SECRET_BYTES


def test_a_group_of_version_2_is_a_name() -> None:
    (read,) = read_bytes(aegis_plain([_entry(group="Work")])).reading.entries
    assert read.groups == ("Work",)


def test_kinds() -> None:
    entries = [
        _entry(type="hotp", info={"secret": SECRET, "algo": "SHA1", "digits": 6, "counter": 7}),
        _entry(type="steam", info=_info(digits=5)),
        _entry(type="motp", info=_info(algo="MD5", period=10, pin="1234")),
        _entry(type="yandex", info=_info(algo="SHA256", digits=8, pin="7586")),
    ]
    hotp, steam, motp, yandex = read_bytes(aegis_plain(entries)).reading.entries
    assert hotp.key is not None
    assert (hotp.key.kind, hotp.key.counter) == (Kind.HOTP, 7)
    assert steam.key is not None
    assert steam.key.kind is Kind.STEAM
    assert motp.foreign is not None
    assert (motp.foreign.kind, motp.foreign.algorithm, motp.foreign.pin) == ("motp", "MD5", "1234")
    assert yandex.foreign is not None
    assert (yandex.foreign.kind, yandex.foreign.pin) == ("yandex", "7586")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (_entry(info=_info(secret="0")), "base32"),
        (_entry(info=_info(algo="MD5")), "algorithm"),
        (_entry(info=_info(digits=0)), "digits"),
        (_entry(info=_info(digits="six")), "digits"),
        (_entry(info=_info(period=0)), "period"),
        (_entry(type="new"), "type"),
        (_entry(info=None), "secret is empty"),
    ],
)
def test_a_row_that_cannot_be_used_keeps_its_labels_and_says_why(
    entry: dict[str, Any], reason: str
) -> None:
    bad, good = read_bytes(aegis_plain([entry, _entry()])).reading.entries
    assert (bad.key, bad.issuer, bad.name, bad.where) == (None, "GitHub", "alice", "entry 1")
    assert reason in bad.reason
    assert good.key is not None


@pytest.mark.parametrize("row", [None, 1, "text", [], {}])
def test_a_row_that_is_no_object_leaves_the_others(row: object) -> None:
    bad, good = read_bytes(aegis_plain([row, _entry()])).reading.entries  # type: ignore[list-item]
    assert bad.key is None
    assert good.key is not None


def test_an_encrypted_vault_opens_with_its_passphrase() -> None:
    person = Person(PASSPHRASE)
    found = read_entries(source_of("x", aegis_sealed([_entry()], PASSPHRASE)), person)
    assert found.reading.entries[0].key is not None
    assert person.asked_for_passphrase == 1
    assert person.asked_about == []


def test_any_of_several_passphrases_opens_it() -> None:
    sealed = aegis_sealed([_entry()], "one", "two")
    for passphrase in ("one", "two"):
        assert read_bytes(sealed, passphrase).reading.entries[0].key is not None


def test_a_wrong_passphrase_is_told_from_a_damaged_file() -> None:
    vault = json.loads(aegis_sealed([_entry()], PASSPHRASE))
    with pytest.raises(WrongPassphraseError):
        read_bytes(as_json(vault), "wrong")
    vault["header"]["params"]["tag"] = "00" * 16
    with pytest.raises(ForeignFileError, match="damaged"):
        read_bytes(as_json(vault), PASSPHRASE)


def test_a_vault_that_only_a_phone_opens_says_so() -> None:
    vault = json.loads(aegis_sealed([_entry()], PASSPHRASE))
    vault["header"]["slots"][0]["type"] = 2
    with pytest.raises(ForeignFileError, match="no passphrase"):
        read_bytes(as_json(vault), PASSPHRASE)


def test_a_later_version_says_so() -> None:
    vault = json.loads(aegis_plain([_entry()])) | {"version": 2}
    with pytest.raises(ForeignFileError, match="version 2"):
        read_bytes(as_json(vault))


@pytest.mark.parametrize("n", [2**21, 2**40, 3, 0, -1])
def test_a_costly_slot_is_asked_about_or_refused_before_any_passphrase(n: int) -> None:
    vault = json.loads(aegis_sealed([_entry()], PASSPHRASE))
    vault["header"]["slots"][0]["n"] = n
    person = Person(PASSPHRASE)
    with pytest.raises((CancelledError, ForeignFileError)):
        read_entries(source_of("x", as_json(vault)), person)
    assert person.asked_for_passphrase == 0 or n < 2**20


def test_thousands_of_cheap_slots_are_costly() -> None:
    vault = json.loads(aegis_sealed([_entry()], PASSPHRASE))
    vault["header"]["slots"] = [vault["header"]["slots"][0] | {"n": 2}] * 10_000
    person = Person("wrong")
    with pytest.raises(CancelledError):
        read_entries(source_of("x", as_json(vault)), person)
    assert person.asked_for_passphrase == 0


def test_a_slot_of_negative_cost_does_not_make_up_for_a_costly_one() -> None:
    vault = json.loads(aegis_sealed([_entry()], PASSPHRASE))
    (slot,) = vault["header"]["slots"]
    vault["header"]["slots"] = [slot | {"n": 2**10, "p": 2**20}, slot | {"n": -(2**40)}]
    person = Person("wrong", allows=True)
    with pytest.raises(ForeignFileError, match="impossible"):
        read_entries(source_of("x", as_json(vault)), person)
    assert person.asked_for_passphrase == 0

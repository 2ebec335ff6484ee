"""Rows that cannot be understood: kept byte for byte, named with their reason, mended by the form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from unit.vault.aegis import content_of, entry, opened, put, vault_with
from watchword_otp import Key, Secret
from watchword_tui.accounts import Account
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
GOOD = Account(Key(secret=Secret(b"a good secret at last"), issuer="Mended", name="alice"), "form")


def without(name: str) -> dict[str, Any]:
    found = entry()
    del found[name]
    return found


DEFECTS: dict[str, tuple[Any, str]] = {
    "no info": (without("info"), 'the field "info" is missing'),
    "no type": (without("type"), 'the field "type" is missing'),
    "no secret": (
        {**entry(), "info": {"digits": 6, "period": 30}},
        'the field "secret" is missing',
    ),
    "info is a list": (
        {**entry(), "info": [SECRET]},
        'the field "info" should be a group of fields, not a list',
    ),
    "info is null": (
        {**entry(), "info": None},
        'the field "info" should be a group of fields, not empty',
    ),
    "secret is a number": (
        entry(info={"secret": 5}),
        'the field "secret" should be text, not a whole number',
    ),
    "secret is null": (
        entry(info={"secret": None}),
        'the field "secret" should be text, not empty',
    ),
    "digits are words": (
        entry(info={"digits": "six"}),
        'the field "digits" should be a whole number, not text',
    ),
    "digits with a fraction": (
        entry(info={"digits": 6.5}),
        'the field "digits" should be a whole number, not a number with a fraction',
    ),
    "digits are true": (
        entry(info={"digits": True}),
        'the field "digits" should be a whole number, not true or false',
    ),
    "digits are immense": (
        entry(info={"digits": 10**4000}),
        'the field "digits" is not a value that can be read',
    ),
    "99 digits": (entry(info={"digits": 99}), "digits must be 4 to 10, not 99"),
    "0 s": (entry(info={"period": 0}), "the period must be 1 to 86400 seconds, not 0"),
    "counter below 0": (
        entry(type="hotp", info={"counter": -1}),
        "the counter must be 0 to 9223372036854775807, not -1",
    ),
    "no such type": (entry(type="rsa"), "the type must be totp, hotp or steam"),
    "type is null": (entry(type=None), 'the field "type" should be text, not empty'),
    "MD5": (entry(info={"algo": "MD5"}), "the algorithm must be SHA1, SHA256 or SHA512"),
    "algorithm is null": (
        entry(info={"algo": None}),
        'the field "algo" should be text, not empty',
    ),
    "mOTP": (
        entry(type="motp", info={"pin": "1234", "algo": "MD5", "period": 10}),
        "mOTP codes are not made here; the key is kept for apps that do",
    ),
    "not base32": (
        entry(info={"secret": "1889" + SECRET}),
        "the secret is not base32: only the letters A to Z and the digits 2 to 7",
    ),
    "cut short": (
        entry(info={"secret": SECRET[:-5]}),
        "the secret is cut short: base32 cannot have this length",
    ),
    "no secret at all": (entry(info={"secret": ""}), "the secret is empty"),
    "huge secret": (entry(info={"secret": "A" * 8000}), "a secret has at most 1024 bytes, not 5000"),
    "uuid is a number": (
        entry(uuid=7),
        'the field "uuid" should be text, not a whole number',
    ),
    "name is a list": (entry(name=["x"]), 'the field "name" should be text, not a list'),
    "groups are text": (entry(groups="Work"), 'the field "groups" should be a list, not text'),
    "a group is null": (entry(groups=[None]), 'the field "groups" should be text, not empty'),
    "favourite is a list": (
        entry(favorite=[]),
        'the field "favorite" should be true or false, not a list',
    ),
    "text": ("otpauth://totp/x?secret=" + SECRET, "the entry should be a group of fields, not text"),
    "a number": (5, "the entry should be a group of fields, not a whole number"),
    "a list": ([SECRET], "the entry should be a group of fields, not a list"),
    "null": (None, "the entry should be a group of fields, not empty"),
}


@pytest.mark.parametrize("defect", DEFECTS)
class TestDefects:
    def test_it_is_kept_and_named_and_harms_nothing(self, defect: str, tmp_path: Path) -> None:
        bad, reason = DEFECTS[defect]
        good = entry()
        vault = vault_with(tmp_path / "vault.json", good, bad)
        (row,) = vault.document.quarantined
        assert row.reason == reason
        assert SECRET not in f"{row.reason} {row.title} {row!r}"
        assert len(vault.document.accounts) == 1
        vault.commit(vault.document.with_added([GOOD]))
        assert vault.document.rows[1].raw == row.raw
        assert opened(vault.store.path.read_bytes())["entries"][:2] == [good, bad]

    def test_the_form_mends_it_and_what_we_do_not_know_stays(self, defect: str, tmp_path: Path) -> None:
        bad, _ = DEFECTS[defect]
        if isinstance(bad, dict):
            bad = {**bad, "icon": "/9j/", "nobody": {"knows": 1}}
        vault = vault_with(tmp_path / "vault.json", bad, entry())
        (row,) = vault.document.quarantined
        vault.commit(vault.document.with_changed([replace(GOOD, id=row.id)]))
        assert vault.document.quarantined == ()
        mended = vault.document.accounts[0]
        assert (mended.key, mended.id) == (GOOD.key, row.id)
        found = opened(vault.store.path.read_bytes())["entries"][0]
        if isinstance(bad, dict):
            assert (found["icon"], found["nobody"]) == ("/9j/", {"knows": 1})
            if isinstance(bad["uuid"], str):
                assert found["uuid"] == bad["uuid"]


def test_a_uuid_that_two_have_quarantines_the_second(tmp_path: Path) -> None:
    first, second = entry(issuer="First"), entry(issuer="Second")
    second["uuid"] = first["uuid"]
    vault = vault_with(tmp_path / "vault.json", first, second, second)
    assert [one.issuer for one in vault.document.accounts] == ["First"]
    assert {row.reason for row in vault.document.quarantined} == {"another account has the same UUID"}
    ids = [row.id for row in vault.document.rows]
    assert len(set(ids)) == 3
    vault.reload()
    assert [row.id for row in vault.document.rows] == ids
    vault.commit(vault.document.with_changed([replace(GOOD, id=ids[1])]))
    assert [one.issuer for one in vault.document.accounts] == ["First", "Mended"]
    assert len({one["uuid"] for one in opened(vault.store.path.read_bytes())["entries"]}) == 2


def test_once_the_first_is_gone_the_second_can_be_used(tmp_path: Path) -> None:
    first, second = entry(issuer="First"), entry(issuer="Second")
    second["uuid"] = first["uuid"]
    vault = vault_with(tmp_path / "vault.json", first, second)
    vault.commit(vault.document.without([first["uuid"]]))
    assert [one.issuer for one in vault.document.accounts] == ["Second"]


def test_rows_without_a_uuid_have_the_same_on_each_reading_and_get_it_when_changed(
    tmp_path: Path,
) -> None:
    bare = {name: value for name, value in entry().items() if name != "uuid"}
    vault = vault_with(tmp_path / "vault.json", bare, bare, {**bare, "uuid": ""}, {**bare, "uuid": None})
    ids = [row.id for row in vault.document.rows]
    assert len(set(ids)) == 4
    vault.reload()
    assert [row.id for row in vault.document.rows] == ids
    usable = vault.document.accounts
    vault.commit(vault.document.with_changed([replace(usable[-1], note="changed")]))
    written = opened(vault.store.path.read_bytes())["entries"]
    assert [one.get("uuid") for one in written] == [None, None, "", usable[-1].id]


def test_a_quarantined_row_is_called_by_its_labels(tmp_path: Path) -> None:
    labelled = entry(type="x", issuer="Exa\x1b[31mmple\u202e", name=" alice ")
    vault = vault_with(tmp_path / "vault.json", labelled, {"issuer": 5}, None)
    titles = [row.title for row in vault.document.quarantined]
    assert titles == ["Exa[31mmple alice", "an account without a name", "an account without a name"]


@pytest.mark.parametrize("value", [b"1e999", b"9" * 5000, b'"\xff"'], ids=["vast", "long", "bytes"])
def test_a_value_that_nobody_can_read_is_kept_too(value: bytes, tmp_path: Path) -> None:
    raw = b'{"type":"totp","issuer":"Example","nobody":' + value + b',"info":5}'
    plain = json.dumps(content_of("HERE")).encode().replace(b'"HERE"', raw)
    file = b'{"version":1,"header":{"slots":null,"params":null},"db":' + plain + b"}"

    vault = read_vault(put(tmp_path / "vault.json", file)).open_plain()
    (row,) = vault.document.quarantined
    assert (row.raw, row.title) == (raw, "Example")
    vault.commit(vault.document.with_changed([replace(GOOD, id=row.id)]))
    assert b'"nobody":' + value in vault.store.path.read_bytes()

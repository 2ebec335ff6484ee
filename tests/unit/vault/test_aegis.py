"""The vault is an Aegis vault: its procedure opens ours, and its files lose nothing in ours."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from unit.vault.aegis import (
    PASSPHRASE,
    Wrap,
    content_of,
    entry,
    opened,
    other_slot,
    put,
    sealed,
    slot_of,
    vault_with,
)
from watchword_otp import Algorithm, Key, Kind, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import VaultError, WrongPassphraseError
from watchword_tui.vault.slots import SlotType
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from pathlib import Path

    from watchword_tui.vault.vault import Vault

SECRET = Secret(b"12345678901234567890")


def account(**fields: Any) -> Account:
    return Account(Key(secret=SECRET, issuer="Example", name="alice"), "test", **fields)


def raw_lines(vault: Vault) -> list[bytes]:
    return [row.raw for row in vault.document.rows]


class TestOurFile:
    def test_aegis_own_procedure_opens_it(self, tmp_path: Path) -> None:
        vault = create_vault(VaultStore(tmp_path / "vault.json"), PASSPHRASE)
        keys = [
            Key(secret=SECRET, issuer="Example", name="alice"),
            Key(secret=SECRET, kind=Kind.HOTP, counter=7, digits=8, algorithm=Algorithm.SHA512),
            Key(secret=SECRET, kind=Kind.STEAM, digits=5, issuer="Steam"),
        ]
        accounts = [Account(key, "test", groups=("Work",), note="two\nlines") for key in keys]
        vault.commit(vault.document.with_added(accounts))
        vault.add_passphrase("another passphrase", name="of the safe")
        found = opened((tmp_path / "vault.json").read_bytes())
        assert found == opened((tmp_path / "vault.json").read_bytes(), "another passphrase")
        assert found["version"] == 3
        (group,) = found["groups"]
        assert group["name"] == "Work"
        assert [one["type"] for one in found["entries"]] == ["totp", "hotp", "steam"]
        assert [set(one) for one in found["entries"]] == [
            {"type", "uuid", "name", "issuer", "note", "icon", "favorite", "groups", "info"}
        ] * 3
        assert all(one["groups"] == [group["uuid"]] for one in found["entries"])
        assert [one["info"] for one in found["entries"]] == [
            {"secret": SECRET.base32(), "algo": "SHA1", "digits": 6, "period": 30},
            {"secret": SECRET.base32(), "algo": "SHA512", "digits": 8, "counter": 7},
            {"secret": SECRET.base32(), "algo": "SHA1", "digits": 5, "period": 30},
        ]

    def test_it_has_the_shape_that_aegis_documents(self, tmp_path: Path) -> None:
        create_vault(VaultStore(tmp_path / "vault.json"), PASSPHRASE)
        file = json.loads((tmp_path / "vault.json").read_bytes())
        assert list(file) == ["version", "header", "db"]
        assert (file["version"], type(file["db"])) == (1, str)
        base64.b64decode(file["db"], validate=True)
        (slot,) = file["header"]["slots"]
        hexes = {
            "key": (slot["key"], 32),
            "slot nonce": (slot["key_params"]["nonce"], 12),
            "slot tag": (slot["key_params"]["tag"], 16),
            "salt": (slot["salt"], 32),
            "nonce": (file["header"]["params"]["nonce"], 12),
            "tag": (file["header"]["params"]["tag"], 16),
        }
        for name, (value, size) in hexes.items():
            assert re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value), name
        numbers = [slot[name] for name in ("type", "n", "r", "p", "repaired", "is_backup")]
        assert numbers == [1, 2**15, 8, 3, True, False]

    def test_a_plain_one_has_no_slots(self, tmp_path: Path) -> None:
        vault = create_vault(VaultStore(tmp_path / "vault.json"), None)
        vault.commit(vault.document.with_added([account()]))
        file = json.loads((tmp_path / "vault.json").read_bytes())
        assert file["header"] == {"slots": None, "params": None}
        assert file["db"]["entries"][0]["info"]["secret"] == SECRET.base32()

    def test_new_slots_cost_what_owasp_asks_for(self, tmp_path: Path) -> None:
        create_vault(VaultStore(tmp_path / "vault.json"), PASSPHRASE)
        (slot,) = read_vault(VaultStore(tmp_path / "vault.json")).envelope.slots
        owasp = {(2**17, 8, 1), (2**16, 8, 2), (2**15, 8, 3), (2**14, 8, 5), (2**13, 8, 10)}
        assert (slot.n, slot.r, slot.p) in owasp


class TestAegisFile:
    def test_every_version_of_the_content_opens(self, tmp_path: Path) -> None:
        work = {"uuid": "11111111-2222-4333-8444-555555555555", "name": "Work"}
        old = {name: value for name, value in entry(group="Work").items() if name != "groups"}
        contents = {
            1: {"version": 1, "entries": [old]},
            2: {"version": 2, "entries": [old]},
            3: {"version": 3, "entries": [entry(groups=[work["uuid"]])], "groups": [work]},
        }
        for version, content in contents.items():
            store = put(tmp_path / f"{version}.json", sealed(content))
            vault = read_vault(store).open_with_passphrase(PASSPHRASE)
            assert [one.groups for one in vault.document.accounts] == [("Work",)]
            vault.commit(vault.document.with_added([account(groups=("Work",))]))
            found = opened(store.path.read_bytes())
            assert found["version"] == 3
            assert [one["name"] for one in found["groups"]] == ["Work"]
            again = read_vault(store).open_with_passphrase(PASSPHRASE)
            assert [one.groups for one in again.document.accounts] == [("Work",), ("Work",)]

    def test_an_old_group_is_found_by_its_name_however_it_is_spelt(self, tmp_path: Path) -> None:
        table = [{"uuid": "11111111-2222-4333-8444-555555555555", "name": "Work"}]
        olds = [entry(group=name) for name in ("Work", " Work\u200b", "\u200b", "Home")]
        for one in olds:
            del one["groups"]
        newer = entry(group="Home", groups=[])
        vault = vault_with(tmp_path / "vault.json", *olds, newer, groups=table)
        groups = [one.groups for one in vault.document.accounts]
        assert groups == [("Work",), ("Work",), (), ("Home",), ()]
        assert [group.name for group in vault.document.groups] == ["Work", "Home"]

    def test_each_passphrase_opens_it_and_other_slots_are_carried_along(self, tmp_path: Path) -> None:
        wraps = [Wrap(b"the first one"), Wrap(b"the second one", repaired=None)]
        strange = {**other_slot(7), "of another app": {"a": 1}}
        file = sealed(content_of(entry()), wraps, [other_slot(2), strange])
        store = put(tmp_path / "vault.json", file)
        for passphrase in ("the first one", "the second one"):
            vault = read_vault(store).open_with_passphrase(passphrase)
            vault.commit(vault.document.with_added([account()]))
            assert len(opened(store.path.read_bytes(), passphrase)["entries"]) > 1
        assert json.loads(store.path.read_bytes())["header"]["slots"] == file["header"]["slots"]
        with pytest.raises(WrongPassphraseError):
            read_vault(store).open_with_passphrase("the third one")

    def test_a_slot_that_cannot_be_does_not_hide_the_one_that_is_whole(self, tmp_path: Path) -> None:
        file = sealed(content_of(entry()))
        bad = {**slot_of(bytes(32), Wrap()), "n": 3}
        file["header"]["slots"].insert(0, bad)
        store = put(tmp_path / "vault.json", file)
        assert read_vault(store).open_with_passphrase(PASSPHRASE).document.accounts
        with pytest.raises(VaultError, match="impossible"):
            read_vault(store).open_with_passphrase("wrong")

    def test_a_slot_of_the_oldest_vaults_has_no_uuid(self, tmp_path: Path) -> None:
        file = sealed(content_of(entry()), [Wrap(repaired=None)])
        del file["header"]["slots"][0]["uuid"]
        store = put(tmp_path / "vault.json", file)
        vault = read_vault(store).open_with_passphrase(PASSPHRASE)
        assert [one.in_use for one in vault.passphrases] == [True]
        vault.change_passphrase(vault.passphrases[0].id, "a new passphrase")
        assert read_vault(store).open_with_passphrase("a new passphrase").document.accounts


class TestEarlySlots:
    """Aegis up to 0.3.3 took the encoder's spare room for part of the passphrase (its issue 95)."""

    @pytest.mark.parametrize("length", [8, 32, 33, 58, 59, 64, 65, 300])
    @pytest.mark.parametrize("room", [2.0, 1.1], ids=["Android", "Java"])
    @pytest.mark.parametrize("letter", ["x", "é", "橡"])
    def test_a_slot_that_was_not_repaired_opens(
        self, length: int, room: float, letter: str, tmp_path: Path
    ) -> None:
        passphrase = letter * length
        size = int(length * room)
        while size < len(passphrase.encode()):
            size = 2 * size + 1
        wrap = Wrap(passphrase.encode().ljust(size, b"\0"), repaired=False)
        store = put(tmp_path / "vault.json", sealed(content_of(entry()), [wrap]))
        assert read_vault(store).open_with_passphrase(passphrase).document.accounts
        with pytest.raises(WrongPassphraseError):
            read_vault(store).open_with_passphrase(passphrase + "x")

    def test_a_repaired_slot_takes_the_passphrase_as_it_is(self, tmp_path: Path) -> None:
        wrap = Wrap(("x" * 70).encode().ljust(140, b"\0"), repaired=True)
        store = put(tmp_path / "vault.json", sealed(content_of(entry()), [wrap]))
        with pytest.raises(WrongPassphraseError):
            read_vault(store).open_with_passphrase("x" * 70)

    def test_its_passphrase_can_be_changed(self, tmp_path: Path) -> None:
        wrap = Wrap(("x" * 40).encode().ljust(80, b"\0"), repaired=False)
        store = put(tmp_path / "vault.json", sealed(content_of(entry()), [wrap]))
        vault = read_vault(store).open_with_passphrase("x" * 40)
        vault.change_passphrase(vault.passphrases[0].id, "y" * 40)
        assert opened(store.path.read_bytes(), "y" * 40)["entries"]


class TestWhatWeDoNotKnow:
    def test_it_survives_at_every_level(self, tmp_path: Path) -> None:
        odd = {"nobody": [1, None, {"knows": 1.5}], "big": 2**70}
        group = {"uuid": "11111111-2222-4333-8444-555555555555", "name": "Work", **odd}
        icon = {"icon": "/9j/4AAQ", "icon_mime": "image/jpeg", "icon_hash": "ab" * 32}
        kept = entry(groups=[group["uuid"]], **icon, **odd)
        edited = entry(issuer="To be edited", groups=[group["uuid"]], info=odd, **icon, **odd)
        content = content_of(kept, edited, groups=[group], icons_optimized=True, **odd)
        file = sealed(content) | odd
        file["header"] |= odd
        file["header"]["params"] |= odd
        file["header"]["slots"][0] |= odd
        store = put(tmp_path / "vault.json", file)
        vault = read_vault(store).open_with_passphrase(PASSPHRASE)
        before = raw_lines(vault)
        target = vault.document.accounts[1]
        changed = replace(target, note="new", key=replace(target.key, issuer="Edited", digits=8))
        vault.commit(vault.document.with_changed([changed]).with_group_renamed("Work", "Office"))

        written = json.loads(store.path.read_bytes())
        for level in (
            written,
            written["header"],
            written["header"]["params"],
            written["header"]["slots"][0],
        ):
            assert {name: level[name] for name in odd} == odd
        found = opened(store.path.read_bytes())
        assert {name: found[name] for name in odd} == odd
        assert found["icons_optimized"] is True
        assert found["groups"] == [{**group, "name": "Office"}]
        assert found["entries"] == [
            kept,
            {**edited, "note": "new", "issuer": "Edited", "info": {**edited["info"], "digits": 8}},
        ]
        assert raw_lines(read_vault(store).open_with_passphrase(PASSPHRASE))[1] != before[1]

    def test_a_row_nobody_touched_stays_byte_for_byte(self, tmp_path: Path) -> None:
        one = b'{ "type":"totp",\t"uuid":"a", "name":"\\u00e9\\/","issuer":null,"x":1.50,'
        one += b'"info":{"secret":"gezd gnbv","algo":"sha1","digits":6,"period":30,"y":1e2}}'
        content = b'{"version":3,"entries":[' + one + b',{"type":"motp"},7],"groups":[]}'
        store = put(tmp_path / "vault.json", sealed(content))
        vault = read_vault(store).open_with_passphrase(PASSPHRASE)
        for _ in range(3):
            vault.commit(vault.document.with_added([account()]))
            vault = read_vault(store).open_with_passphrase(PASSPHRASE)
        assert raw_lines(vault)[:3] == [one, b'{"type":"motp"}', b"7"]
        (only, *_) = vault.document.accounts
        vault.commit(vault.document.with_changed([only]))
        assert raw_lines(vault)[0] == one


class TestPassphrases:
    def test_of_several_one_is_changed_and_one_removed(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        vault = create_vault(store, "the first one")
        vault.add_passphrase("the second one", name="of the safe")
        second = next(one for one in vault.passphrases if one.name == "of the safe")
        vault.change_passphrase(second.id, "the third one")
        assert {one.name for one in vault.passphrases} == {"", "of the safe"}
        first = next(one for one in vault.passphrases if one.in_use)
        vault.remove_passphrase(first.id)
        assert opened(store.path.read_bytes(), "the third one")["entries"] == []
        for gone in ("the first one", "the second one"):
            with pytest.raises(WrongPassphraseError):
                read_vault(store).open_with_passphrase(gone)
        with pytest.raises(VaultError, match="only passphrase"):
            vault.remove_passphrase(vault.passphrases[0].id)

    def test_the_only_one_is_changed_with_the_master_key(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        vault = create_vault(store, "the first one")
        before = read_vault(store).envelope.open_with_passphrase("the first one")[0]
        vault.change_passphrase(vault.passphrases[0].id, "the second one")
        assert read_vault(store).envelope.open_with_passphrase("the second one")[0] != before

    def test_backups_open_with_the_old_passphrase_until_they_are_forgotten(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        vault = create_vault(store, "the first one")
        vault.change_passphrase(vault.passphrases[0].id, "the second one")
        assert opened(store.read_backup(1).data, "the first one")["entries"] == []
        assert store.forget_backups() == 1
        assert store.backups() == ()
        assert [one.name for one in tmp_path.iterdir() if "bak" in one.name] == []

    def test_there_are_never_so_many_that_a_wrong_one_takes_long(self, tmp_path: Path) -> None:
        file = sealed(content_of(entry()))
        costly = {**slot_of(bytes(32), Wrap()), "n": 2**17, "r": 7}
        file["header"]["slots"] += [costly] * 18
        store = put(tmp_path / "vault.json", file)
        vault = read_vault(store).open_with_passphrase(PASSPHRASE)
        with pytest.raises(VaultError, match="too many"):
            vault.add_passphrase("one more of them")

    def test_a_short_one_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(VaultError, match="at least 8"):
            create_vault(VaultStore(tmp_path / "vault.json"), "1234567")

    def test_plain_and_encrypted_and_back(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        vault = create_vault(store, None)
        vault.commit(vault.document.with_added([account()]))
        vault.add_passphrase(PASSPHRASE)
        assert len(opened(store.path.read_bytes())["entries"]) == 1
        assert read_vault(store).encrypted
        vault.decrypt()
        assert not read_vault(store).encrypted
        assert read_vault(store).open_plain().document == vault.document
        assert not read_vault(store).envelope.slots_of(SlotType.PASSWORD)

"""Two programs changed the vault: what either did is there, and nothing that neither undid is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from unit.vault.edits import after, documents, edits
from watchword_otp import Key, Kind, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import VaultError
from watchword_tui.vault.document import Document, read_document
from watchword_tui.vault.merge import merge
from watchword_tui.vault.store import VaultStore
from watchword_tui.vault.vault import create_vault, read_vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchword_tui.vault.rows import Row

type_edits = st.lists(edits, max_size=4)
ALICE = Account(Key(secret=Secret(b"alice's secret"), issuer="Example", name="alice"), "test")
BOB = Account(Key(secret=Secret(b"bob's secret"), issuer="Example", name="bob"), "test")
CAROL = Account(
    Key(secret=Secret(b"carol's secret"), kind=Kind.HOTP, counter=5, issuer="Example", name="carol"),
    "test",
)
BASE = Document().with_added([ALICE, BOB, CAROL])
A, B, C = (row.id for row in BASE.rows)


def account(document: Document, identity: str = A) -> Account:
    found = document.row(identity).account
    assert found is not None
    return found


def changed(document: Document, identity: str = A, **fields: Any) -> Document:
    return document.with_changed([replace(account(document, identity), **fields)])


def with_key(document: Document, identity: str = A, **fields: Any) -> Document:
    return changed(document, identity, key=replace(account(document, identity).key, **fields))


def rewritten(document: Document) -> Document:
    """As Aegis saves it: another layout, and fields of its own."""
    content = json.loads(document.written())
    for row in content["entries"]:
        row["archived"] = False
    return read_document(json.dumps(content, indent=4, sort_keys=True).encode())


def essence(row: Row) -> object:
    """What of a row must not get lost: all but its UUID, groups and counter."""
    fields = msgspec.json.decode(row.raw)
    if not isinstance(fields, dict):
        return row.raw
    for name in ("uuid", "groups", "group"):
        fields.pop(name, None)
    if isinstance(fields.get("info"), dict):
        fields["info"].pop("counter", None)
    return fields


@settings(max_examples=200, deadline=None)
@given(documents, type_edits, type_edits)
def test_nothing_is_lost(
    base: Document, mine: list[Callable[..., Document]], other: list[Callable[..., Document]]
) -> None:
    ours, theirs = after(base, mine), after(base, other)
    result = merge(base, ours, theirs)
    kept = [essence(row) for row in result.document.rows]
    ids = {row.id for row in result.document.rows}
    old = {row.id: row for row in base.rows}
    for side, against in ((ours, theirs), (theirs, ours)):
        for row in side.rows:
            if any(one.id == row.id for one in against.rows):
                assert row.id in ids
            elif row.id not in old or essence(row) != essence(old[row.id]):
                assert essence(row) in kept
    for row in result.document.rows:
        # Nothing comes out of nowhere: each row's key is one that a side has.
        if row.account is not None:
            keys = [replace(one.key, counter=0) for side in (ours, theirs) for one in side.accounts]
            assert any(row.account.key.secret == key.secret for key in keys)
    names = [group.name for group in result.document.groups]
    assert len(set(names)) == len(names)
    assert len(ids) == len(result.document.rows)
    assert {one for account in result.document.accounts for one in account.groups} <= set(names)
    again = read_document(result.document.written())
    assert [row.raw for row in again.rows] == [row.raw for row in result.document.rows]


@settings(max_examples=100, deadline=None)
@given(documents, type_edits)
def test_one_side_alone_and_equal_sides_come_out_as_they_are(
    base: Document, done: list[Callable[..., Document]]
) -> None:
    side = after(base, done)
    for result in (merge(base, side, base), merge(base, base, side), merge(base, side, side)):
        assert [row.raw for row in result.document.rows] == [row.raw for row in side.rows]
        assert set(result.document.groups) == set(side.groups)
        assert result.doubled == ()


@settings(max_examples=100, deadline=None)
@given(documents, type_edits, type_edits)
def test_merging_again_changes_nothing(
    base: Document, mine: list[Callable[..., Document]], other: list[Callable[..., Document]]
) -> None:
    theirs = after(base, other)
    once = merge(base, after(base, mine), theirs).document
    again = merge(theirs, once, once)
    assert again.document.rows == once.rows
    assert (again.doubled, again.revived) == ((), ())


def test_both_added_and_both_are_there() -> None:
    fresh = [replace(ALICE, note=note) for note in ("ours", "theirs")]
    result = merge(BASE, BASE.with_added(fresh[:1]), BASE.with_added(fresh[1:]))
    assert [one.note for one in result.document.accounts] == ["", "", "", "ours", "theirs"]


def test_different_fields_of_one_account_come_together() -> None:
    ours = changed(BASE, note="ours")
    theirs = with_key(changed(BASE, favourite=True), digits=8)
    result = merge(BASE, ours, theirs)
    found = account(result.document)
    assert (found.note, found.favourite, found.key.digits) == ("ours", True, 8)
    assert result.doubled == ()
    assert len(result.document.rows) == 3


def test_the_same_field_changed_by_both_gives_two_accounts() -> None:
    result = merge(BASE, changed(BASE, note="ours"), changed(BASE, note="theirs"))
    found = [one for one in result.document.accounts if one.key == ALICE.key]
    assert [one.note for one in found] == ["theirs", "ours"]
    assert found[0].id == A != found[1].id
    assert result.doubled == ("Example (alice)",)
    stored = [json.loads(row.raw)["uuid"] for row in result.document.rows]
    assert stored == [row.id for row in result.document.rows]


def test_a_key_is_never_put_together_of_two() -> None:
    ours = with_key(BASE, secret=Secret(b"a secret of ours"))
    theirs = with_key(BASE, digits=8)
    keys = [one.key for one in merge(BASE, ours, theirs).document.accounts]
    assert account(ours).key in keys
    assert account(theirs).key in keys
    assert len(keys) == 4


def test_a_counter_goes_to_the_higher_whatever_else_was_changed() -> None:
    ours = changed(with_key(BASE, C, counter=9), C, note="ours")
    theirs = changed(with_key(BASE, C, counter=7), C, favourite=True)
    for one, another in ((ours, theirs), (theirs, ours)):
        result = merge(BASE, one, another)
        found = account(result.document, C)
        assert (found.key.counter, found.note, found.favourite) == (9, "ours", True)
        assert result.doubled == ()


def test_a_new_secret_starts_with_its_own_counter() -> None:
    ours = with_key(BASE, C, secret=Secret(b"a secret of ours"), counter=0)
    theirs = with_key(BASE, C, counter=6)
    for one, another in ((ours, theirs), (theirs, ours)):
        (found,) = (row for row in merge(BASE, one, another).document.rows if row.id == C)
        assert found.account is not None
        assert found.account.key == account(ours, C).key


def test_deleted_by_one_it_goes_unless_the_other_changed_it() -> None:
    assert [row.id for row in merge(BASE, BASE.without([A]), BASE).document.rows] == [B, C]
    assert [row.id for row in merge(BASE, BASE, BASE.without([A])).document.rows] == [B, C]
    for sides in (
        (BASE.without([A]), changed(BASE, note="x")),
        (changed(BASE, note="x"), BASE.without([A])),
    ):
        result = merge(BASE, *sides)
        assert account(result.document).note == "x"
        assert result.revived == ("Example (alice)",)


def test_another_layout_is_no_change() -> None:
    ours = changed(BASE, note="ours").without([B])
    result = merge(BASE, ours, rewritten(BASE))
    assert [one.note for one in result.document.accounts] == ["ours", ""]
    assert (result.doubled, result.revived) == ((), ())


def test_the_order_is_that_of_who_moved_something() -> None:
    moved = BASE.with_moved(A, 2)
    added = BASE.with_added([replace(ALICE, note="new")])
    for result in (merge(BASE, moved, added), merge(BASE, added, moved)):
        assert [one.key.name for one in result.document.accounts][:3] == ["bob", "carol", "alice"]
        assert len(result.document.rows) == 4


class TestGroups:
    def test_both_made_one_of_the_same_name(self) -> None:
        ours, theirs = changed(BASE, A, groups=("Work",)), changed(BASE, B, groups=("Work",))
        result = merge(BASE, ours, theirs).document
        assert [one.groups for one in result.accounts] == [("Work",), ("Work",), ()]
        assert [group.id for group in result.groups] == [theirs.group_ids["Work"]] or [
            group.id for group in result.groups
        ] == [ours.group_ids["Work"]]
        assert read_document(result.written()) == result

    def test_both_put_one_account_into_a_group(self) -> None:
        result = merge(BASE, changed(BASE, groups=("Work",)), changed(BASE, groups=("Home",)))
        assert set(account(result.document).groups) == {"Work", "Home"}
        assert result.doubled == ()

    def test_one_renamed_and_the_other_put_an_account_in(self) -> None:
        base = changed(BASE, A, groups=("Work",))
        ours, theirs = base.with_group_renamed("Work", "Office"), changed(base, B, groups=("Work",))
        for result in (merge(base, ours, theirs).document, merge(base, theirs, ours).document):
            assert [one.groups for one in result.accounts] == [("Office",), ("Office",), ()]
            assert read_document(result.written()) == result

    def test_one_deleted_and_the_other_put_an_account_in(self) -> None:
        base = changed(BASE, A, groups=("Work",))
        for sides in (
            (base.without_group("Work"), changed(base, B, groups=("Work",))),
            (changed(base, B, groups=("Work",)), base.without_group("Work")),
        ):
            result = merge(base, *sides).document
            assert [one.groups for one in result.accounts] == [(), ("Work",), ()]

    def test_deleted_by_one_it_goes(self) -> None:
        base = changed(BASE, A, groups=("Work",))
        for sides in ((base.without_group("Work"), base), (base, base.without_group("Work"))):
            result = merge(base, *sides).document
            assert [one.groups for one in result.accounts] == [(), (), ()]
            assert result.groups == ()


class TestVaults:
    def test_a_change_over_another_program_s_is_refused_then_merged(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        ours = create_vault(store, None, BASE)
        theirs = read_vault(store).open_plain()
        theirs.commit(theirs.document.with_added([replace(ALICE, note="theirs")]))
        wanted = ours.document.with_added([replace(ALICE, note="ours")])
        assert not ours.is_current()
        merged = ours.merge_and_commit(wanted)
        assert [one.note for one in merged.document.accounts] == ["", "", "", "ours", "theirs"]
        assert read_vault(store).open_plain().document == ours.document == merged.document
        assert ours.is_current()

    def test_a_merge_that_could_not_be_saved_can_be_tried_again(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        ours = create_vault(store, None, BASE)
        theirs = read_vault(store).open_plain()
        theirs.commit(theirs.document.with_added([replace(ALICE, note="theirs")]))
        wanted = ours.document.with_added([replace(ALICE, note="ours")])
        for _ in range(2):
            (tmp_path / ".vault.json.lock").unlink()
            (tmp_path / ".vault.json.lock").mkdir()
            with pytest.raises(VaultError, match="cannot write"):
                ours.merge_and_commit(wanted)
            (tmp_path / ".vault.json.lock").rmdir()
            (tmp_path / ".vault.json.lock").touch()
        merged = ours.merge_and_commit(wanted)
        assert [one.note for one in merged.document.accounts] == ["", "", "", "ours", "theirs"]

    def test_a_vault_that_was_removed_is_saved_again(self, tmp_path: Path) -> None:
        store = VaultStore(tmp_path / "vault.json")
        vault = create_vault(store, None, BASE)
        store.path.unlink()
        merged = vault.merge_and_commit(vault.document.without([A]))
        assert read_vault(store).open_plain().document == merged.document
        assert [row.id for row in merged.document.rows] == [B, C]

"""What people do to a vault comes back as it was when the vault is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from unit.exchange.account_strategies import accounts
from unit.vault.aegis import content_of, entry, put
from unit.vault.edits import after, documents, edits
from watchword_otp import Key, Secret
from watchword_tui.accounts import Account
from watchword_tui.errors import VaultError
from watchword_tui.vault.document import Document, read_document
from watchword_tui.vault.vault import read_vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALICE = Account(Key(secret=Secret(b"alice's secret"), issuer="Example", name="alice"), "test")
BOB = Account(Key(secret=Secret(b"bob's secret"), issuer="Example", name="bob"), "test")


def said(document: Document) -> tuple[object, ...]:
    """What a person sees of it; a row without a UUID has another when its neighbours change."""
    usable = [replace(one, id="") for one in document.accounts]
    return usable, [row.raw for row in document.quarantined], {one.name for one in document.groups}


@settings(max_examples=200, deadline=None)
@given(documents, st.lists(edits, max_size=6))
def test_whatever_is_done_is_read_back(
    document: Document, done: list[Callable[[Document], Document]]
) -> None:
    changed = after(document, done)
    again = read_document(changed.written())
    assert [row.raw for row in again.rows] == [row.raw for row in changed.rows]
    assert read_document(again.written()) == again
    assert again.rest == changed.rest
    # A row or group with a UUID that another had may be usable once that one is gone.
    odd = len(again.quarantined), len(again.odd_groups)
    if odd == (len(changed.quarantined), len(changed.odd_groups)):
        assert said(again) == said(changed)


@settings(max_examples=100, deadline=None)
@given(documents, edits)
def test_untouched_rows_stay_byte_for_byte(
    document: Document, edit: Callable[[Document], Document]
) -> None:
    changed = {row.id: row for row in edit(document).rows}
    for row in document.rows:
        if row.id in changed and changed[row.id].account == row.account:
            assert changed[row.id].raw == row.raw


@given(accounts)
def test_every_account_is_read_back(account: Account) -> None:
    document = Document().with_added([account])
    (found,) = read_document(document.written()).accounts
    assert (found,) == document.accounts
    assert (found.key, found.note, found.favourite) == (account.key, account.note, account.favourite)
    assert found.groups == account.groups


@given(documents)
def test_no_two_rows_and_no_two_groups_share_a_name(document: Document) -> None:
    ids = [row.id for row in document.rows]
    names = [group.name for group in document.groups]
    assert len(set(ids)) == len(ids)
    assert len(set(names)) == len(names)
    assert all(document.row(one).id == one for one in ids)
    assert all(row.title for row in document.quarantined)


@given(st.lists(st.one_of(st.binary(max_size=12), st.text(max_size=12).map(str.encode)), max_size=4))
def test_content_of_any_bytes_is_read_or_refused(parts: list[bytes]) -> None:
    content = b'{"version":3,"entries":[' + b",".join(parts) + b"]}"
    try:
        document = read_document(content)
    except VaultError:
        return
    assert read_document(document.written()).rows == document.rows


class TestGroups:
    def test_a_renamed_group_keeps_its_accounts_and_its_uuid(self) -> None:
        document = Document().with_added([replace(ALICE, groups=("Work", "Home")), BOB])
        renamed = document.with_group_renamed("Work", "Office")
        assert [one.groups for one in renamed.accounts] == [("Home", "Office"), ()]
        assert renamed.group_ids["Office"] == document.group_ids["Work"]
        assert read_document(renamed.written()) == renamed

    def test_renamed_to_one_that_is_there_they_become_one(self) -> None:
        document = Document().with_added([replace(ALICE, groups=("Work", "Home"))])
        renamed = document.with_group_renamed("Work", "Home")
        assert [one.groups for one in renamed.accounts] == [("Home",)]
        assert list(renamed.group_ids) == ["Home"]

    def test_a_group_that_goes_leaves_its_accounts(self) -> None:
        document = Document().with_added([replace(ALICE, groups=("Work", "Home"))]).without_group("Work")
        assert [one.groups for one in document.accounts] == [("Home",)]
        assert list(document.group_ids) == ["Home"]

    def test_names_are_cleaned_before_they_are_compared(self) -> None:
        document = Document().with_added([replace(ALICE, groups=("Work", " Work\x1b", "\u202e"))])
        assert [one.groups for one in document.accounts] == [("Work",)]
        assert document.with_groups(["Work\u200b", ""]) is document
        assert document.with_group_renamed("Work", "Work ") is document

    @pytest.mark.parametrize(("old", "new"), [("Work", "\u202e"), ("None", "New")])
    def test_a_name_that_is_none_is_refused(self, old: str, new: str) -> None:
        with pytest.raises(VaultError):
            Document().with_groups(["Work"]).with_group_renamed(old, new)

    def test_groups_of_one_name_in_the_file_stay_two(self) -> None:
        table = [{"uuid": str(number), "name": "Work"} for number in range(3)]
        content = content_of(*(entry(groups=[str(number)]) for number in range(3)), groups=table)
        document = read_document(msgspec.json.encode(content))
        assert [one.groups for one in document.accounts] == [("Work",), ("Work 2",), ("Work 3",)]
        assert [msgspec.json.decode(group.raw) for group in document.groups] == table

    def test_a_group_that_cannot_be_understood_is_kept(self) -> None:
        table = [{"uuid": "one", "name": "Work"}, {"name": 5}, None, {"uuid": "one", "name": "Again"}]
        document = read_document(msgspec.json.encode(content_of(entry(groups=["one"]), groups=table)))
        assert [one.groups for one in document.accounts] == [("Work",)]
        written = msgspec.json.decode(document.with_groups(["New"]).written())
        assert all(one in written["groups"] for one in table)


class TestRows:
    def test_an_account_that_is_gone_is_not_changed(self) -> None:
        document = Document().with_added([ALICE])
        with pytest.raises(VaultError, match="not in the vault any more"):
            document.with_changed([replace(BOB, id="gone")])

    def test_moving_stops_at_either_end(self) -> None:
        document = Document().with_added([ALICE, BOB])
        first, second = (row.id for row in document.rows)
        assert [row.id for row in document.with_moved(first, 9).rows] == [second, first]
        assert [row.id for row in document.with_moved(second, -9).rows] == [second, first]

    def test_numbers_written_as_text_are_read_as_aegis_reads_them(self, tmp_path: Path) -> None:
        info = {"digits": "8", "period": "60.0"}
        odd = entry(info=info, favorite="true")
        plain = {"version": 1, "header": {"slots": None, "params": None}, "db": content_of(odd)}
        vault = read_vault(put(tmp_path / "vault.json", plain)).open_plain()
        (account,) = vault.document.accounts
        assert (account.key.digits, account.key.period, account.favourite) == (8, 60, True)

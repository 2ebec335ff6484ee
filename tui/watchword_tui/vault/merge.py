"""Two changed copies of one vault, made one again: nothing that either side has is lost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from watchword_otp import Kind
from watchword_tui.vault.rows import new_id, write_row

if TYPE_CHECKING:
    from watchword_tui.vault.document import Document, Group
    from watchword_tui.vault.rows import Row


@dataclass(frozen=True, slots=True)
class Merged:
    """What came out."""

    document: Document
    doubled: tuple[str, ...]
    """Titles of accounts that both sides changed differently: both versions are there."""
    revived: tuple[str, ...]
    """Titles of accounts that one side deleted and the other changed: the change is kept."""


def merge(base: Document, ours: Document, theirs: Document) -> Merged:
    """Bring together what `ours` and `theirs` made of `base`.

    A row that one side changed is taken from that side. Changed by both: the higher HOTP counter, if
    that is all; else theirs, and ours under a new UUID. Deleted by one and changed by the other: the
    change. The order is theirs if they moved something, else ours; new rows come at the end.
    """
    sides = [{row.id: row for row in document.rows} for document in (base, ours, theirs)]
    old, mine, other = sides
    kept: dict[str, list[Row]] = {}
    doubled: list[str] = []
    revived: list[str] = []
    for identity in dict.fromkeys([*mine, *other]):
        before, left, right = old.get(identity), mine.get(identity), other.get(identity)
        if left is None or right is None:
            present = left or right
            assert present is not None  # noqa: S101 - the id comes from one of them
            if before is None or before.raw != present.raw:
                kept[identity] = [present]
                if before is not None:
                    revived.append(present.title)
        elif left.raw == right.raw or (before is not None and left.raw == before.raw):
            kept[identity] = [right]
        elif before is not None and right.raw == before.raw:
            kept[identity] = [left]
        else:
            kept[identity] = _both(left, right)
            if len(kept[identity]) > 1:
                doubled.append(left.title)
    base_order = [row.id for row in base.rows]
    moved = [row.id for row in theirs.rows if row.id in old] != [
        one for one in base_order if one in other
    ]
    leading, following = (theirs, ours) if moved else (ours, theirs)
    order = dict.fromkeys([*(row.id for row in leading.rows), *(row.id for row in following.rows)])
    rows = tuple(row for identity in order for row in kept.get(identity, []))
    groups = _groups(base, ours, theirs)
    merged = replace(theirs, rows=_regrouped(rows, groups), groups=groups)
    return Merged(merged, tuple(doubled), tuple(revived))


def _both(left: Row, right: Row) -> list[Row]:
    mine, other = left.account, right.account
    if mine is not None and other is not None and mine.key.kind is other.key.kind is Kind.HOTP:
        counters = (mine.key.counter, other.key.counter)
        if replace(mine, key=replace(mine.key, counter=counters[1])) == other:
            return [left if counters[0] >= counters[1] else right]
    copy = new_id()
    if mine is None:
        return [right, replace(left, id=copy)]
    # Written anew, for the UUID stands in the row too; its groups are put right afterwards.
    ids = dict(zip(mine.groups, left.group_ids, strict=False))
    return [right, write_row(replace(mine, id=copy), ids, before=left)]


def _groups(base: Document, ours: Document, theirs: Document) -> tuple[Group, ...]:
    old = {group.id: group for group in base.groups}
    mine = {group.id: group for group in ours.groups}
    other = {group.id: group for group in theirs.groups}
    found: list[Group] = []
    for identity in dict.fromkeys([*mine, *other]):
        before, left, right = old.get(identity), mine.get(identity), other.get(identity)
        if left is None or right is None:
            present = left or right
            assert present is not None  # noqa: S101 - the id comes from one of them
            if before is None:
                found.append(present)
        else:
            found.append(right if before is not None and left.raw == before.raw else left)
    return tuple(found)


def _regrouped(rows: tuple[Row, ...], groups: tuple[Group, ...]) -> tuple[Row, ...]:
    """Give rows the names their groups have now; a group that is gone leaves them."""
    names = {group.id: group.name for group in groups}
    ids = {group.name: group.id for group in groups}
    result = []
    for row in rows:
        account = row.account
        if account is not None:
            right = tuple(dict.fromkeys(names[one] for one in row.group_ids if one in names))
            if right != account.groups:
                row = write_row(replace(account, groups=right), ids, before=row)  # noqa: PLW2901 - as named
        result.append(row)
    return tuple(result)

"""Two changed copies of one vault, made one again: nothing that either side has is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from watchword_otp.value import Value
from watchword_tui.vault.groups import Group, GroupTable
from watchword_tui.vault.rows import Row, new_id, read_row, regrouped_row, with_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchword_tui.vault.document import Document

_MISSING = object()
_EMPTY: tuple[object, ...] = (None, False, "", [], {})
"""What another app may write where there was no field, without a change being meant."""


class Merged(Value, frozen=True):
    """What came out."""

    document: Document
    doubled: tuple[str, ...]
    """Titles of accounts that both sides changed differently: both versions are there."""
    revived: tuple[str, ...]
    """Titles of accounts that one side deleted and the other changed: the change is kept."""


def merge(base: Document, ours: Document, theirs: Document) -> Merged:
    """Bring together what `ours` and `theirs` made of `base`.

    A row that one side changed is taken from that side. Changed by both: field by field, and the
    higher HOTP counter (RFC 4226 section 7.2: a used one never comes again); where both changed the
    same field, theirs, and ours under a new UUID. Deleted by one and changed by the other: the change.
    Another layout of the same JSON is no change. The order is theirs if they moved something or we
    neither moved nor added anything, else ours; new rows of the other side come at the end.
    """
    old, mine, other = ({row.id: row for row in document.rows} for document in (base, ours, theirs))
    table = GroupTable([*theirs.groups, *ours.groups])
    kept: dict[str, list[Row]] = {}
    doubled: list[str] = []
    revived: list[str] = []
    for identity in dict.fromkeys([*mine, *other]):
        before, left, right = old.get(identity), mine.get(identity), other.get(identity)
        if left is not None and right is not None:
            kept[identity] = _both(before, left, right, table)
            if len(kept[identity]) > 1:
                doubled.append(left.title)
        elif (present := left or right) is not None and not (before and _same(before, present)):
            kept[identity] = [present]
            if before is not None:
                revived.append(present.title)
    rows = [row for identity in _order(base, ours, theirs) for row in kept.get(identity, [])]
    groups, moved = _groups(base, ours, theirs, {one for row in rows for one in row.group_ids})
    names = {group.id: group.name for group in groups}
    document = replace(
        theirs,
        rows=tuple(_regrouped(row, names, moved) for row in rows),
        groups=groups,
        odd_groups=tuple(dict.fromkeys([*theirs.odd_groups, *ours.odd_groups])),
    )
    return Merged(document, tuple(doubled), tuple(revived))


def _order(base: Document, ours: Document, theirs: Document) -> Iterable[str]:
    before, mine, other = ([row.id for row in document.rows] for document in (base, ours, theirs))
    old, left = set(before), set(other)
    they_moved = [one for one in other if one in old] != [one for one in before if one in left]
    right = set(mine)
    we_did_nothing = mine == [one for one in before if one in right]
    leading, following = (other, mine) if they_moved or we_did_nothing else (mine, other)
    return dict.fromkeys([*leading, *following])


def _both(before: Row | None, left: Row, right: Row, table: GroupTable) -> list[Row]:
    """One row of what both sides have, or two."""
    if _same(left, right) or (before is not None and _same(before, left)):
        return [right]
    if before is not None:
        if _same(before, right):
            return [left]
        fields = _fields_of_both(_object(before), _object(left), _object(right))
        if fields is not None:
            return [read_row(msgspec.json.encode(fields), table)]
    return [right, with_id(left, new_id())]


def _object(row: Row) -> dict[str, Any] | None:
    """The row's fields; None if a single one cannot be read."""
    try:
        found = msgspec.json.decode(row.raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _same(one: Row, another: Row) -> bool:
    if one.raw == another.raw:
        return True
    first, second = _object(one), _object(another)
    return first is not None and second is not None and _filled(first) == _filled(second)


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in _EMPTY}


def _fields_of_both(
    base: dict[str, Any] | None, mine: dict[str, Any] | None, other: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Each field from the side that changed it; None where both did, or a row is no object."""
    if base is None or mine is None or other is None:
        return None
    found = {}
    for name in dict.fromkeys([*other, *mine]):
        values = [side.get(name, _MISSING) for side in (base, mine, other)]
        chosen = _CHOICES.get(name, _chosen)(*values)
        if chosen is None:
            return None
        if chosen[0] is not _MISSING:
            found[name] = chosen[0]
    return found


def _chosen(before: object, mine: object, other: object) -> tuple[object] | None:
    if mine in (other, before):
        return (other,)
    return (mine,) if other == before else None


def _info_of_both(before: object, mine: object, other: object) -> tuple[object] | None:
    """A key is one thing: two changed halves make a third key. Only the counter goes its own way."""
    if not (isinstance(before, dict) and isinstance(mine, dict) and isinstance(other, dict)):
        return _chosen(before, mine, other)
    key, my_key, other_key = ({**side, "counter": None} for side in (before, mine, other))
    if my_key == other_key:
        my_counter, other_counter = mine.get("counter"), other.get("counter")
        if isinstance(my_counter, int) and isinstance(other_counter, int):
            return ({**other, "counter": max(my_counter, other_counter)},)
    # Who changed the key itself knows where its counter stands.
    elif other_key == key:
        return (mine,)
    elif my_key == key:
        return (other,)
    return _chosen(before, mine, other)


def _groups_of_both(before: object, mine: object, other: object) -> tuple[object] | None:
    """Into every group that either side put the account in, out of those that either took it from."""
    old, left, right = ([] if side in (_MISSING, None) else side for side in (before, mine, other))
    if not (isinstance(old, list) and isinstance(left, list) and isinstance(right, list)):
        return _chosen(before, mine, other)
    return (
        [one for one in _unique([*right, *left]) if (one in left and one in right) or one not in old],
    )


_CHOICES = {"info": _info_of_both, "groups": _groups_of_both}


def _unique(values: list[object]) -> list[object]:
    return [value for index, value in enumerate(values) if value not in values[:index]]


def _groups(
    base: Document, ours: Document, theirs: Document, used: set[str]
) -> tuple[tuple[Group, ...], dict[str, str]]:
    """The groups, and for those that became one with another the UUID they have now.

    A group that one side deleted stays if the other renamed it or has new or changed accounts in it.
    """
    old, mine, other = ({group.id: group for group in one.groups} for one in (base, ours, theirs))
    by_name: dict[str, Group] = {}
    moved: dict[str, str] = {}
    for identity in dict.fromkeys([*mine, *other]):
        before, left, right = old.get(identity), mine.get(identity), other.get(identity)
        group = left if right is None or (before is not None and right.raw == before.raw) else right
        group = group or right
        if group is None:
            continue
        deleted = before is not None and (left is None or right is None)
        if deleted and before is not None and group.raw == before.raw and identity not in used:
            continue
        if group.name in by_name:
            moved[identity] = by_name[group.name].id
        else:
            by_name[group.name] = group
    return tuple(by_name.values()), moved


def _regrouped(row: Row, names: Mapping[str, str], moved: Mapping[str, str]) -> Row:
    """The row in the groups there are now; one that is gone leaves it."""
    if row.account is None:
        return row
    ids = tuple(dict.fromkeys(known for one in row.group_ids if (known := moved.get(one, one)) in names))
    account = replace(row.account, groups=tuple(names[one] for one in ids))
    if ids == row.group_ids and account == row.account:
        return row
    return regrouped_row(row, account, ids)

"""The vault's groups: read from the file's table, or from the names that old entries have."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from watchword_otp import clean_label
from watchword_otp.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

UNNAMED = "unnamed"
"""What a group is called whose name has nothing to show."""


class _Group(msgspec.Struct, frozen=True):
    uuid: str
    name: str


class Group(Value, frozen=True):
    """A group of accounts."""

    HIDDEN = frozenset({"raw"})

    id: str
    """Its UUID."""
    name: str
    """Cleaned; no two groups of a vault have the same."""
    raw: bytes
    """Its JSON, as the file has it."""


class GroupTable:
    """The groups of a vault that is being read, by UUID and by name.

    Args:
        groups: Those known from the start; no two with the same UUID or name.
    """

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._by_id = {group.id: group for group in groups}
        self._by_name = {group.name: group for group in self._by_id.values()}

    @property
    def groups(self) -> tuple[Group, ...]:
        """All of them, in order."""
        return tuple(self._by_id.values())

    def names_of(self, identities: Iterable[str]) -> tuple[str, ...]:
        """What the groups with these UUIDs are called, those of them that there are."""
        return tuple(self._by_id[one].name for one in identities if one in self._by_id)

    def known_ids(self, identities: Iterable[str]) -> tuple[str, ...]:
        """Those of the UUIDs that belong to a group, each once."""
        return tuple(dict.fromkeys(one for one in identities if one in self._by_id))

    def read(self, raw: bytes) -> bool:
        """Take a group of the file; False if it cannot be understood, or its UUID is taken."""
        try:
            found = msgspec.json.decode(raw, type=_Group)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        if found.uuid in self._by_id:
            return False
        self._add(Group(found.uuid, self._free_name(clean_label(found.name) or UNNAMED), raw))
        return True

    def id_called(self, name: str) -> str:
        """The UUID of the group with this name, which entries of versions 1 and 2 give; "" for none.

        The group is made if there is none; it has the same UUID on each reading.
        """
        clean = clean_label(name)
        if not clean:
            return ""
        if clean not in self._by_name:
            identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"watchword:group:{clean}"))
            while identity in self._by_id:
                # It was renamed since; the new one needs another.
                identity = str(uuid.uuid5(uuid.NAMESPACE_URL, identity))
            self._add(new_group(clean, identity))
        return self._by_name[clean].id

    def _add(self, group: Group) -> None:
        self._by_id[group.id] = group
        self._by_name[group.name] = group

    def _free_name(self, name: str) -> str:
        if name not in self._by_name:
            return name
        # The number of groups is in no name yet, or counts on from there: each is tried once.
        number = len(self._by_name) + 1
        while (numbered := f"{name} {number}") in self._by_name:
            number += 1
        return numbered


def new_group(name: str, identity: str) -> Group:
    """A group that is not in the file yet; `name` is clean."""
    return Group(identity, name, msgspec.json.encode({"uuid": identity, "name": name}))


def renamed_group(group: Group, name: str) -> Group:
    """The group with another, clean, name; whatever else the file says of it stays."""
    fields: dict[str, Any] = dict(msgspec.json.decode(group.raw, type=dict[str, msgspec.Raw]))
    return Group(group.id, name, msgspec.json.encode(fields | {"name": name}))

"""The vault's content: rows and groups in the person's order. A change gives a new document."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from watchword_otp import clean_label
from watchword_tui.errors import VaultError
from watchword_tui.vault.rows import Row, group_id, new_id, read_row, write_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_tui.accounts import Account

DOCUMENT_VERSION = 3
"""The version of the content that is written; 1 and 2 are read."""


class _Group(msgspec.Struct, frozen=True):
    uuid: str
    name: str


class _OldGroups(msgspec.Struct, frozen=True):
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group of accounts."""

    id: str
    """Its UUID."""
    name: str
    """Cleaned; no two groups have the same."""
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """What is in a vault."""

    rows: tuple[Row, ...] = ()
    groups: tuple[Group, ...] = ()
    rest: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    """Fields we do not know, as they are written."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The usable accounts, in the file's order."""
        return tuple(row.account for row in self.rows if row.account is not None)

    @property
    def quarantined(self) -> tuple[Row, ...]:
        """The rows that could not be understood."""
        return tuple(row for row in self.rows if row.account is None)

    @property
    def group_ids(self) -> dict[str, str]:
        """The groups' UUIDs by their names."""
        return {group.name: group.id for group in self.groups}

    def row(self, identity: str) -> Row:
        """The row with this UUID.

        Raises:
            VaultError: It is not there any more.
        """
        for row in self.rows:
            if row.id == identity:
                return row
        raise VaultError("the account is not in the vault any more", "look at the list again")

    def with_added(self, accounts: Iterable[Account], *, at: int | None = None) -> Document:
        """With accounts more, each with a UUID of its own; before the row `at`, or at the end."""
        added = tuple(accounts)
        document = self.with_groups(name for account in added for name in account.groups)
        ids = document.group_ids
        rows = [write_row(account, ids) for account in added]
        index = len(self.rows) if at is None else at
        return replace(document, rows=(*self.rows[:index], *rows, *self.rows[index:]))

    def with_rows(self, rows: Iterable[Row], *, at: int | None = None) -> Document:
        """With rows more, as they are: of keys not made here, or taken out before."""
        index = len(self.rows) if at is None else at
        return replace(self, rows=(*self.rows[:index], *rows, *self.rows[index:]))

    def with_changed(self, accounts: Iterable[Account]) -> Document:
        """With these accounts in the place of those with the same UUIDs.

        Raises:
            VaultError: One is not there any more.
        """
        changed = {account.id: account for account in accounts}
        for identity in changed:
            self.row(identity)
        document = self.with_groups(name for account in changed.values() for name in account.groups)
        ids = document.group_ids
        rows = tuple(
            write_row(changed[row.id], ids, before=row) if row.id in changed else row
            for row in self.rows
        )
        return replace(document, rows=rows)

    def without(self, identities: Iterable[str]) -> Document:
        """Without the rows with these UUIDs."""
        gone = set(identities)
        return replace(self, rows=tuple(row for row in self.rows if row.id not in gone))

    def with_moved(self, identity: str, by: int) -> Document:
        """With a row moved by so many places, at most to either end."""
        rows = list(self.rows)
        before = rows.index(self.row(identity))
        row = rows.pop(before)
        rows.insert(max(0, min(len(rows), before + by)), row)
        return replace(self, rows=tuple(rows))

    def with_groups(self, names: Iterable[str]) -> Document:
        """With groups of these names, where they are not there yet."""
        known = {group.name for group in self.groups}
        fresh = [name for name in dict.fromkeys(names) if name and name not in known]
        if not fresh:
            return self
        return replace(self, groups=(*self.groups, *(_new_group(name, new_id()) for name in fresh)))

    def with_group_renamed(self, old: str, new: str) -> Document:
        """With a group called otherwise; into one that has the name already, its accounts go over.

        Raises:
            VaultError: There is no group `old`, or `new` is no name.
        """
        new = clean_label(new)
        if old not in {group.name for group in self.groups}:
            raise VaultError(f"there is no group {old!r}", "look at the groups again")
        if not new:
            raise VaultError("a group needs a name", "type one")
        members = [
            replace(account, groups=tuple(new if name == old else name for name in account.groups))
            for account in self.accounts
            if old in account.groups
        ]
        return self.with_groups([new]).with_changed(_unique(members)).without_group(old)

    def without_group(self, name: str) -> Document:
        """Without a group; its accounts stay."""
        members = [
            replace(account, groups=tuple(one for one in account.groups if one != name))
            for account in self.accounts
            if name in account.groups
        ]
        document = self.with_changed(members)
        return replace(document, groups=tuple(group for group in document.groups if group.name != name))

    def written(self) -> bytes:
        """The content as JSON, one row a line."""
        parts = [f'"version":{DOCUMENT_VERSION}'.encode()]
        parts += [msgspec.json.encode(name) + b":" + raw for name, raw in self.rest]
        parts.append(b'"entries":' + _lines([row.raw for row in self.rows]))
        parts.append(b'"groups":' + _lines([group.raw for group in self.groups]))
        return b"{" + b",\n".join(parts) + b"}"


def read_document(content: bytes) -> Document:
    """Read the vault's content.

    Raises:
        VaultError: It is no such content, or of a newer version.
    """
    try:
        return _read(content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    # Outside the handler: its frames hold the content.
    raise VaultError(
        "the vault's content cannot be understood", "restore a backup: watchword vault restore"
    )


def _read(content: bytes) -> Document:
    fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    version = msgspec.json.decode(fields.pop("version", b"0"), type=int)
    if version > DOCUMENT_VERSION:
        raise VaultError(f"the vault's content has version {version}", "open it with a newer watchword")
    raws = [bytes(raw) for raw in msgspec.json.decode(fields.pop("entries"), type=list[msgspec.Raw])]
    groups = _read_groups(bytes(fields.pop("groups", b"[]")), raws)
    names = {group.id: group.name for group in groups}
    rows = []
    seen: set[str] = set()
    for index, raw in enumerate(raws):
        row = read_row(raw, index, names)
        if row.id in seen:
            row = replace(row, id=new_id(), account=None, reason="another account has the same UUID")
        seen.add(row.id)
        rows.append(row)
    return Document(tuple(rows), groups, tuple((name, bytes(raw)) for name, raw in fields.items()))


def _read_groups(raw: bytes, entries: Sequence[bytes]) -> tuple[Group, ...]:
    groups: dict[str, Group] = {}
    for one in msgspec.json.decode(raw, type=list[msgspec.Raw]):
        group = msgspec.json.decode(one, type=_Group)
        name = clean_label(group.name) or "unnamed"
        while name in groups:
            name += "'"
        groups[name] = Group(group.uuid, name, bytes(one))
    for entry in entries:
        # Versions 1 and 2 name the group in the entry itself.
        try:
            old = msgspec.json.decode(entry, type=_OldGroups).group
        except msgspec.MsgspecError:
            continue
        if old and (name := clean_label(old)) and name not in groups:
            groups[name] = _new_group(name, group_id(old))
    return tuple(groups.values())


def _new_group(name: str, identity: str) -> Group:
    return Group(identity, name, msgspec.json.encode({"uuid": identity, "name": name}))


def _unique(accounts: Iterable[Account]) -> list[Account]:
    return [replace(account, groups=tuple(dict.fromkeys(account.groups))) for account in accounts]


def _lines(raws: Sequence[bytes]) -> bytes:
    return b"[\n" + b",\n".join(raws) + b"\n]" if raws else b"[]"

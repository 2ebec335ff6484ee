"""The vault's content: rows and groups in the person's order. A change gives a new document."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from watchword_otp import clean_label
from watchword_otp.value import Value
from watchword_tui.errors import DamagedVaultError, VaultError
from watchword_tui.vault.groups import Group, GroupTable, new_group, renamed_group
from watchword_tui.vault.rows import Row, made_id, new_id, read_row, write_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from watchword_tui.accounts import Account

DOCUMENT_VERSION = 3
"""The version of the content that is written; 1 and 2 are read."""

MAX_ROWS = 50_000
"""Most accounts, and most groups, that are read."""

_MAX_COMMAS = 40 * MAX_ROWS
"""Many more than so many rows have: counted before the list is made, which may take all memory."""


class Document(Value, frozen=True):
    """What is in a vault."""

    HIDDEN = frozenset({"rest", "odd_groups"})

    rows: tuple[Row, ...] = ()
    groups: tuple[Group, ...] = ()
    rest: tuple[tuple[str, bytes], ...] = ()
    """Fields we do not know, as they are written."""
    odd_groups: tuple[bytes, ...] = ()
    """Groups that cannot be understood, as they are written."""

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
        added = tuple(_with_own_id(account) for account in accounts)
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
        wanted = dict.fromkeys(clean_label(name) for name in names)
        fresh = [new_group(name, new_id()) for name in wanted if name and name not in known]
        return replace(self, groups=(*self.groups, *fresh)) if fresh else self

    def with_group_renamed(self, old: str, new: str) -> Document:
        """With a group called otherwise; into one that has the name already, its accounts go over.

        Raises:
            VaultError: There is no group `old`, or `new` is no name.
        """
        new = clean_label(new)
        group = next((one for one in self.groups if one.name == old), None)
        if group is None:
            raise VaultError(f"there is no group {old!r}", "look at the groups again")
        if not new:
            raise VaultError("a group needs a name", "type one")
        if new == old:
            return self
        if new in self.group_ids:
            return self.with_changed(self._members(old, new)).without_group(old)
        renamed = renamed_group(group, new)
        groups = tuple(renamed if one is group else one for one in self.groups)
        return replace(self, groups=groups).with_changed(self._members(old, new))

    def without_group(self, name: str) -> Document:
        """Without a group; its accounts stay."""
        document = self.with_changed(self._members(name))
        return replace(document, groups=tuple(group for group in document.groups if group.name != name))

    def _members(self, group: str, *instead: str) -> list[Account]:
        """The accounts of a group, with the groups `instead` in its place."""
        return [
            replace(account, groups=(*(one for one in account.groups if one != group), *instead))
            for account in self.accounts
            if group in account.groups
        ]

    def written(self) -> bytes:
        """The content as JSON, one row a line."""
        parts = [f'"version":{DOCUMENT_VERSION}'.encode()]
        parts += [msgspec.json.encode(name) + b":" + raw for name, raw in self.rest]
        parts.append(b'"entries":' + _lines([row.raw for row in self.rows]))
        parts.append(b'"groups":' + _lines([*(group.raw for group in self.groups), *self.odd_groups]))
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
    raise DamagedVaultError(
        "the vault's content cannot be understood", "restore a backup: watchword vault restore"
    )


def _read(content: bytes) -> Document:
    fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    version = msgspec.json.decode(fields.pop("version", b"0"), type=int)
    if version > DOCUMENT_VERSION:
        raise VaultError(f"the vault's content has version {version}", "open it with a newer watchword")
    entries = _read_list(bytes(fields.pop("entries", b"null")))
    groups = bytes(fields.pop("groups", b"null"))
    table = GroupTable()
    odd = tuple(raw for raw in (_read_list(groups) if groups != b"null" else ()) if not table.read(raw))
    rows = _read_rows(entries, table)
    rest = tuple((name, bytes(raw)) for name, raw in fields.items())
    return Document(rows, table.groups, rest, odd)


def _read_list(raw: bytes) -> list[bytes]:
    if raw.count(b",") < _MAX_COMMAS:
        found = msgspec.json.decode(raw, type=list[msgspec.Raw])
        if len(found) <= MAX_ROWS:
            return [bytes(one) for one in found]
    raise VaultError(f"the vault has more than {MAX_ROWS:,} entries", "it is damaged, or not yours")


def _read_rows(raws: Sequence[bytes], table: GroupTable) -> tuple[Row, ...]:
    rows = []
    seen: set[str] = set()
    copies: Counter[bytes] = Counter()
    for raw in raws:
        row = read_row(raw, table)
        if row.id in seen:
            copies[raw] += 1
            identity = made_id(raw, copies[raw])
            if row.account is not None:
                row = replace(row, account=None, reason="another account has the same UUID")
            row = replace(row, id=identity)
        seen.add(row.id)
        rows.append(row)
    return tuple(rows)


def _with_own_id(account: Account) -> Account:
    return account if account.id else replace(account, id=new_id())


def _lines(raws: Sequence[bytes]) -> bytes:
    return b"[\n" + b",\n".join(raws) + b"\n]" if raws else b"[]"

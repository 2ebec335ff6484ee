"""The XML inside a KeePass database: groups in groups, entries with fields and their history."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watchword_tui.exchange.build import About
from watchword_tui.exchange.ciphers import damaged
from watchword_tui.exchange.fields import check_rows
from watchword_tui.exchange.formats.keepass_csv import group_names
from watchword_tui.exchange.formats.keepass_fields import entry_of_fields
from watchword_tui.exchange.formats.safe_xml import walk
from watchword_tui.exchange.model import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watchword_tui.exchange.formats.kdbx_stream import Stream
    from watchword_tui.exchange.model import Entry

_WANTED = ("Title", "UserName", "Notes", "otp", "TOTP Seed", "TOTP Settings", "TimeOtp-", "HmacOtp-")
_NO_UUID = base64.b64encode(bytes(16)).decode()


@dataclass(slots=True)
class _Group:
    name: str = ""
    binned: bool = False


class _Database:
    """Follows the elements in their order: so the stream that hides values was applied to them."""

    def __init__(self, stream: Stream | None) -> None:
        self.entries: list[Entry] = []
        self.binned = 0
        self._stream = stream
        self._place = 0
        self._open: list[str] = []
        self._protected = False
        self._bin = ""
        self._groups: list[_Group] = []
        self._history = 0
        self._count = 0
        self._fields: dict[str, str] = {}
        self._field = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        # Without a stream nothing is hidden, whatever is said.
        protected = attributes.get("Protected", "").lower() == "true"
        self._protected = protected and self._stream is not None
        if name == "Group":
            inherited = bool(self._groups) and self._groups[-1].binned
            self._groups.append(_Group(binned=inherited))
        elif name == "History":
            self._history += 1
        elif name == "Entry" and not self._history:
            self._fields = {}
        elif name == "String":
            self._field = ""

    def end(self, name: str, content: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if self._protected:
            content = self._unhidden(content)
            self._protected = False
        if parent == "String" and not self._history:
            if name == "Key":
                self._field = content
            elif name == "Value":
                self._fields[self._field] = content
        elif parent == "Group":
            self._end_in_group(name, content)
        elif parent == "Meta" and name == "RecycleBinUUID":
            self._bin = content
        elif name == "History":
            self._history -= 1
        if name == "Group":
            self._groups.pop()

    def _end_in_group(self, name: str, content: str) -> None:
        if name == "Name":
            self._groups[-1].name = content
        elif name == "UUID":
            self._groups[-1].binned |= content == self._bin != _NO_UUID
        elif name == "Entry":
            self._finish()

    def _unhidden(self, content: str) -> str:
        """The value behind base64; only what is looked at is worth the work."""
        wanted = not self._history and self._field.startswith(_WANTED)
        try:
            sealed = base64.b64decode(content)
        except (binascii.Error, ValueError):
            raise damaged() from None
        place = self._place
        self._place += len(sealed)
        if not wanted or self._stream is None:
            return ""
        return self._stream.open(place, sealed).decode("utf-8", "replace")

    def _finish(self) -> None:
        self._count += 1
        check_rows(self._count)
        about = About(
            where=f"entry {self._count}",
            issuer=self._fields.get("Title", ""),
            name=self._fields.get("UserName", ""),
            note=self._fields.get("Notes", ""),
            groups=group_names([group.name for group in self._groups]),
        )
        entry = entry_of_fields(about, self._fields)
        if entry is None:
            return
        if self._groups and self._groups[-1].binned:
            self.binned += 1
        else:
            self.entries.append(entry)


def read_database(data: bytes | memoryview, stream: Stream | None) -> Reading:
    """Read the XML; what lies in the recycle bin stays there.

    Args:
        data: The XML.
        stream: What hides single values in a database; None for an export, which hides none.

    Raises:
        ForeignFileError: It is damaged.
    """
    database = _Database(stream)
    walk(data, database)
    problems = (f"{database.binned} in the recycle bin left out",) if database.binned else ()
    return Reading(entries=tuple(database.entries), problems=problems)

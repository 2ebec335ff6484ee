"""The line above the list: the groups as tabs, and how the list is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from watchword_tui.listing import NO_GROUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

_GAP = 3
_LONGEST = 20


class GroupLine(Widget):
    """Groups on the left, the chosen one underlined; words about the list on the right."""

    DEFAULT_CSS = """
    GroupLine { height: 1; padding: 0 2; color: $foreground 65%; }
    """
    ALLOW_SELECT = False

    class Chosen(Message):
        """A group was clicked."""

        def __init__(self, group: str | None) -> None:
            super().__init__()
            self.group = group

    def __init__(self) -> None:
        super().__init__()
        self._groups: tuple[str | None, ...] = (None,)
        self._chosen: str | None = None
        self._words = ""
        self._ends: list[tuple[int, str | None]] = []

    def show(self, groups: Sequence[str | None], chosen: str | None, words: str) -> None:
        """Show these groups, as `Listing.groups` gives them, and `words` about the list."""
        now = (tuple(groups), chosen, words)
        if now != (self._groups, self._chosen, self._words):
            self._groups, self._chosen, self._words = now
            self.refresh()

    def render(self) -> Content:
        """Draw as many groups as fit, the chosen one always among them."""
        words = Content(self._words)
        room = self.content_size.width - words.cell_length - 1
        tabs = self._tabs(room) if len(self._groups) > 1 else Content("")
        return Content.assemble(tabs, " " * max(1, room - tabs.cell_length + 1), words)

    def _tabs(self, room: int) -> Content:
        names = [Content(_title(group)).truncate(_LONGEST, ellipsis=True) for group in self._groups]
        index = self._groups.index(self._chosen) if self._chosen in self._groups else 0
        first = 0
        while first < index and _width(names[first : index + 1]) > room:
            first += 1
        self._ends = []
        line = Content("")
        for number in range(first, len(names)):
            name = names[number]
            if number > first:
                line = line.append(" " * _GAP)
            if number > first and line.cell_length + name.cell_length > room:
                break
            line = line.append(name.stylize("bold underline $accent") if number == index else name)
            self._ends.append((line.cell_length, self._groups[number]))
        return line.truncate(max(0, room), ellipsis=True)

    def on_click(self, event: events.Click) -> None:
        """Choose the group under the mouse."""
        place = event.x - self.gutter.left
        for end, group in self._ends:
            if place < end:
                self.post_message(self.Chosen(group))
                return


def _title(group: str | None) -> str:
    if group is None:
        return "All"
    return "No group" if group == NO_GROUP else group


def _width(names: Sequence[Content]) -> int:
    return sum(name.cell_length for name in names) + _GAP * len(names)

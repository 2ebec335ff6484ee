"""A list of lines with one of them highlighted, drawn line by line: only what is visible costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from watchword_tui.widgets.cells import ink_of

if TYPE_CHECKING:
    from textual import events


class LineList(ScrollView, can_focus=True):
    """The base of lists in dialogs; a list says how many lines there are, and what is on each.

    Text is drawn as it is: nothing in it is markup.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line-list--cursor",
        "line-list--plain",
        "line-list--strong",
        "line-list--accent",
        "line-list--quiet",
        "line-list--good",
        "line-list--warning",
        "line-list--bad",
    }
    DEFAULT_CSS = """
    LineList {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        .line-list--strong { text-style: bold; }
        .line-list--accent { color: $accent; text-style: bold; }
        .line-list--quiet { color: $foreground 65%; }
        .line-list--good { color: $success; }
        .line-list--warning { color: $warning; }
        .line-list--bad { color: $error; }
        .line-list--cursor { background: $panel; }
        &:focus .line-list--cursor { background: $accent 25%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move_to(0)", "First", show=False),
        Binding("end,G", "move_to(-1)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]
    ALLOW_SELECT = False

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the highlighted line."""

    class Highlighted(Message):
        """Another line is highlighted."""

    class Chosen(Message):
        """The highlighted line was chosen: with Enter, in most lists also with a double click."""

    @property
    def count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def spans(self, index: int, width: int) -> list[tuple[str, str]]:
        """What is on a line: texts, each with its ink, such as "quiet"; `width` cells are there."""
        raise NotImplementedError

    def rows_changed(self) -> None:
        """Draw all lines anew, after they changed; the highlight stays as near as it can."""
        self.virtual_size = Size(self.size.width, self.count)
        self.cursor = self.validate_cursor(self.cursor)
        self.refresh(layout=True)

    def on_mount(self) -> None:
        """Count the lines."""
        self.rows_changed()

    def on_resize(self) -> None:
        """Keep the scrollable width the widget's own."""
        self.virtual_size = Size(self.size.width, self.count)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """As high as there are lines, where the layout leaves it open."""
        return self.count

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two lines anew and bring the new one into sight."""
        self.refresh_line(before)
        self.refresh_line(after)
        self.scroll_to_region(Region(0, after, 1, 1), animate=False, force=True)
        self.post_message(self.Highlighted())

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on the list."""
        return max(0, min(cursor, self.count - 1))

    def action_move(self, by: int) -> None:
        """Move the highlight by so many lines."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """Move the highlight by so many pages."""
        self.cursor += by * max(1, self.size.height - 1)

    def action_move_to(self, index: int) -> None:
        """Move the highlight to a line; -1 is the last."""
        self.cursor = index if index >= 0 else self.count - 1

    def action_choose(self) -> None:
        """Choose the highlighted line."""
        if self.count:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        """Highlight the line under the mouse; a second click chooses it."""
        index = event.y + self.scroll_offset.y
        if index < self.count:
            self.cursor = index
            if event.chain > 1:
                self.double_clicked()

    def double_clicked(self) -> None:
        """Do what a double click does: choose, unless a list has something better."""
        self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= self.count:
            return Strip.blank(width, self.rich_style)
        marked = index == self.cursor
        base = self.get_component_rich_style("line-list--cursor") if marked else self.rich_style
        segments = [
            Segment(text, base + ink_of(self, f"line-list--{ink}"))
            for text, ink in [(" ▸ " if marked else "   ", "accent"), *self.spans(index, width - 4)]
        ]
        return Strip(segments).adjust_cell_length(width, base)

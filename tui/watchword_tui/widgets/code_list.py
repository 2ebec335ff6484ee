"""The list of accounts with their live codes, drawn line by line: only what is visible costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from watchword_tui.accounts import Account, LiveCode, grouped, live_code

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events

_CODE_WIDTH = 12
_NEXT_WIDTH = 18
_ISSUER_SHARE = 0.42
_NARROWEST_WITH_NEXT = 56


class CodeList(ScrollView, can_focus=True):
    """Accounts, one a line: issuer, name, code, next code; one of them is highlighted."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "code-list--cursor",
        "code-list--issuer",
        "code-list--code",
        "code-list--quiet",
        "code-list--warning",
    }
    DEFAULT_CSS = """
    CodeList {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        .code-list--issuer { text-style: bold; }
        .code-list--code { color: $accent; text-style: bold; }
        .code-list--quiet { color: $foreground 55%; }
        .code-list--warning { color: $warning; }
        .code-list--cursor { background: $panel; }
        &:focus .code-list--cursor { background: $accent 25%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Previous account", show=False),
        Binding("down,j", "move(1)", "Next account", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move_to(0)", "First account", show=False),
        Binding("end,G", "move_to(-1)", "Last account", show=False),
        Binding("enter", "choose", "Copy the code", show=False),
    ]
    ALLOW_SELECT = False

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the highlighted account."""

    class Highlighted(Message):
        """Another account is highlighted."""

    class Chosen(Message):
        """The highlighted account was chosen with Enter or a double click."""

    def __init__(self) -> None:
        super().__init__()
        self._accounts: tuple[Account, ...] = ()
        self._now = 0.0
        self._lives: dict[int, LiveCode] = {}

    def show_accounts(self, accounts: tuple[Account, ...], now: float) -> None:
        """Show `accounts` with their codes at `now` (Unix seconds)."""
        self._accounts = accounts
        self._lives.clear()
        self._now = now
        self.virtual_size = Size(self.size.width, len(accounts))
        self.cursor = min(self.cursor, max(0, len(accounts) - 1))
        self.refresh()

    @property
    def highlighted(self) -> Account | None:
        """The highlighted account, or None in an empty list."""
        return self._accounts[self.cursor] if self._accounts else None

    def tick(self, now: float) -> None:
        """Go on to `now` (Unix seconds); lines are drawn again only where a code changed."""
        self._now = now
        stale = [
            index
            for index, live in self._lives.items()
            if not live.is_current(self._accounts[index].key, now)
        ]
        for index in stale:
            del self._lives[index]
        if stale:
            self.refresh()

    def on_resize(self) -> None:
        """Keep the scrollable width the widget's own."""
        self.virtual_size = Size(self.size.width, len(self._accounts))

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two lines anew and bring the new one into sight."""
        self.refresh_lines(before, 1)
        self.refresh_lines(after, 1)
        self.scroll_to_region(Region(0, after, 1, 1), animate=False, force=True)
        self.post_message(self.Highlighted())

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on the list."""
        return max(0, min(cursor, len(self._accounts) - 1))

    def action_move(self, by: int) -> None:
        """Move the highlight by so many lines."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """Move the highlight by so many pages."""
        self.cursor += by * max(1, self.size.height - 1)

    def action_move_to(self, index: int) -> None:
        """Move the highlight to a line; -1 is the last."""
        self.cursor = index if index >= 0 else len(self._accounts) - 1

    def action_choose(self) -> None:
        """Choose the highlighted account."""
        if self._accounts:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        """Highlight the account under the mouse; a second click chooses it."""
        index = event.y + self.scroll_offset.y
        if index < len(self._accounts):
            self.cursor = index
            if event.chain > 1:
                self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._accounts):
            return Strip.blank(width, self.rich_style)
        account = self._accounts[index]
        live = self._lives.get(index)
        if live is None:
            live = self._lives[index] = live_code(account.key, self._now)
        cursor = index == self.cursor
        base = self.get_component_rich_style("code-list--cursor") if cursor else self.rich_style
        segments = [
            Segment(text, base + style)
            for text, style in self._columns(account, live, width, cursor=cursor)
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _columns(
        self, account: Account, live: LiveCode, width: int, *, cursor: bool
    ) -> list[tuple[str, Style]]:
        quiet = self._ink("code-list--quiet")
        with_next = width >= _NARROWEST_WITH_NEXT
        labels = width - 4 - _CODE_WIDTH - (_NEXT_WIDTH if with_next else 0)
        issuer_width = int(labels * _ISSUER_SHARE) if account.name else labels
        columns = [
            (" ▸" if cursor else "  ", self._ink("code-list--code")),
            ("! " if account.notices else "  ", self._ink("code-list--warning")),
            (_fit(account.issuer, issuer_width), self._ink("code-list--issuer")),
        ]
        if account.name:
            columns.append((_fit(account.name, labels - issuer_width), quiet))
        columns.append((_fit(grouped(live.code), _CODE_WIDTH), self._ink("code-list--code")))
        if with_next:
            columns.append((_fit(f"then {grouped(live.next_code)}", _NEXT_WIDTH), quiet))
        return columns

    def _ink(self, component: str) -> Style:
        """A component's foreground and attributes, to be laid over the line's background."""
        return self.get_component_rich_style(component, partial=True)


def _fit(text: str, width: int) -> str:
    """Cut or pad to `width` cells, with one blank at the end and an ellipsis where text is missing."""
    room = width - 1
    if cell_len(text) > room:
        text = set_cell_size(text, max(0, room - 1)).rstrip() + "…"
    return set_cell_size(text, width)

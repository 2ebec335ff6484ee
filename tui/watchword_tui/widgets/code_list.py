"""The list of accounts with their live codes, drawn line by line: only what is visible costs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from watchword_tui.accounts import grouped
from watchword_tui.widgets.cells import fit, ink_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from watchword_tui.code_book import CodeBook, Look
    from watchword_tui.listing import Line, Shown

SOON = 5
"""Seconds before its end from which a code is marked as about to change."""

_HEAD_WIDTH = 4
_CODE_WIDTH = 13
_NEXT_WIDTH = 18
_ISSUER_SHARE = 0.42
_NARROWEST_WITH_NEXT = 72
"""Below, the labels need the room more; the card has the next code too."""
_FOUND = Style(bold=True, underline=True)
_WORDS_LEFT = 4


class CodeList(ScrollView, can_focus=True):
    """Accounts, one a line: issuer, name, code, next code; one of them is highlighted."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "code-list--line",
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
        .code-list--quiet { color: $foreground 65%; }
        .code-list--warning { color: $warning; }
        .code-list--cursor { background: $panel; }
        &:focus .code-list--cursor { background: $accent 25%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Previous account", show=False, id="up"),
        Binding("down,j", "move(1)", "Next account", show=False, id="down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="page-down"),
        Binding("home,g", "move_to(0)", "First account", show=False, id="first"),
        Binding("end,G", "move_to(-1)", "Last account", show=False, id="last"),
        Binding("enter", "choose", "Copy, or show it", show=False, id="choose"),
    ]
    ALLOW_SELECT = False

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the highlighted line."""

    class Highlighted(Message):
        """Another line is highlighted, or the same one has changed."""

    class Chosen(Message):
        """The highlighted line was chosen with Enter or a double click."""

    def __init__(self, book: CodeBook) -> None:
        """Show the codes that `book` gives."""
        super().__init__()
        self._book = book
        self._shown: Sequence[Shown] = ()
        self._words: list[str] = []
        self._now = 0.0
        self._soon: list[bool] = []

    def show_lines(
        self, shown: Sequence[Shown], now: float, *, select: str | None = None, words: str = ""
    ) -> None:
        """Show lines at `now` (Unix seconds).

        Args:
            shown: The lines.
            now: Unix seconds.
            select: Identity of the line to highlight; else the highlight stays where it is.
            words: What to say if there is no line.
        """
        self._shown, self._now = shown, now
        self._words = words.splitlines()
        self._soon = []
        if len(shown) != self.virtual_size.height:
            # Nothing is to be seen beside the list, whatever its width is.
            self.virtual_size = Size(0, len(shown))
            # At once: Textual finds out when all is laid out, and lays out and draws all once more.
            self.show_vertical_scrollbar = len(shown) > self.container_size.height
        index = next(
            (number for number, one in enumerate(shown) if one.line.identity == select), self.cursor
        )
        self.cursor = index
        self.refresh()
        self.post_message(self.Highlighted())

    @property
    def highlighted(self) -> Line | None:
        """The highlighted line, or None in an empty list."""
        return self._shown[self.cursor].line if self._shown else None

    def neighbour(self, by: int) -> Line | None:
        """The line shown `by` lines after the highlighted one; None beyond the ends."""
        index = self.cursor + by
        return self._shown[index].line if 0 <= index < len(self._shown) else None

    def tick(self, now: float) -> None:
        """Go on to `now` (Unix seconds); lines are drawn again only where a code changed."""
        self._now = now
        stale = self._book.turn(now)
        soon = [self._is_soon(one.line) for one in self._visible()]
        if stale:
            self.refresh()
        elif soon != self._soon:
            # The mark stands at the left edge, so this is all the terminal is sent.
            self.refresh(Region(0, 0, 1, self.size.height))
        self._soon = soon

    def _visible(self) -> Sequence[Shown]:
        top = self.scroll_offset.y
        return self._shown[top : top + self.size.height]

    def _is_soon(self, line: Line) -> bool:
        look = self._book.look(line, self._now)
        return look is not None and look.until - self._now <= SOON

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two lines anew and bring the new one into sight."""
        self.refresh_lines(before, 1)
        self.refresh_lines(after, 1)
        self.scroll_to_region(Region(0, after, 1, 1), animate=False, force=True)
        self.post_message(self.Highlighted())

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on the list."""
        return max(0, min(cursor, len(self._shown) - 1))

    def action_move(self, by: int) -> None:
        """Move the highlight by so many lines."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """Move the highlight by so many pages."""
        self.cursor += by * max(1, self.size.height - 1)

    def action_move_to(self, index: int) -> None:
        """Move the highlight to a line; -1 is the last."""
        self.cursor = index if index >= 0 else len(self._shown) - 1

    def action_choose(self) -> None:
        """Choose the highlighted line."""
        if self._shown:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        """Highlight the line under the mouse; a second click chooses it."""
        index = event.y + self.scroll_offset.y
        if index < len(self._shown):
            self.cursor = index
            if event.chain > 1:
                self.action_choose()

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._shown):
            words = self._words[y] if not self._shown and y < len(self._words) else ""
            base = self.get_component_rich_style("code-list--line")
            quiet = base + ink_of(self, "code-list--quiet")
            return Strip([Segment(" " * _WORDS_LEFT + words, quiet)]).adjust_cell_length(width, base)
        line, marks = self._shown[index].line, self._shown[index].marks
        cursor = index == self.cursor
        # Not `rich_style`, which is mixed anew of all that is behind it each time.
        base = self.get_component_rich_style(f"code-list--{'cursor' if cursor else 'line'}")
        columns = [*self._head(line, cursor=cursor)]
        if line.account is None:
            columns += self._quarantined(line, marks, width - _HEAD_WIDTH)
        else:
            look = self._book.look(line, self._now)
            assert look is not None  # noqa: S101 - there is an account
            columns += self._labels_and_code(line, marks, look, width - _HEAD_WIDTH)
        if not marks and columns[0][0].isspace():
            # Blanks look the same in any ink, and each change of it costs the terminal forty bytes.
            (blanks, _), (text, ink), *rest = columns
            columns = [(blanks + text, ink), *rest]
        return Strip([Segment(text, base + ink) for text, ink in columns]).adjust_cell_length(
            width, base
        )

    def _head(self, line: Line, *, cursor: bool) -> list[tuple[str, Style]]:
        """Four cells: about to change, highlighted, favourite or something unusual."""
        account = line.account
        sign = " "
        if account is None or account.notices:
            sign = "!"
        elif account.favourite:
            sign = "★"
        warning = ink_of(self, "code-list--warning")
        star = ink_of(self, "code-list--code")
        rail = "▌" if self._is_soon(line) else " "
        columns = [
            (rail, warning),
            ("▸" if cursor else " ", star),
            (sign, warning if sign == "!" else star),
        ]
        # As few changes of colour as can be: each costs the terminal some thirty bytes.
        plain = Style()
        drawn = [(text, plain if text == " " else ink) for text, ink in [*columns, (" ", plain)]]
        return [
            ("".join(text for text, _ in run), ink)
            for ink, run in groupby(drawn, key=lambda one: one[1])
        ]

    def _labels_and_code(
        self, line: Line, marks: Sequence[int], look: Look, width: int
    ) -> list[tuple[str, Style]]:
        quiet = ink_of(self, "code-list--quiet")
        with_next = width + _HEAD_WIDTH >= _NARROWEST_WITH_NEXT
        labels = width - _CODE_WIDTH - (_NEXT_WIDTH if with_next else 0)
        issuer_width = int(labels * _ISSUER_SHARE) if line.name else labels
        columns = _marked(fit(line.issuer, issuer_width), marks, 0, ink_of(self, "code-list--issuer"))
        if line.name:
            name = fit(line.name, labels - issuer_width)
            columns += _marked(name, marks, len(line.issuer) + 1, quiet)
        code, after = look.text, ""
        if look.counter is not None:
            after = f"of counter {look.counter}" if code else "n shows a code"
        elif not look.hidden:
            after = f"then {grouped(look.next_code)}"
        if code:
            columns.append(
                (fit(code, _CODE_WIDTH), quiet if look.hidden else ink_of(self, "code-list--code"))
            )
        else:
            columns.append((fit(f"counter {look.counter}", _CODE_WIDTH), quiet))
        if with_next:
            columns.append((fit(after, _NEXT_WIDTH), quiet))
        return columns

    def _quarantined(self, line: Line, marks: Sequence[int], width: int) -> list[tuple[str, Style]]:
        title_width = int((width - _CODE_WIDTH) * _ISSUER_SHARE)
        reason = line.row.reason if line.row else ""
        title = _marked(fit(line.issuer, title_width), marks, 0, ink_of(self, "code-list--issuer"))
        return [*title, (fit(reason, width - title_width), ink_of(self, "code-list--warning"))]


def _marked(text: str, marks: Sequence[int], start: int, ink: Style) -> list[tuple[str, Style]]:
    """Split a text, whose first letter has the place `start`, into what was found and the rest."""
    places = {place - start for place in marks}
    if not places:
        return [(text, ink)]
    runs = groupby(enumerate(text), key=lambda one: one[0] in places)
    return [
        ("".join(letter for _, letter in run), ink + _FOUND if found else ink) for found, run in runs
    ]

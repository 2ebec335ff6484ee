"""The highlighted account, large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Digits, Static

from watchword_otp import Kind
from watchword_tui.accounts import grouped

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from watchword_tui.accounts import Account
    from watchword_tui.code_book import CodeBook, Look
    from watchword_tui.listing import Line

_NOTE_LINES = 6
_NOTE_LENGTH = 400
_QUIET = "$foreground 65%"


class CodeCard(Horizontal):
    """The code in large digits, with whose it is, the code after it, and what is unusual.

    Where there is room, note, groups and the number of uses too.
    """

    DEFAULT_CSS = """
    CodeCard {
        height: auto;
        #large { width: auto; height: 3; margin-right: 3; color: $accent; text-style: bold; }
        #about { height: auto; width: 1fr; }
    }
    """

    def __init__(self, book: CodeBook) -> None:
        """Show the codes that `book` gives."""
        super().__init__(classes="panel", id="card")
        self.border_title = "Code"
        self._book = book
        self._line: Line | None = None
        self._uses = 0
        self._look: Look | None = None
        self._now = 0.0

    def compose(self) -> ComposeResult:
        """Lay out the digits and the words beside them."""
        yield Digits("", id="large")
        yield Static("", id="about", markup=False)

    @property
    def code(self) -> str:
        """The code, without its groups, hidden or not; empty where there is none now."""
        return self._look.code if self._look else ""

    def show_line(self, line: Line | None, now: float, uses: int = 0) -> None:
        """Show a line with its code at `now` (Unix seconds); its account was used `uses` times."""
        self._line, self._uses, self._look = line, uses, None
        self._now = now
        self.draw()

    def on_mount(self) -> None:
        """Draw what was to be shown before there was a place for it."""
        self.draw()

    def tick(self, now: float) -> None:
        """Go on to `now` (Unix seconds); nothing is drawn while the code stays."""
        self._now = now
        look = self._book.look(self._line, now) if self._line else None
        if look is not self._look:
            self.draw()

    def on_resize(self) -> None:
        """Say more or less, by the room there is."""
        self.draw()

    def draw(self) -> None:
        """Draw the line as it is now."""
        line = self._line
        self._look = look = self._book.look(line, self._now) if line else None
        if line is None or not self.is_mounted:
            return
        account = line.account
        if account is None or look is None:
            self._write("", _about_quarantined(line))
            return
        # Textual's large glyphs are digits; Steam's letters and dots have none.
        large = "" if look.hidden or account.key.kind is Kind.STEAM else look.text
        self._write(large, self._about(account, look, large=bool(large)))

    def _write(self, large: str, about: Content) -> None:
        digits = self.query_one("#large", Digits)
        digits.display = bool(large)
        if large:
            digits.update(large)
        self.query_one("#about", Static).update(about)

    def _about(self, account: Account, look: Look, *, large: bool) -> Content:
        parts: list[tuple[str, str]] = []
        if look.code and not large:
            spread = look.text if look.hidden else "  ".join(look.code)
            parts.append((f"{spread}\n", "bold $accent"))
        parts.append((account.issuer, "bold"))
        if account.name:
            parts.append((f"\n{account.name}", _QUIET))
        parts.append((f"\n{_what_comes(look)}", _QUIET))
        parts += [(f"\n! {notice}", "$warning") for notice in account.notices]
        if self.screen.has_class("-wide"):
            parts += self._more(account)
        return Content.assemble(*parts)

    def _more(self, account: Account) -> list[tuple[str, str]]:
        facts = ["★ favourite"] if account.favourite else []
        if account.groups:
            facts.append(f"in {', '.join(account.groups)}")
        if self._uses:
            facts.append("used once" if self._uses == 1 else f"used {self._uses} times")
        parts = [(f"\n\n{'  ·  '.join(facts)}", _QUIET)] if facts else []
        if account.note:
            parts.append((f"\n\n{_shortened(account.note)}", ""))
        return parts


def _what_comes(look: Look) -> str:
    if look.counter is not None:
        return f"counter {look.counter}" if look.code else f"counter {look.counter}: n shows its code"
    return "Enter shows it" if look.hidden else f"then {grouped(look.next_code)}"


def _about_quarantined(line: Line) -> Content:
    reason = line.row.reason if line.row else ""
    return Content.assemble(
        (line.issuer, "bold"),
        (f"\n! {reason}", "$warning"),
        ("\nKept in the vault as it is. Enter: what can be done", _QUIET),
    )


def _shortened(note: str) -> str:
    lines = note[:_NOTE_LENGTH].splitlines()
    shown = "\n".join(lines[:_NOTE_LINES])
    return shown if len(shown) == len(note) else f"{shown} …"

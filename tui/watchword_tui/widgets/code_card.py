"""The highlighted account, large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Digits, Static

from watchword_otp import Kind
from watchword_tui.accounts import Account, LiveCode, grouped, live_code

if TYPE_CHECKING:
    from textual.app import ComposeResult


class CodeCard(Horizontal):
    """The code in large digits, with whose it is, the code after it, and what is unusual."""

    DEFAULT_CSS = """
    CodeCard {
        height: auto;
        #large { width: auto; height: 3; margin-right: 3; color: $accent; text-style: bold; }
        #about { height: auto; width: 1fr; }
    }
    """

    def __init__(self) -> None:
        super().__init__(classes="panel", id="card")
        self.border_title = "Code"
        self._account: Account | None = None
        self._live: LiveCode | None = None

    def compose(self) -> ComposeResult:
        """Lay out the digits and the words beside them."""
        yield Digits("", id="large")
        yield Static("", id="about", markup=False)

    @property
    def code(self) -> str:
        """The code shown, without its groups; empty without an account."""
        return self._live.code if self._live else ""

    def show_account(self, account: Account | None, now: float) -> None:
        """Show `account` with its code at `now` (Unix seconds)."""
        self._account, self._live = account, None
        if account is not None:
            # Textual's large glyphs are digits; Steam's letters have none.
            self.query_one("#large").display = account.key.kind is not Kind.STEAM
            self.tick(now)

    def tick(self, now: float) -> None:
        """Go on to `now` (Unix seconds); nothing is drawn while the code stays."""
        if self._account is None:
            return
        if self._live is not None and self._live.is_current(self._account.key, now):
            return
        self._live = live = live_code(self._account.key, now)
        self.query_one("#large", Digits).update(grouped(live.code))
        self.query_one("#about", Static).update(self._about(self._account, live))

    @staticmethod
    def _about(account: Account, live: LiveCode) -> Content:
        after = f"then {grouped(live.next_code)}"
        if account.key.kind is Kind.HOTP:
            after = f"counter {live.moving_factor}, {after}"
        parts: list[tuple[str, str]] = [(account.issuer, "bold")]
        if account.key.kind is Kind.STEAM:
            parts.insert(0, (f"{'  '.join(live.code)}\n", "bold $accent"))
        if account.name:
            parts.append((f"\n{account.name}", "$foreground 65%"))
        parts.append((f"\n{after}", "$foreground 65%"))
        parts += [(f"\n! {notice}", "$warning") for notice in account.notices]
        return Content.assemble(*parts)

"""The highlighted account, large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
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
        #large { width: auto; height: 3; color: $accent; text-style: bold; }
        #large-plain { width: auto; height: 3; color: $accent; text-style: bold; padding: 1 1; }
        #about { height: auto; width: 1fr; padding-left: 3; }
        #title { text-style: bold; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
        #name, #next { color: $foreground 65%; height: 1; text-overflow: ellipsis; text-wrap: nowrap; }
        #notices { color: $warning; height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._account: Account | None = None
        self._live: LiveCode | None = None

    def compose(self) -> ComposeResult:
        """Lay out the digits and the words beside them."""
        yield Digits("", id="large")
        yield Static("", id="large-plain", markup=False)
        with Vertical(id="about"):
            yield Static("", id="title", markup=False)
            yield Static("", id="name", markup=False)
            yield Static("", id="next", markup=False)
            yield Static("", id="notices", markup=False)

    @property
    def code(self) -> str:
        """The code shown, without its groups; empty without an account."""
        return self._live.code if self._live else ""

    def show_account(self, account: Account | None, now: float) -> None:
        """Show `account` with its code at `now` (Unix seconds)."""
        self._account, self._live = account, None
        if account is None:
            return
        steam = account.key.kind is Kind.STEAM
        # Textual's large glyphs are digits; Steam's letters have none.
        self.query_one("#large").display = not steam
        self.query_one("#large-plain").display = steam
        self.query_one("#title", Static).update(Content(account.issuer))
        self.query_one("#name", Static).update(Content(account.name))
        notices = self.query_one("#notices", Static)
        notices.update(Content("\n".join(f"! {notice}" for notice in account.notices)))
        notices.display = bool(account.notices)
        self.tick(now)

    def tick(self, now: float) -> None:
        """Go on to `now` (Unix seconds); nothing is drawn while the code stays."""
        if self._account is None:
            return
        live = live_code(self._account.key, now)
        if self._live is not None and live.moving_factor == self._live.moving_factor:
            return
        self._live = live
        if self._account.key.kind is Kind.STEAM:
            self.query_one("#large-plain", Static).update(Content("  ".join(live.code)))
        else:
            self.query_one("#large", Digits).update(grouped(live.code))
        after = f"then {grouped(live.next_code)}"
        if self._account.key.kind is Kind.HOTP:
            after = f"counter {live.moving_factor}, {after}"
        self.query_one("#next", Static).update(Content(after))

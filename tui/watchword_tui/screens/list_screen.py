"""The list of accounts with its codes: which lines are shown, and what is done with their codes."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, cast

from msgspec.structs import replace
from textual import getters, on, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from watchword_otp import Kind
from watchword_tui.code_book import CodeBook
from watchword_tui.listing import Listing, Order, View, empty_words
from watchword_tui.screens.account_screen import AccountScreen
from watchword_tui.widgets.code_list import CodeList
from watchword_tui.widgets.gauge import Gauge
from watchword_tui.widgets.group_line import GroupLine
from watchword_tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_tui.accounts import Account
    from watchword_tui.app import WatchwordApp
    from watchword_tui.session import Session
    from watchword_tui.vault.rows import Row
    from watchword_tui.widgets.code_card import CodeCard
    from watchword_tui.widgets.filter_bar import FilterBar

_BARS_OF_ONE = (15,)
_BARS_OF_SEVERAL = (10, 10)
"""Cells of the gauges' bars, by how many periods are in use."""


class ListScreen(AccountScreen):
    """The accounts one below the other, filtered, sorted and grouped, with their codes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "Copy", id="copy", tooltip="Send the code to your terminal's clipboard"),
        Binding("slash", "filter", "Find", id="find", key_display="/", tooltip="Find by a few letters"),
        Binding(
            "n",
            "next_code",
            "Next code",
            show=False,
            id="next-code",
            tooltip="HOTP: move the counter on and show its code",
        ),
        Binding(
            "space",
            "reveal",
            "Show the code",
            show=False,
            id="reveal",
            tooltip="Show a hidden code until it ends",
        ),
        Binding(
            "full_stop",
            "toggle_hidden",
            "Hide codes",
            show=False,
            id="hide",
            key_display=".",
            tooltip="Dots for codes, or no more",
        ),
        Binding(
            "o",
            "order",
            "Order",
            show=False,
            id="order",
            tooltip="Sort as in the file, by issuer, by use",
        ),
        Binding(
            "left,left_square_bracket",
            "group(-1)",
            "Previous group",
            show=False,
            id="previous-group",
            key_display="←",
        ),
        Binding(
            "right,right_square_bracket",
            "group(1)",
            "Next group",
            show=False,
            id="next-group",
            key_display="→",
        ),
    ]

    code_list = getters.query_one(CodeList)
    status = getters.query_one(StatusLine)

    def __init__(self, session: Session) -> None:
        """Show the accounts of `session`."""
        super().__init__(session)
        self._book = CodeBook(hidden=session.settings.hide_codes)
        self._card: CodeCard | None = None
        self._listing = Listing()
        self._view = View(Order(session.settings.sort))
        self._counting = False
        self.filter_bar: FilterBar | None = None
        """The filter; it comes when the codes are on the screen."""

    @property
    def card(self) -> CodeCard:
        """The highlighted account, large; it comes when the codes are on the screen."""
        assert self._card is not None  # noqa: S101 - there is nobody to press a key before
        return self._card

    def add_card(self) -> CodeCard:
        """Make the card, to be mounted."""
        from watchword_tui.widgets.code_card import CodeCard  # noqa: PLC0415 - not for the first frame

        self._card = CodeCard(self._book)
        self._show_card()
        return self._card

    def gauges(self) -> list[Gauge]:
        """One gauge for each period in use; the rarer ones are numbers only."""
        periods = self._session.periods
        bars = _BARS_OF_ONE if len(periods) == 1 else _BARS_OF_SEVERAL
        return [
            Gauge(period, bar=bar, show_period=len(periods) > 1)
            for period, bar in zip_longest(periods, bars[: len(periods)], fillvalue=0)
        ]

    def _tick(self) -> None:
        """Tick, and again when the wall clock's second ends: an interval would drift."""
        self.tick()
        self.set_timer(1.0 - self._session.clock() % 1.0 + 0.002, self._tick)

    def tick(self) -> None:
        """Show this second."""
        now = self._session.clock()
        for gauge in self.query(Gauge):
            gauge.show(now)
        self.code_list.tick(now)
        if self._card is not None:
            self._card.tick(now)

    # Which lines are shown.

    def show_accounts(self, select: str | None = None) -> None:
        """Show the session's accounts, after they changed too."""
        accounts = self._session.accounts
        keeper = self._session.keeper
        self._book.forget()
        self._listing = Listing(
            accounts,
            keeper.quarantined if keeper else (),
            keeper.groups if keeper else (),
            self._session.usage.use_of,
        )
        if self._view.group not in self._listing.groups:
            self._view = replace(self._view, group=None)
        self.status.show_accounts(len(accounts), plain=self._session.is_plain)
        self.set_class(not self._listing.total, "-empty")
        self._show_lines(select or self._identity)

    @property
    def _identity(self) -> str | None:
        line = self.code_list.highlighted
        return line.identity if line else None

    def _show_lines(self, select: str | None) -> None:
        shown = self._listing.shown(self._view)
        words = "" if shown else empty_words(self._listing, self._view)
        self.code_list.show_lines(shown, self._session.clock(), select=select, words=words)
        if self.filter_bar is not None:
            self.filter_bar.show_count(len(shown), self._listing.total)
        about = [] if self._view.order is Order.FILE else [self._view.order.words]
        if self._book.hidden:
            about.append("codes hidden")
        self.query_one(GroupLine).show(self._listing.groups, self._view.group, "   ".join(about))

    def accounts_changed(self, select: str | None = None) -> None:
        """Show the session's accounts anew, with a gauge for each of their periods."""
        self.show_accounts(select)
        row = self.query_one("#gauges", Horizontal)
        periods = [gauge.period for gauge in self.query(Gauge)]
        if periods != self._session.periods:
            row.remove_children()
            row.mount_all(self.gauges())
        self.call_after_refresh(self.tick)

    def highlighted_account(self) -> Account | None:
        """The account that actions are about."""
        line = self.code_list.highlighted
        return line.account if line else None

    def highlighted_code(self) -> str:
        """The highlighted account's code, hidden or not; empty where there is none now."""
        line = self.code_list.highlighted
        look = self._book.look(line, self._session.clock()) if line else None
        return look.code if look else ""

    def highlighted_quarantined(self) -> Row | None:
        """The quarantined row that is highlighted, if it is one."""
        line = self.code_list.highlighted
        return line.row if line else None

    def neighbour(self, by: int) -> Account | None:
        """The account shown next to the highlighted one; None where the list is not as in the file."""
        here, there = self.highlighted_account(), self.code_list.neighbour(by)
        if here is None or there is None or there.account is None:
            return None
        if self._view.query.strip() or self._view.order is not Order.FILE:
            return None
        return there.account if there.account.favourite == here.favourite else None

    def action_filter(self) -> None:
        """Type letters that the lines shown must have."""
        if self.filter_bar is None:
            self.call_after_refresh(self.action_filter)
            return
        self.query_one(GroupLine).display = False
        self.filter_bar.open()
        self.filter_bar.show_count(len(self._listing.shown(self._view)), self._listing.total)
        # The line is seen before the focus moves: that makes the footer anew, which takes longer.
        self._refresh_layout()
        self.call_next(self.filter_bar.field.focus)

    def find(self, query: str) -> None:
        """Show what fits the letters, the best first; without letters, keep the one highlighted."""
        if query == self._view.query:
            return
        self._view = replace(self._view, query=query)
        if query.strip():
            self._show_lines(None)
            self.code_list.cursor = 0
        else:
            self._show_lines(self._identity)

    def on_filter_bar_left(self) -> None:
        """Go back to the list; without letters the groups come back."""
        self.code_list.focus()
        if not self._view.query and self.filter_bar is not None:
            self.filter_bar.display = False
            self.query_one(GroupLine).display = True

    def leave_filter(self) -> bool:
        """Clear the filter; tell whether there was one."""
        if self.filter_bar is None or not self.filter_bar.display:
            return False
        self.filter_bar.close()
        self.on_filter_bar_left()
        return True

    def action_order(self) -> None:
        """Sort in the next way."""
        self._view = replace(self._view, order=self._view.order.following)
        self._show_lines(self._identity)

    def action_group(self, by: int) -> None:
        """Show the next group, round and round."""
        groups = self._listing.groups
        if len(groups) > 1:
            self._show_group(groups[(groups.index(self._view.group) + by) % len(groups)])

    @on(GroupLine.Chosen)
    def _group_chosen(self, event: GroupLine.Chosen) -> None:
        self._show_group(event.group)

    def _show_group(self, group: str | None) -> None:
        self._view = replace(self._view, group=group)
        self._show_lines(self._identity)

    # What is done with codes.

    @on(CodeList.Highlighted)
    def _highlighted(self) -> None:
        line = self.code_list.highlighted
        if self._book.moved(line):
            self.code_list.refresh()
        self._show_card()

    def _show_card(self) -> None:
        line = self.code_list.highlighted
        if self._card is not None:
            uses = self._session.usage.use_of(line.identity).count if line else 0
            self._card.show_line(line, self._session.clock(), uses)

    def _codes_changed(self) -> None:
        self.code_list.refresh()
        self._show_card()

    @on(CodeList.Chosen)
    def _chosen(self) -> None:
        """Copy; what cannot be copied yet is shown first."""
        line = self.code_list.highlighted
        if line is None:
            return
        if line.row is not None:
            self.open_quarantined(line.row)
            return
        look = self._book.look(line, self._session.clock())
        if look is not None and look.hidden:
            self.action_reveal()
        else:
            self.action_copy()

    def action_copy(self) -> None:
        """Send the code to the terminal's clipboard; whether it takes it cannot be known."""
        account = self.highlighted_account()
        if account is None:
            return
        code = self.highlighted_code()
        if not code:
            self.notify("n moves the counter on and shows its code.", title="No code yet", markup=False)
            return
        self._copy(code)
        self._session.usage.note(account.id, self._session.clock())
        self.notify("If nothing arrives, your terminal does not take it.", title="Sent to your terminal")

    def _copy(self, code: str) -> None:
        cast("WatchwordApp", self.app).send_code(code)

    def action_reveal(self) -> None:
        """Show the highlighted code, if it is hidden, until its step ends."""
        line = self.code_list.highlighted
        if line is not None and self._book.hidden:
            self._book.reveal(line, self._session.clock())
            self._codes_changed()

    def action_toggle_hidden(self) -> None:
        """Show dots in the place of codes, or no more."""
        self._book.toggle_hidden()
        self._show_lines(self._identity)

    @work
    async def action_next_code(self) -> None:
        """Move a HOTP account's counter on, save it, and only then show the code."""
        account, line = self.highlighted_account(), self.code_list.highlighted
        if account is None or line is None or self._counting:
            return
        if account.key.kind is not Kind.HOTP:
            self.notify("Its codes change by themselves.", title="No counter", markup=False)
            return
        self._counting = True
        try:
            before = await self._count(account)
        finally:
            self._counting = False
        if before is not None:
            self._book.show_counted(line, before.key, self._session.clock())
            self._codes_changed()

    async def _count(self, account: Account) -> Account | None:
        """Move the counter on for good, if it can be; give the account as it was before."""
        keeper = self._session.keeper
        if keeper is None or not account.id:
            self.notify(
                f"It comes from {account.source}: its counter lives as long as this run. "
                "In the vault (i) it would be kept.",
                title="Counter not saved",
                severity="warning",
                markup=False,
            )
            return self._book.count(account)
        before: list[Account] = []

        async def advance() -> None:
            before.append(await keeper.advance(account.id))

        if not await self._saved(advance()):
            return None
        self.show_accounts()
        if before:
            return before[0]
        # The counter that was saved by merging has not been shown, and is passed over.
        self.notify("Press n once more.", title="Merged", markup=False)
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what needs an account where there is none; the filter is opened once."""
        if action == "filter":
            return self.filter_bar is None or self.focused is not self.filter_bar.field
        if action in {"copy", "qr"} and not self._session.accounts:
            return None
        return super().check_action(action, parameters)

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        yield SystemCommand("Find", "Find accounts by a few letters", self.action_filter)
        yield SystemCommand("Copy", "Send the code to your terminal's clipboard", self.action_copy)
        yield SystemCommand("Next code", "HOTP: count on and show the code", self.action_next_code)
        yield SystemCommand("Order", "Sort as in the file, by issuer, by use", self.action_order)
        yield SystemCommand("Next group", "Show another group", lambda: self.action_group(1))
        yield SystemCommand("Previous group", "Show another group", lambda: self.action_group(-1))
        yield SystemCommand("Hide codes", "Dots for codes, or no more", self.action_toggle_hidden)
        yield SystemCommand("Show the code", "Show a hidden code until it ends", self.action_reveal)
        yield from super().commands()

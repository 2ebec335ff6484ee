"""The list of accounts: which lines are shown, in which order."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual import getters, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import ScreenResume
from textual.screen import ModalScreen
from textual.widgets import Input

from watchword_tui.code_book import CodeBook
from watchword_tui.listing import Listing, Order, View, empty_words
from watchword_tui.screens.account_screen import AccountScreen
from watchword_tui.widgets.code_list import CodeList
from watchword_tui.widgets.gauge import Gauge
from watchword_tui.widgets.group_line import GroupLine
from watchword_tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.timer import Timer

    from watchword_tui.accounts import Account
    from watchword_tui.session import Session
    from watchword_tui.vault.rows import Row
    from watchword_tui.widgets.filter_bar import FilterBar

_BARS_OF_ONE = (10,)
_BARS_OF_SEVERAL = (10, 10)
"""Cells of the gauges' bars, by how many periods are in use."""


class ListScreen(AccountScreen):
    """The accounts one below the other: filtered, sorted and grouped."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the list sees it: letters that follow at once go into the field.
        Binding(
            "slash",
            "filter",
            "Find",
            id="find",
            key_display="/",
            priority=True,
            tooltip="Find by a few letters",
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
        self._listing = Listing()
        self._view = View(Order(session.settings.sort))
        self._counts = False
        self._ticking: Timer | None = None
        self.filter_bar: FilterBar | None = None
        """The filter; it comes when the codes are on the screen."""

    def gauges(self) -> list[Gauge]:
        """One gauge for each period in use; the rarer ones are numbers only."""
        periods = self._session.periods
        bars = _BARS_OF_ONE if len(periods) == 1 else _BARS_OF_SEVERAL
        return [
            Gauge(period, bar=bar, show_period=len(periods) > 1)
            for period, bar in zip_longest(periods, bars[: len(periods)], fillvalue=0)
        ]

    def _tick(self) -> None:
        """Tick, and again when the wall clock's second ends: an interval would drift.

        Textual draws what is on top once more, all of it, for anything that happens below: under a
        dialog only another step is worth that, and under a page, which covers the codes, nothing is.
        """
        self._counts = True
        now = self._session.clock()
        if self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        if self.app.screen is self:
            self.tick()
            wait = 1.0 - now % 1.0
        elif isinstance(self.app.screen, ModalScreen):
            self.code_list.tick(now)
            wait = min((period - now % period for period in self._session.periods), default=60.0)
        else:
            return
        self._ticking = self.set_timer(wait + 0.002, self._tick)

    def tick(self) -> None:
        """Show this second."""
        now = self._session.clock()
        for gauge in self.query(Gauge):
            gauge.show(now)
        self.code_list.tick(now)

    @on(ScreenResume)
    def _seen_again(self) -> None:
        """Catch up with the time that passed under another screen."""
        if self._counts:
            self._tick()

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
        """Show the session's accounts anew, with a gauge for each of their periods.

        What was saved while the app was locked is shown when it opens again.
        """
        if not self.is_shown:
            return
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
        self.set_focus(self.filter_bar.field)

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Open the filter once."""
        if action == "filter":
            return not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        yield SystemCommand("Find", "Find accounts by a few letters", self.action_filter)
        yield SystemCommand("Order", "Sort as in the file, by issuer, by use", self.action_order)
        yield SystemCommand("Next group", "Show another group", lambda: self.action_group(1))
        yield SystemCommand("Previous group", "Show another group", lambda: self.action_group(-1))
        yield from super().commands()

"""The first screen: live codes, and Validate under them."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from watchword_tui.accounts import Account
from watchword_tui.widgets.code_card import CodeCard
from watchword_tui.widgets.code_list import CodeList
from watchword_tui.widgets.gauge import Gauge
from watchword_tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from watchword_tui.session import Session
    from watchword_tui.widgets.validate_panel import ValidatePanel

_BARS_OF_ONE = (20,)
_BARS_OF_SEVERAL = (10, 10)
"""Cells of the gauges' bars, by how many periods are in use."""


class CodesScreen(Screen[None]):
    """Accounts with their live codes, the highlighted one large, and Validate."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "validate", "Validate", tooltip="Put the code into Validate; Enter sends it"),
        Binding("c", "copy", "Copy", tooltip="Send the code to your terminal's clipboard"),
        Binding("e", "enrol", "Enrol", tooltip="Show the server's key as a QR code for a phone"),
        Binding("q", "qr", "QR", tooltip="Show the account's key as a QR code, after a question"),
        Binding("s", "next_server", "Next server", show=False),
        Binding("f1,question_mark", "help", "Help", key_display="F1"),
        Binding("escape", "back", "Back", key_display="Esc"),
    ]
    # Textual declares these per instance, so they cannot be ClassVar.
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (21, "-tall"), (34, "-roomy")]  # noqa: RUF012

    code_list = getters.query_one(CodeList)
    card = getters.query_one(CodeCard)
    status = getters.query_one(StatusLine)

    def __init__(self, session: Session) -> None:
        """Show the accounts of `session`."""
        super().__init__()
        self._session = session
        self.panel: ValidatePanel | None = None
        """Validate; it comes when the codes are on the screen."""

    def compose(self) -> ComposeResult:
        """Lay out the codes, and room for the rest."""
        yield StatusLine()
        with Horizontal(id="gauges"):
            yield from self._gauges()
        with Vertical(id="body"):
            yield CodeList()
            with Vertical(id="panels"):
                if self._session.guide:
                    yield Static(self._session.guide, id="guide", markup=False)
                yield CodeCard()
        yield Horizontal(id="foot")

    def _gauges(self) -> list[Gauge]:
        """One gauge for each period in use; the rarer ones are numbers only."""
        periods = self._session.periods
        bars = _BARS_OF_ONE if len(periods) == 1 else _BARS_OF_SEVERAL
        return [
            Gauge(period, bar=bar, show_period=len(periods) > 1)
            for period, bar in zip_longest(periods, bars[: len(periods)], fillvalue=0)
        ]

    def on_mount(self) -> None:
        """Show the accounts and begin to count; the rest comes when the codes are on the screen."""
        self.show_accounts()
        self.status.show_server(self._session.settings.server)
        self._tick()
        self.call_after_refresh(self._complete)

    async def _complete(self) -> None:
        """Fill the room left for Validate, the verdicts and the footer.

        These cost as much as all else together, and nobody needs them before the codes.
        """
        from textual.widgets import Footer  # noqa: PLC0415 - as the docstring says

        from watchword_tui.widgets.history import History  # noqa: PLC0415 - as above
        from watchword_tui.widgets.validate_panel import ValidatePanel  # noqa: PLC0415 - as above

        panel = ValidatePanel(self._session)
        await self.query_one("#panels").mount(panel, History())
        await self.query_one("#foot").mount(Footer(compact=True))
        await self.query_one("#body").mount(
            Static(_NO_ACCOUNTS, id="no-accounts", markup=False), before=0
        )
        await self.mount(Static(_TOO_SMALL, id="too-small"))
        self.panel = panel
        self.refresh_bindings()
        for problem in self._session.problems:
            self.notify(problem, severity="warning", markup=False, timeout=10)

    def show_accounts(self) -> None:
        """Show the app's accounts, after they changed too."""
        accounts = self._session.accounts
        now = self._session.clock()
        self.status.show_accounts(len(accounts))
        self.set_class(not accounts, "-empty")
        self.code_list.show_accounts(accounts, now)
        self.card.show_account(self.code_list.highlighted, now)
        if accounts:
            self.code_list.focus()

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
        self.card.tick(now)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Show the way back only where one is away, and what needs an account only with one."""
        if action == "back":
            return self.focused not in {None, self.code_list}
        if action in {"copy", "qr"}:
            return bool(self._session.accounts) or None
        return True

    @on(CodeList.Highlighted)
    def _highlighted(self) -> None:
        self.card.show_account(self.code_list.highlighted, self._session.clock())

    @on(CodeList.Chosen)
    def action_copy(self) -> None:
        """Send the code to the terminal's clipboard; whether it takes it cannot be known."""
        if self.code_list.highlighted is None:
            return
        self.app.copy_to_clipboard(self.card.code)
        self.notify("If nothing arrives, your terminal does not take it.", title="Sent to your terminal")

    def action_validate(self) -> None:
        """Put the highlighted account's code into Validate."""
        if self.panel is None:
            self.call_after_refresh(self.action_validate)
        else:
            self.panel.fill_in(self.card.code)

    def action_next_server(self) -> None:
        """Choose the next server."""
        if self.panel is not None:
            self.panel.choose_next_server()

    def action_back(self) -> None:
        """Give up what is being asked, and go back to the list."""
        if self.panel is not None:
            self.panel.give_up()
        self.set_focus(self.code_list if self._session.accounts else None)

    def action_enrol(self) -> None:
        """Show the server's key for a phone to scan; it can be kept in the list as well."""
        from watchword_tui.screens.enrol import EnrolScreen  # noqa: PLC0415 - brings the QR library

        profile = self.panel.profile if self.panel else self._session.settings.profile

        async def fetch() -> Account:
            key = await self._session.client(profile).enrolment_key()
            return Account(key, profile.name, key.warnings())

        self.app.push_screen(EnrolScreen(fetch, can_keep=True), self._keep)

    def action_qr(self) -> None:
        """Show the highlighted account's key for another phone to scan, after a question."""
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when asked for
        from watchword_tui.screens.enrol import EnrolScreen  # noqa: PLC0415 - brings the QR library

        account = self.code_list.highlighted
        if account is None:
            return

        async def give() -> Account:
            return account

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual gives it
            if yes:
                self.app.push_screen(EnrolScreen(give, can_keep=False))

        question = (
            f"Show the key of {account.key.title} as a QR code?\n\n"
            "Whoever sees it can make its codes for ever."
        )
        self.app.clear_notifications()
        self.app.push_screen(ConfirmScreen(question, "Show it"), answered)

    def action_help(self) -> None:
        """Show the keys."""
        from watchword_tui.screens.help import HelpScreen  # noqa: PLC0415 - when asked for

        self.app.clear_notifications()
        self.app.push_screen(HelpScreen(self._session.settings.path))

    async def _keep(self, account: Account | None) -> None:
        if account is None:
            return
        if not self._session.keep(account):
            self.notify("Its key is in the list already.", title="Nothing added", markup=False)
            return
        self.show_accounts()
        gauges = self.query_one("#gauges")
        await gauges.remove_children()
        await gauges.mount_all(self._gauges())
        self.tick()
        self.notify(
            "It stays until you leave. To keep it, write its otpauth:// line into a file.",
            title="Added",
            markup=False,
        )

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        yield SystemCommand("Validate", "Put the code into Validate", self.action_validate)
        yield SystemCommand("Copy", "Send the code to your terminal's clipboard", self.action_copy)
        yield SystemCommand("Enrol", "Show the server's key for a phone to scan", self.action_enrol)
        yield SystemCommand("QR code", "Show the account's key, after a question", self.action_qr)
        yield SystemCommand("Next server", "Have another server judge", self.action_next_server)
        yield SystemCommand("Help", "Show the keys", self.action_help)

    def on_validate_panel_contacted(self, event: ValidatePanel.Contacted) -> None:
        """Write into the first line how the server stands."""
        from watchword_tui.wording import contact_words  # noqa: PLC0415 - not for the first frame

        words, alarm = contact_words(event.profile, event.contact, event.trouble)
        self.status.show_server(words, alarm=alarm)

    def on_validate_panel_judged(self, event: ValidatePanel.Judged) -> None:
        """Note the verdict, and raise a toast: the eye may be elsewhere."""
        from watchword_tui.widgets.history import History  # noqa: PLC0415 - not for the first frame

        verdict = event.verdict
        # The last word only: older toasts would cover more of the screen than they are worth.
        self.app.clear_notifications()
        self.query_one(History).add(self._session.clock(), event.profile.name, verdict)
        self.notify(
            verdict.detail,
            title=f"{verdict.tone.sign} {verdict.title}",
            severity=verdict.tone.severity,
            markup=False,
        )


_TOO_SMALL = """\
Too small.
At least 60 columns
by 16 rows, please."""

_NO_ACCOUNTS = """\
No accounts yet.

e  takes the server's key, here and on a phone.
Or start with a file of otpauth:// lines:
   watchword --accounts FILE"""

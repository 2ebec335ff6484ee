"""The first screen: live codes, and Validate under them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from watchword_tui.screens.code_screen import CodeScreen
from watchword_tui.screens.showing import LEFT_OUT, OFFERED
from watchword_tui.widgets.code_list import CodeList
from watchword_tui.widgets.group_line import GroupLine
from watchword_tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchword_tui.accounts import Account
    from watchword_tui.app import WatchwordApp
    from watchword_tui.enrolment import Enrolment
    from watchword_tui.screens.enrol import Enrolled
    from watchword_tui.session import Session
    from watchword_tui.widgets.validate_panel import ValidatePanel


class CodesScreen(CodeScreen):
    """Accounts with their live codes, the highlighted one large, and Validate."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "v",
            "validate",
            "Validate",
            id="validate",
            tooltip="Put the code into Validate; Enter sends it",
        ),
        Binding(
            "e",
            "enrol",
            "Enrol",
            show=False,
            id="enrol",
            tooltip="Bring a key of the server onto a phone",
        ),
        Binding(
            "s",
            "next_server",
            "Next server",
            show=False,
            id="next-server",
            tooltip="Have another server judge",
        ),
        Binding("f1,question_mark", "help", "Help", key_display="F1", id="help", tooltip="Every key"),
        Binding(
            "escape",
            "back",
            "Back",
            key_display="Esc",
            id="back",
            tooltip="Clear the filter; stop waiting; back to the list",
        ),
    ]
    # Textual declares these per instance, so they cannot be ClassVar.
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-low"), (21, "-tall"), (34, "-roomy")]  # noqa: RUF012

    def __init__(self, session: Session) -> None:
        """Show the accounts of `session`."""
        super().__init__(session)
        # At once: Textual does it at the first resize, and works out all styles once more.
        width, height = self.app.size
        self.add_class(
            _breakpoint(width, self.HORIZONTAL_BREAKPOINTS),
            _breakpoint(height, self.VERTICAL_BREAKPOINTS),
        )
        # Who never named a server has the room for the list.
        self._alone = session.settings.profile.implied
        self.set_class(self._alone, "-alone")
        self.panel: ValidatePanel | None = None
        """Validate; it comes when the codes are on the screen, or where no server was named when it is
        asked for."""
        self.is_whole = False
        """Whether everything is on the screen."""

    def on_mount(self) -> None:
        """Begin when the app has started: what is drawn before goes nowhere, and takes its time."""
        self.app.call_later(self._begin)

    async def _begin(self) -> None:
        """Show the accounts and begin to count; the rest comes when the codes are on the screen."""
        guide = self._session.guide
        await self.mount(
            StatusLine(),
            Horizontal(*self.gauges(), id="gauges"),
            GroupLine(),
            Vertical(
                CodeList(self._book),
                Vertical(*([Static(guide, id="guide", markup=False)] if guide else []), id="panels"),
                id="body",
            ),
            Horizontal(id="foot"),
        )
        self.show_accounts()
        if not self._alone:
            self.status.show_server(self._session.settings.server)
        self.code_list.focus()
        self._tick()
        # At once: Textual's own clock for repaints may be 16 ms away.
        self._refresh_layout()
        self.call_after_refresh(self._complete)

    async def _complete(self) -> None:
        """Fill the room left for the large code, Validate, the verdicts and the footer.

        These cost as much as all else together, and nobody needs them before the codes.
        """
        from textual.widgets import Footer  # noqa: PLC0415 - as the docstring says

        from watchword_tui.widgets.filter_bar import FilterBar  # noqa: PLC0415 - as above

        filter_bar = FilterBar(self.code_list, self.find)
        await self.query_one("#panels").mount(self.add_card())
        if not self._alone:
            await self._add_panel()
        await self.query_one("#foot").mount(Footer(compact=True))
        await self.mount(filter_bar, after=self.query_one(GroupLine))
        await self.mount(Static(_TOO_SMALL, id="too-small"))
        self.filter_bar = filter_bar
        self.is_whole = True
        self.refresh_bindings()
        cast("WatchwordApp", self.app).keep_screens()
        for problem in self._session.problems:
            self.notify(problem, severity="warning", markup=False, timeout=10)

    async def _add_panel(self) -> ValidatePanel:
        from watchword_tui.widgets.history import History  # noqa: PLC0415 - as in _complete
        from watchword_tui.widgets.validate_panel import ValidatePanel  # noqa: PLC0415 - as above

        panel = ValidatePanel(self._session)
        self.remove_class("-alone")
        await self.query_one("#panels").mount(panel, History())
        self.panel = panel
        return panel

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Show the way back only where one is away; leave out what is not to be done here."""
        if self._session.settings.show_only and action in LEFT_OUT:
            return False
        if action == "back":
            filtered = self.filter_bar is not None and self.filter_bar.display
            return filtered or self.focused not in {None, self.code_list}
        return super().check_action(action, parameters)

    async def action_validate(self) -> None:
        """Put the highlighted account's code into Validate."""
        if not self.is_whole:
            self.call_after_refresh(self.action_validate)
        else:
            panel = self.panel or await self._add_panel()
            panel.fill_in(self.highlighted_code())

    def action_next_server(self) -> None:
        """Choose the next server."""
        if self.panel is not None:
            self.panel.choose_next_server()

    def action_back(self) -> None:
        """Give up what is being asked, and go back to the list; from the list, clear the filter."""
        if self.panel is not None:
            self.panel.give_up()
        if self.focused is self.code_list:
            self.leave_filter()
        self.code_list.focus()

    @work
    async def action_enrol(self) -> None:
        """Enrol a phone on the server; the key can be kept in the list as well."""
        from watchword_tui.enrolment import DefaultKey, NewServerKey  # noqa: PLC0415 - when asked for
        from watchword_tui.screens.enrol import EnrolScreen  # noqa: PLC0415 - brings the QR library
        from watchword_tui.screens.enrol_form import EnrolForm  # noqa: PLC0415 - as above

        session = self._session
        profile = self.panel.profile if self.panel else session.settings.profile
        new = await self._open(EnrolForm(profile.name))
        if new is None:
            return
        client = partial(session.client, profile)
        enrolment: Enrolment = DefaultKey(profile, client)
        if new.name:
            enrolment = NewServerKey(new, profile, client, session.clock)
        enrolled = await self._open(EnrolScreen(enrolment, session.clock))
        if enrolled is None:
            return
        keep = enrolled.keep
        if enrolled.recovery_codes:
            keep = await self._show_recovery_codes(new.name, profile.name, enrolled)
        if keep:
            self._keep(enrolled.account)

    async def _show_recovery_codes(self, name: str, server: str, enrolled: Enrolled) -> bool:
        from watchword_tui.screens.recovery_codes import RecoveryCodesScreen  # noqa: PLC0415 - as above

        session, whose = self._session, enrolled.account.key.title
        codes = enrolled.recovery_codes
        screen = RecoveryCodesScreen(name, server, whose, codes, session.clock(), reach=session.reach)
        return await self._open(screen)

    def action_help(self) -> None:
        """Show the keys."""
        from watchword_tui.screens.help import HelpScreen  # noqa: PLC0415 - when asked for

        self.app.clear_notifications()
        self.app.push_screen(HelpScreen(self._session.settings))

    def _keep(self, account: Account) -> None:
        if self._session.can_keep:
            self.keep_in_vault(account.key)
            return
        if not self._session.keep(account):
            self.notify("Its key is in the list already.", title="Nothing added", markup=False)
            return
        self.accounts_changed()
        self.notify(
            "It stays until you leave. To keep it, write its otpauth:// line into a file.",
            title="Added",
            markup=False,
        )

    def commands(self) -> Iterable[SystemCommand]:
        """What this screen offers in the command palette; no label from outside is in it."""
        show_only = self._session.settings.show_only
        return (one for one in self._all_commands() if not show_only or one.title in OFFERED)

    def _all_commands(self) -> Iterable[SystemCommand]:
        yield SystemCommand("Validate", "Put the code into Validate", self.action_validate)
        yield SystemCommand("Enrol", "Bring a key of the server onto a phone", self.action_enrol)
        yield SystemCommand("Next server", "Have another server judge", self.action_next_server)
        yield SystemCommand("Help", "Show the keys", self.action_help)
        yield from super().commands()

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


def _breakpoint(size: int, breakpoints: list[tuple[int, str]]) -> str:
    """The class of the widest breakpoint that fits."""
    return max(one for one in breakpoints if one[0] <= size)[1]


_TOO_SMALL = """\
Too small.
At least 60 columns
by 16 rows, please."""

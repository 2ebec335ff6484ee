"""Validate: type a code, have the server judge it, read the verdict where you typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Select, Static

from watchword_tui.accounts import grouped
from watchword_tui.errors import RefusedError, WatchwordError
from watchword_tui.widgets.verdict_line import VerdictLine
from watchword_tui.wording import clock_advice, verdict_of, verdict_of_error

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from watchword_tui.answers import Contact
    from watchword_tui.session import Session
    from watchword_tui.settings import ServerProfile
    from watchword_tui.wording import Verdict


class CodeField(Input):
    """The field for the code; Enter sends it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "Validate")]


class ValidatePanel(Vertical):
    """Server, key, one field, a button that works only when there is something to send."""

    DEFAULT_CSS = """
    ValidatePanel {
        height: auto;
        .row { height: 1; }
        .caption { width: 9; color: $foreground 65%; }
        #server { width: 20; margin-right: 2; }
        #server SelectCurrent { background: $panel; padding: 0 1; }
        #key { width: 1fr; max-width: 26; background: $panel; padding: 0 1; }
        .key-caption { width: 5; }
        #code { width: 20; background: $panel; padding: 0 1; margin-right: 2; text-style: bold; }
        #code:focus, #key:focus, #server:focus SelectCurrent { background: $accent 25%; }
        #send { min-width: 14; }
        #verdict { height: 2; }
    }
    """

    class Contacted(Message):
        """A server was chosen, answered, or could not be asked.

        `contact` is None before it answered; `trouble` says why it did not, or is None.
        """

        def __init__(
            self,
            profile: ServerProfile,
            contact: Contact | None = None,
            trouble: WatchwordError | None = None,
        ) -> None:
            super().__init__()
            self.profile = profile
            self.contact = contact
            self.trouble = trouble

    class Judged(Message):
        """There is a verdict, or words why there is none."""

        def __init__(self, profile: ServerProfile, verdict: Verdict) -> None:
            super().__init__()
            self.profile = profile
            self.verdict = verdict

    def __init__(self, session: Session) -> None:
        """Offer the servers of `session`."""
        super().__init__(classes="panel")
        self.border_title = "Validate"
        self._session = session
        self._profiles = {profile.name: profile for profile in session.settings.profiles}
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay out two rows of fields and the verdict."""
        with Horizontal(classes="row"):
            yield Static("Server", classes="caption")
            yield Select(
                [(Content(name), name) for name in self._profiles],
                value=self._session.settings.server,
                allow_blank=False,
                compact=True,
                id="server",
                tooltip="The server that judges; its profile is in the settings file",
            )
            yield Static("Key", classes="caption key-caption")
            yield Input(
                self._session.settings.profile.key,
                compact=True,
                id="key",
                max_length=64,
                select_on_focus=True,
                tooltip="The key's name on the server",
            )
        with Horizontal(classes="row"):
            yield Static("Code", classes="caption")
            yield CodeField(
                compact=True,
                id="code",
                placeholder="type a code",
                restrict=r"[0-9A-Za-z ]*",
                max_length=14,
                select_on_focus=True,
            )
            yield Button("Validate", compact=True, id="send", disabled=True, variant="primary")
        yield VerdictLine("   ", id="verdict")

    def on_mount(self) -> None:
        """Stop the cursors from blinking: two repaints a second for nothing."""
        for field in self.query(Input):
            field.cursor_blink = False

    @property
    def profile(self) -> ServerProfile:
        """The server chosen."""
        return self._profiles[str(self.query_one("#server", Select).value)]

    @property
    def key(self) -> str:
        """The key named."""
        return self.query_one("#key", Input).value.strip()

    @property
    def code(self) -> str:
        """The code typed, without the spaces people put between its groups."""
        return self.query_one("#code", Input).value.replace(" ", "")

    def fill_in(self, code: str) -> None:
        """Put `code`, which may be empty, into the field, ready to be sent with Enter."""
        field = self.query_one("#code", Input)
        field.value = grouped(code)
        field.focus()
        field.cursor_position = len(field.value)

    def choose_next_server(self) -> None:
        """Choose the server after the one chosen, round and round."""
        names = list(self._profiles)
        following = names[(names.index(self.profile.name) + 1) % len(names)]
        self.query_one("#server", Select).value = following

    def give_up(self) -> None:
        """Stop waiting for a verdict, if one is waited for."""
        if self._busy:
            self.workers.cancel_group(self, "ask")
            self._set_busy(busy=False)
            self.query_one(VerdictLine).show_words("")

    @work(exclusive=True, group="probe")
    async def _probe(self) -> None:
        """See whether the server is there and agrees about the time."""
        profile = self.profile
        self.post_message(self.Contacted(profile))
        try:
            contact = await self._session.client(profile).probe()
        except WatchwordError as error:
            self.post_message(self.Contacted(profile, trouble=error))
        else:
            self.post_message(self.Contacted(profile, contact))
            if contact.clock_is_off:
                self.notify(
                    clock_advice(contact), title="Clock", severity="warning", markup=False, timeout=20
                )

    @work(exclusive=True, group="ask")
    async def _ask(self, profile: ServerProfile, key: str, code: str) -> None:
        self._set_busy(busy=True)
        self.query_one(VerdictLine).show_words(f"Asking {profile.name} …")
        try:
            checked = await self._session.client(profile).check(key, code)
        except WatchwordError as error:
            if not isinstance(error, RefusedError):
                self.post_message(self.Contacted(profile, trouble=error))
            verdict = verdict_of_error(error)
        else:
            self.post_message(self.Contacted(profile, checked.contact))
            verdict = verdict_of(checked)
        self._set_busy(busy=False)
        self.query_one(VerdictLine).show_verdict(verdict)
        field = self.query_one("#code", Input)
        if field.has_focus:
            field.action_select_all()
        self.post_message(self.Judged(profile, verdict))

    def _set_busy(self, *, busy: bool) -> None:
        self._busy = busy
        self._update_button()

    def _update_button(self) -> None:
        self.query_one("#send", Button).disabled = self._busy or not self.code or not self.key

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._update_button()

    @on(Select.Changed)
    def _server_changed(self, event: Select.Changed) -> None:
        # Select tells its first value too, so this is how the app looks for its server at the start.
        event.stop()
        self.query_one("#key", Input).value = self.profile.key
        if not self.profile.implied:
            self._probe()

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _submit(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        if not self.query_one("#send", Button).disabled:
            self._ask(self.profile, self.key, self.code)

"""The form of an account, to add one, change one, or mend a row that could not be understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Footer, Input, Static

from watchword_tui.accounts import Account, clean_note, grouped, live_code
from watchword_tui.draft import differ
from watchword_tui.screens.page import Page
from watchword_tui.screens.typing_ahead import TAB_AT_ONCE
from watchword_tui.sentences import sentence
from watchword_tui.vault.rows import SOURCE
from watchword_tui.widgets.account_fields import AccountFields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from watchword_otp import Key, Secret
    from watchword_tui.draft import Draft

_WEAK_BITS = 128
"""RFC 4226 section 4 (R6) asks for at least so many."""


class AccountForm(Page[None]):
    """Everything about one account, with its code before anything is saved.

    Args:
        title: What is done here.
        draft: What the fields begin with.
        identity: The account's UUID in the vault, also of one that is to come there.
        accounts: Those that are there, to tell a secret that is known already.
        groups: Asks for the account's groups, given those it has; None where nothing was chosen.
        save: Saves the account; false where it was not saved, which has been said.
        clock: Gives Unix seconds.
        hint: What stands in the secret's field while it is empty.
    """

    DEFAULT_CSS = """
    AccountForm {
        #form { padding: 0 1; max-width: 100; height: 1fr; scrollbar-size-vertical: 1; }
        #form-title { text-style: bold; color: $accent; margin-bottom: 1; }
        #preview { height: 2; margin-top: 1; }
        #form-trouble { height: auto; min-height: 1; color: $foreground 65%; }
        #form-trouble.-bad { color: $error; }
        .buttons { height: 1; margin-top: 1; align-horizontal: right; }
        .buttons Button { margin-left: 2; }
    }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *TAB_AT_ONCE,
        Binding("ctrl+s", "save", "Save", key_display="^s", tooltip="Save the account"),
        Binding("ctrl+r", "secret", "Show secret", key_display="^r", tooltip="Show or hide the secret"),
        Binding("ctrl+g", "groups", "Groups", key_display="^g", tooltip="Choose its groups"),
        Binding("ctrl+t", "more", "More", key_display="^t", tooltip="Kind, algorithm, digits, period"),
        Binding(
            "escape", "close", "Back", key_display="Esc", tooltip="Leave; asks if something changed"
        ),
    ]

    def __init__(  # noqa: PLR0913 - what a form has
        self,
        title: str,
        draft: Draft,
        identity: str,
        *,
        accounts: Callable[[], Sequence[Account]],
        groups: Callable[[tuple[str, ...]], Awaitable[tuple[str, ...] | None]],
        save: Callable[[Account], Awaitable[bool]],
        clock: Callable[[], float],
        hint: str,
    ) -> None:
        super().__init__()
        self._form_title = title
        self._first = draft
        self._identity = identity
        self._accounts = accounts
        self._choose = groups
        self._save = save
        self._clock = clock
        self._hint = hint
        self._key: Key | None = None
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay out the fields, the code they make, and two buttons."""
        with VerticalScroll(id="form", can_focus=False):
            yield Static(self._form_title, id="form-title", markup=False)
            yield AccountFields(self._first, self._hint)
            yield Static("", id="preview", markup=False)
            yield Static("", id="form-trouble", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (Esc)", compact=True, id="cancel")
                yield Button("Save (^s)", compact=True, id="save", variant="primary")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin where the first thing is missing, and count."""
        self._judge()
        self._tick()
        self.query_one("#issuer").focus()

    @property
    def _fields(self) -> AccountFields:
        return self.query_one(AccountFields)

    def _tick(self) -> None:
        """Show the code at every second, just after the clock's own."""
        self._preview()
        self.set_timer(1.0 - self._clock() % 1.0 + 0.002, self._tick)

    @on(AccountFields.Changed)
    def _judge(self) -> None:
        """Say what is wrong or missing, and show the code as soon as there is one."""
        judged = self._fields.draft.judged()
        self._key = judged.key
        troubles = judged.troubles
        typed = bool(self.query_one("#secret", Input).value)
        if self._fields.uri_trouble:
            self._fields.say_secret(f"! {self._fields.uri_trouble}", "bad")
        elif typed and "secret" in troubles:
            self._fields.say_secret(f"! {troubles['secret']}", "bad")
        else:
            self._say_about(judged.secret)
        rest = [words for what, words in troubles.items() if what != "secret" or not typed]
        place = self.query_one("#form-trouble", Static)
        place.update(Content(f"Next: {rest[0]}." if rest else ""))
        place.remove_class("-bad")
        self._preview()

    def _say_about(self, secret: Secret | None) -> None:
        """Say how long the secret is, and whether another account has it."""
        if secret is None:
            self._fields.say_secret("")
            return
        twin = next(
            (
                one.key.title or "an account without a name"
                for one in self._accounts()
                if one.key.secret == secret and one.id != self._identity
            ),
            None,
        )
        if twin is not None:
            self._fields.say_secret(f"! {secret.bits} bits; {twin} has the same secret", "warning")
        elif secret.bits < _WEAK_BITS:
            self._fields.say_secret(f"! {secret.bits} bits: weak; RFC 4226 asks for 128", "warning")
        else:
            self._fields.say_secret(f"{secret.bits} bits")

    def _preview(self) -> None:
        place = self.query_one("#preview", Static)
        key = self._key
        if key is None:
            place.update(
                Content("The code shows here as soon as there is a secret.").stylize("$foreground 65%")
            )
            return
        live = live_code(key, self._clock())
        when = (
            f"{live.seconds_left:.0f} s left"
            if live.seconds_left is not None
            else f"counter {key.counter}"
        )
        place.update(
            Content.assemble(
                ("Code      ", "$foreground 65%"),
                (grouped(live.code), "bold $accent"),
                (f"   then {grouped(live.next_code)}   {when}", "$foreground 65%"),
                ("\n          Compare it with another device before you save.", "$foreground 65%"),
            )
        )

    @on(Input.Submitted)
    @work
    async def action_save(self) -> None:
        """Save the account if nothing is wrong; else go to where it is."""
        if not self.is_mounted:
            return
        fields = self._fields
        draft = fields.draft
        judged = draft.judged()
        if judged.key is None or fields.uri_trouble:
            where, words = next(iter(judged.troubles.items()), ("secret", fields.uri_trouble))
            place = self.query_one("#form-trouble", Static)
            place.update(Content(f"! {sentence(words)}"))
            place.add_class("-bad")
            fields.point_at(where)
            return
        key = judged.key
        account = Account(
            key,
            SOURCE,
            key.warnings(),
            id=self._identity,
            note=clean_note(draft.note),
            favourite=draft.favourite,
            groups=draft.groups,
        )
        if self._busy:
            return
        # Not an exclusive worker: that would cancel a save in its middle.
        self._busy = True
        self._busy = await self._save(account)
        if self._busy:
            self.dismiss(None)

    def action_secret(self) -> None:
        """Show or hide the secret."""
        self._fields.toggle_secret()

    def action_more(self) -> None:
        """Show or hide the parameters that are mostly the usual ones."""
        self._fields.toggle_more()

    @on(AccountFields.GroupsWanted)
    @work(exclusive=True, group="groups")
    async def action_groups(self) -> None:
        """Choose the account's groups."""
        if not self.is_mounted:
            return
        chosen = await self._choose(self._fields.draft.groups)
        if chosen is not None:
            self._fields.choose_groups(chosen)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        if event.button.id == "save":
            self.action_save()
        else:
            self.action_close()

    @work(exclusive=True, group="close")
    async def action_close(self) -> None:
        """Leave, after a question if something would be lost."""
        if self.is_mounted and differ(self._first, self._fields.draft):
            from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when needed

            question = "Leave without saving?\n\nWhat you typed is not kept."
            if not await self.app.push_screen_wait(ConfirmScreen(question, "Leave")):
                return
        self.dismiss(None)

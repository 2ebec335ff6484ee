"""The fields of an account: filled from a draft, and read into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Checkbox, Input, Select, Static, TextArea

from watchword_otp import Algorithm, InvalidKeyError, Kind
from watchword_tui.accounts import grouped
from watchword_tui.draft import Draft, draft_of_key, is_uri, key_of_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult
    from textual.widget import Widget

_NUMBERS = ("digits", "period", "counter")
_TYPED = ("issuer", "name", "secret", *_NUMBERS)


class Tick(Checkbox):
    """A box that says with a letter, and not by its colour alone, whether it is ticked."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    def __init__(self, label: str, *, value: bool, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(label, value=value, id=id, compact=True)
        self.watch_value()

    def watch_value(self) -> None:
        """Draw the letter, or none."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()


class AccountFields(Vertical):
    """Issuer, name, secret, groups, note, star; and the rest behind "more"."""

    DEFAULT_CSS = """
    AccountFields {
        height: auto;
        .row { height: 1; }
        .caption { width: 10; color: $foreground 65%; }
        .aside { min-width: 12; margin-left: 2; }
        Input, TextArea, #field-groups { width: 1fr; background: $panel; }
        Input:focus, TextArea:focus { background: $accent 25%; }
        #secret-state { height: 1; margin: 0 0 1 10; }
        #secret-state.-bad { color: $error; }
        #secret-state.-warning { color: $warning; }
        .note { height: 3; margin-top: 1; }
        TextArea { height: 3; border: none; padding: 0; scrollbar-size-vertical: 1; }
        #star { margin-top: 1; }
        Tick { width: auto; }
        Tick > .toggle--button { color: $accent; background: $panel; }
        #profile { width: 1fr; color: $foreground 65%; text-align: right; }
        #more { margin-top: 1; }
        #more Select { width: 14; margin-right: 2; }
        #more SelectCurrent { background: $panel; padding: 0 1; }
        #more Select:focus SelectCurrent { background: $accent 25%; }
        #more .small { width: auto; margin-right: 1; color: $foreground 65%; }
        #more Input { width: 12; }
        #more #digits { width: 6; margin-right: 2; }
    }
    """

    class Changed(Message):
        """Something was typed or chosen."""

    class GroupsWanted(Message):
        """The groups are to be chosen."""

    def __init__(self, draft: Draft, secret_hint: str) -> None:
        """Fill the fields from `draft`; `secret_hint` stands in the secret's while that is empty."""
        super().__init__()
        self._secret_hint = secret_hint
        self._draft = draft
        self._groups = draft.groups
        self._uri_trouble = ""

    def compose(self) -> ComposeResult:
        """Lay out the fields, one a row."""
        draft = self._draft
        yield from _row(
            "Issuer", Input(draft.issuer, id="issuer", placeholder="such as GitHub", compact=True)
        )
        yield from _row(
            "Name", Input(draft.name, id="name", placeholder="such as alice@example.com", compact=True)
        )
        yield from _row(
            "Secret",
            Input(
                draft.secret,
                id="secret",
                password=True,
                placeholder=self._secret_hint,
                compact=True,
                classes="secret",
            ),
            Button("Show (^r)", id="show", classes="aside", compact=True),
        )
        yield Static("", id="secret-state", markup=False)
        yield from _row(
            "Groups",
            Static("", id="field-groups", markup=False),
            Button("Choose (^g)", id="choose-groups", classes="aside", compact=True),
        )
        with Horizontal(classes="row note"):
            yield Static("Note", classes="caption")
            yield TextArea(draft.note, id="note", tab_behavior="focus", compact=True)
        with Horizontal(classes="row", id="star"):
            yield Static("", classes="caption")
            yield Tick("Favourite", value=draft.favourite, id="favourite")
            yield Static("", id="profile", markup=False)
            yield Button("More (^t)", id="toggle-more", classes="aside", compact=True)
        with Horizontal(classes="row", id="more"):
            yield Static("Codes", classes="caption")
            yield Select(
                [(one.upper(), one) for one in Kind],
                value=draft.kind,
                allow_blank=False,
                compact=True,
                id="kind",
            )
            yield Select(
                [(one, one) for one in Algorithm],
                value=draft.algorithm,
                allow_blank=False,
                compact=True,
                id="algorithm",
            )
            for what in _NUMBERS:
                yield Static(what.capitalize(), classes="small", id=f"{what}-caption")
                yield Input(
                    getattr(draft, what), id=what, restrict="[0-9]*", max_length=19, compact=True
                )

    def on_mount(self) -> None:
        """Begin with what most people need."""
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one(TextArea).cursor_blink = False
        usual = Draft()
        same = all(getattr(self._draft, what) == getattr(usual, what) for what in ("kind", "algorithm"))
        numbers = all(getattr(self._draft, what) == getattr(usual, what) for what in _NUMBERS)
        self.query_one("#more").display = not (same and numbers)
        self.choose_groups(self._groups)
        self._show_parameters()

    @property
    def draft(self) -> Draft:
        """What stands in the fields."""
        return Draft(
            kept=self._draft.kept,
            kind=Kind(str(self.query_one("#kind", Select).value)),
            algorithm=Algorithm(str(self.query_one("#algorithm", Select).value)),
            groups=self._groups,
            note=self.query_one(TextArea).text,
            favourite=self.query_one(Checkbox).value,
            **{what: self.query_one(f"#{what}", Input).value for what in _TYPED},
        )

    @property
    def uri_trouble(self) -> str:
        """Why the URI that stands in a field cannot be taken, or ""."""
        return self._uri_trouble

    def say_secret(self, words: str, tone: str = "") -> None:
        """Write `words` under the secret; `tone` is "", "bad" or "warning"."""
        place = self.query_one("#secret-state", Static)
        place.update(Content(words))
        place.set_class(tone == "bad", "-bad")
        place.set_class(tone == "warning", "-warning")

    def choose_groups(self, groups: tuple[str, ...]) -> None:
        """Take other groups."""
        self._groups = groups
        self.query_one("#field-groups", Static).update(Content(", ".join(groups) or "none"))
        self.post_message(self.Changed())

    def toggle_secret(self) -> None:
        """Show the secret, also the one that is kept; or hide it again."""
        field = self.query_one("#secret", Input)
        if field.password and not field.value and self._draft.kept is not None:
            field.value = grouped(self._draft.kept.base32())
        field.password = not field.password
        self.query_one("#show", Button).label = "Show (^r)" if field.password else "Hide (^r)"

    def toggle_more(self) -> None:
        """Show or hide kind, algorithm, digits, period and counter."""
        more = self.query_one("#more")
        more.display = not more.display
        self.query_one("#kind").focus() if more.display else self.query_one("#issuer").focus()

    def point_at(self, what: str) -> None:
        """Put the focus into a field, also one behind "more"."""
        field = self.query_one(f"#{what}")
        if what in _NUMBERS:
            self.query_one("#more").display = True
        field.focus()

    @on(Input.Changed, "#issuer, #secret")
    def _take_uri(self, event: Input.Changed) -> None:
        """Fill all fields from an otpauth:// URI."""
        field = event.input
        self._uri_trouble = ""
        found = is_uri(event.value)
        if field.id == "issuer":
            # It holds the secret.
            field.password = found
        if not found:
            return
        try:
            key = key_of_uri(event.value)
        except InvalidKeyError as error:
            self._uri_trouble = str(error)
            return
        draft = draft_of_key(key)
        for what in ("issuer", "name", *_NUMBERS):
            self.query_one(f"#{what}", Input).value = getattr(draft, what)
        self.query_one("#secret", Input).value = key.secret.base32()
        self.query_one("#kind", Select).value = draft.kind
        self.query_one("#algorithm", Select).value = draft.algorithm

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    @on(TextArea.Changed)
    def _changed(self, event: Message) -> None:
        event.stop()
        self._show_parameters()
        self.post_message(self.Changed())

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "show":
            self.toggle_secret()
        elif event.button.id == "toggle-more":
            self.toggle_more()
        else:
            self.post_message(self.GroupsWanted())

    def _show_parameters(self) -> None:
        """Show the parameters that the kind of key has, and say the profile in words."""
        draft = self.draft
        self.query_one("#algorithm").display = "algorithm" in draft.fields
        for what in _NUMBERS:
            for part in (what, f"{what}-caption"):
                self.query_one(f"#{part}").display = what in draft.fields
        self.query_one("#profile", Static).update(Content(_profile(draft)))


def _profile(draft: Draft) -> str:
    if draft.kind is Kind.STEAM:
        return "Steam, 5 letters and digits"
    count = "each by counter" if draft.kind is Kind.HOTP else f"every {draft.period} s"
    return f"{draft.kind.upper()}, {draft.algorithm}, {draft.digits} digits, {count}"


def _row(caption: str, *parts: Widget) -> Iterable[Widget]:
    with Horizontal(classes="row"):
        yield Static(caption, classes="caption")
        yield from parts

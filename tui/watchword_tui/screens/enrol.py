"""Enrol: a key as a QR code for a phone, everything to do it by hand, and the phone's first code."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import getters, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Footer, Static

from watchword_otp.key_qr import KeyQr, make_key_qr
from watchword_otp.value import Value
from watchword_tui.accounts import grouped
from watchword_tui.enrolment import Next, key_words, left_words
from watchword_tui.errors import WatchwordError
from watchword_tui.screens.page import Page
from watchword_tui.sentences import sentence, sentences
from watchword_tui.widgets.confirm_panel import ConfirmPanel
from watchword_tui.widgets.qr_view import LOOKS, QrView

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from watchword_tui.accounts import Account
    from watchword_tui.enrolment import Enrolment, Offer, Outcome

_WORDS_WIDTH = 33
"""Columns for the words: a QR code of version 7 with a quiet zone of 1 leaves so many of 80."""


class Enrolled(Value, frozen=True):
    """How it ended."""

    HIDDEN = frozenset({"recovery_codes"})

    account: Account
    keep: bool = False
    """Whether the person takes the key into the list here."""
    recovery_codes: tuple[str, ...] = ()
    """To be shown this once."""


class EnrolScreen(Page[Enrolled | None]):
    """Shows one key and takes the phone's first code; closes with None if nothing came of it.

    Args:
        enrolment: Whose key, and who judges the code.
        clock: Gives Unix seconds.
    """

    DEFAULT_CSS = """
    EnrolScreen {
        #enrol { height: 1fr; }
        #qr-side { width: auto; height: 1fr; }
        #words { width: 1fr; height: 1fr; padding: 1 1 0 2; scrollbar-size-vertical: 1; }
        #words > Static { height: auto; margin-bottom: 1; }
        #words > #enrol-title { text-style: bold; color: $accent; }
        #what.-uncertain, #enrol-notices { color: $warning; }
        #words > #left { color: $foreground 65%; margin: 0; }
        #words > Button { margin-top: 1; }
    }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "redraw", "Draw", tooltip="Draw the QR code in another way"),
        Binding("k", "keep", "Keep", tooltip="Take the key into the list here as well"),
        Binding("n", "new_codes", "New", tooltip="Make new recovery codes"),
        Binding("escape,q", "close", "Back", key_display="Esc"),
    ]

    qr_view = getters.query_one(QrView)
    panel = getters.query_one(ConfirmPanel)

    def __init__(self, enrolment: Enrolment, clock: Callable[[], float]) -> None:
        super().__init__()
        self._enrolment = enrolment
        self._clock = clock
        self._look = 0
        self._offer: Offer | None = None
        self._qr: KeyQr | None = None
        self._end: Next = Next.AGAIN
        self._codes_lost = False
        self._left = ""

    def compose(self) -> ComposeResult:
        """Lay out the QR code on the left and the words on the right."""
        with Horizontal(id="enrol"):
            yield QrView(id="qr")
            with VerticalScroll(id="words", can_focus=False):
                yield Static(Content(self._enrolment.title), id="enrol-title")
                yield Static(Content(self._enrolment.asking), id="what")
                yield Static("", id="whose", markup=False)
                yield Static("", id="by-hand", markup=False)
                yield Static("", id="left", markup=False)
                yield ConfirmPanel()
                yield Static("", id="enrol-notices", markup=False)
                yield Button("Keep it here too (k)", compact=True, id="keep")
                yield Button("New recovery codes (n)", compact=True, id="new-codes", variant="primary")
                # Here and not under the QR code, which needs every row of 24.
                yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Ask for the key."""
        for name in ("#whose", "#by-hand", "#enrol-notices", "#left", "#keep", "#new-codes"):
            self.query_one(name).display = False
        self.panel.display = False
        self._load()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Offer what makes sense now."""
        match action:
            case "redraw":
                return self._qr is not None
            case "keep":
                return self._can_keep
            case "new_codes":
                return self._codes_lost
            case _:
                return True

    @property
    def _can_keep(self) -> bool:
        """A key that is not confirmed yet may still be given up, so it is kept afterwards."""
        wanted = self._end is Next.DONE or not self._enrolment.question
        return self._enrolment.can_keep and self._offer is not None and wanted

    @work(exclusive=True)
    async def _load(self) -> None:
        try:
            offer = await self._enrolment.offer()
        except WatchwordError as error:
            self._say(f"! {sentence(error.message)}\n\n{sentence(error.remedy)}", uncertain=True)
            return
        self._offer, self._qr = offer, make_key_qr(offer.account.key)
        self._show_key()
        self._draw()
        if offer.expires_at is not None:
            self._tick()
            self.set_interval(1.0, self._tick)

    def _say(self, words: str, *, uncertain: bool = False) -> None:
        what = self.query_one("#what", Static)
        what.set_class(uncertain, "-uncertain")
        what.update(Content(words))

    def _write(self, name: str, words: Content | str) -> None:
        """Write into a place that is there only if something stands in it."""
        place = self.query_one(name, Static)
        place.update(Content(words) if isinstance(words, str) else words)
        place.display = bool(words)

    def _show_key(self) -> None:
        offer = self._offer
        assert offer is not None  # noqa: S101 - only called with one
        account, key = offer.account, offer.account.key
        self._write(
            "#whose",
            Content.assemble((account.issuer, "bold"), f"\n{account.name}" if account.name else ""),
        )
        secret = grouped(key.secret.base32())
        self._write(
            "#by-hand",
            Content.assemble(
                ("By hand\n", "$text-muted"), (secret, "bold"), (f"\n{key_words(key)}", "$text-muted")
            ),
        )
        notices = [offer.words, *account.notices]
        self._write("#enrol-notices", "\n".join(f"! {notice}" for notice in notices if notice))
        self.query_one("#keep").display = self._can_keep
        self.panel.display = True
        self.panel.field.expect(key)
        self.panel.field.focus()
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Draw the QR code anew for the room there is; the field being typed in stays in sight."""
        self._draw()
        if self.panel.field.has_focus:
            self.call_after_refresh(self.panel.scroll_visible, animate=False)

    def _draw(self) -> None:
        if self._qr is None:
            return
        look, code = LOOKS[self._look], self._qr.code
        columns, rows = self.app.size.width - _WORDS_WIDTH, self.app.size.height
        if self.qr_view.show(code, columns, rows, look):
            self._say(self._enrolment.instruction)
            return
        width, height = code.space(look.drawing, 1)
        fits = any(code.best_quiet_zone(one.drawing, columns, rows) for one in LOOKS)
        way_out = "Enlarge the window, draw it otherwise (r)," if fits else "Enlarge the window,"
        self._say(
            f"The QR code in {look.words} needs {width + _WORDS_WIDTH} columns by {height} rows."
            f" {way_out} or type the key by hand."
        )

    def action_redraw(self) -> None:
        """Draw the QR code in the next way."""
        self._look = (self._look + 1) % len(LOOKS)
        self._draw()

    def _tick(self) -> None:
        offer = self._offer
        if offer is None or offer.expires_at is None or self._end is not Next.AGAIN:
            return
        left = offer.expires_at - self._clock()
        words = f"{left_words(left)} to confirm it" if left > 0 else "Its time is over."
        if words != self._left:
            self._left = words
            self._write("#left", words)

    @on(ConfirmPanel.Typed)
    def _typed(self) -> None:
        self._confirm(self.panel.code)

    @work(exclusive=True)
    async def _confirm(self, code: str) -> None:
        self.panel.show_busy("Looking …")
        outcome = await self._enrolment.confirm(code)
        offer = self._offer
        assert offer is not None  # noqa: S101 - there is a field only with a key
        if outcome.recovery_codes:
            self.dismiss(Enrolled(offer.account, recovery_codes=outcome.recovery_codes))
        else:
            self._show_outcome(outcome)

    def _show_outcome(self, outcome: Outcome) -> None:
        self._end = outcome.next
        self._codes_lost = outcome.codes_lost
        self.panel.show_verdict(outcome.verdict)
        if outcome.next is not Next.AGAIN:
            self.panel.close()
            self.query_one("#left").display = False
        if outcome.next is Next.OVER:
            self._qr = None
            self.qr_view.clear()
            self.query_one("#by-hand").display = False
            self._say("This key cannot be confirmed any more.")
        self.query_one("#keep").display = self._can_keep
        self.query_one("#new-codes").display = self._codes_lost
        self.refresh_bindings()
        # In a small window the verdict may have come below its end.
        self.call_after_refresh(self.panel.scroll_visible, animate=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do as the keys do."""
        if event.button.id == "new-codes":
            self.action_new_codes()
        else:
            self.action_keep()

    def action_keep(self) -> None:
        """Close, taking the key into the list."""
        if self._offer is not None:
            self.dismiss(Enrolled(self._offer.account, keep=True))

    @work(exclusive=True)
    async def action_new_codes(self) -> None:
        """Make recovery codes in the place of the lost ones, and show them."""
        self._say("Making new recovery codes …")
        try:
            codes = await self._enrolment.new_recovery_codes()
        except WatchwordError as error:
            self._say(f"! {sentences(error)}", uncertain=True)
            return
        if self._offer is not None:
            self.dismiss(Enrolled(self._offer.account, recovery_codes=codes))

    @work(exclusive=True, group="close")
    async def action_close(self) -> None:
        """Go back; a key that waits for its first code is given up, after a question."""
        waits = self._offer is not None and self._end is Next.AGAIN
        if not waits or not self._enrolment.question:
            done = self._offer if self._end is Next.DONE else None
            self.dismiss(Enrolled(done.account) if done else None)
            return
        from watchword_tui.screens.confirm import ConfirmScreen  # noqa: PLC0415 - when needed

        if not await self.app.push_screen_wait(ConfirmScreen(self._enrolment.question, "Give up")):
            return
        self.panel.show_busy("Giving it up …")
        verdict = await self._enrolment.give_up()
        self.app.notify(
            verdict.detail,
            title=f"{verdict.tone.sign} {verdict.title}",
            severity=verdict.tone.severity,
            markup=False,
        )
        self.dismiss(None)

"""Enrol: a key as a QR code for a phone, with everything to do it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Footer, Static

from watchword_otp import format_uri
from watchword_otp.qr import Drawing, make_qr
from watchword_tui.accounts import Account, grouped
from watchword_tui.errors import WatchwordError
from watchword_tui.screens.page import Page
from watchword_tui.widgets.qr_view import QrView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult

_WORDS_WIDTH = 33
"""Columns for the words: a QR code of version 7 with a quiet zone of 1 leaves so many of 80."""


class EnrolScreen(Page[Account | None]):
    """Shows one key; closes with the account if the person keeps it here, else with None."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "keep", "Keep here"),
        Binding("escape,q", "close", "Back", key_display="Esc"),
    ]

    def __init__(self, fetch: Callable[[], Awaitable[Account]], *, can_keep: bool) -> None:
        """Show the account that `fetch` gives; with `can_keep` it can be taken into the list."""
        super().__init__()
        self._fetch = fetch
        self._can_keep = can_keep
        self._account: Account | None = None

    def compose(self) -> ComposeResult:
        """Lay out the QR code on the left and the words on the right."""
        with Horizontal(id="enrol"):
            yield QrView(id="qr")
            with Vertical(id="words"):
                yield Static("Enrol", id="enrol-title", markup=False)
                yield Static("Asking the server …", id="what", markup=False)
                yield Static("", id="whose", markup=False)
                yield Static("", id="by-hand", markup=False)
                yield Static("", id="enrol-notices", markup=False)
                yield Button("Keep it here too (k)", compact=True, id="keep")
                # Here and not under the QR code, which needs every row of 24.
                yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Ask for the key."""
        self.query_one("#keep").display = False
        self._load()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Offer to keep the key only where that makes sense."""
        if action == "keep":
            return self._can_keep and (True if self._account else None)
        return True

    @work(exclusive=True)
    async def _load(self) -> None:
        try:
            self._account = await self._fetch()
        except WatchwordError as error:
            self._say_why_not(error)
            return
        self._show()

    def _say_why_not(self, error: WatchwordError) -> None:
        what = self.query_one("#what", Static)
        what.add_class("-uncertain")
        what.update(Content(f"! {error.message}"))
        self.query_one("#whose", Static).update(Content(error.remedy))

    def on_resize(self) -> None:
        """Draw the QR code anew for the room there is."""
        if self._account is not None:
            self._show()

    def _show(self) -> None:
        account = self._account
        assert account is not None  # noqa: S101 - only called with one
        key = account.key
        code = make_qr(format_uri(key))
        columns, rows = self.app.size.width - _WORDS_WIDTH, self.app.size.height
        if self.query_one(QrView).show(code, columns, rows):
            what = (
                "Scan this with your authenticator app, then type its code into Validate."
                if self._can_keep
                else "Scan this with another phone: it will show the same codes."
            )
        else:
            width, height = code.space(Drawing.HALF, 1)
            what = (
                f"The QR code needs {width + _WORDS_WIDTH} columns by {height} rows:"
                " enlarge the window, or type the key by hand."
            )
        self.query_one("#what", Static).update(Content(what))
        whose = Content.assemble((account.issuer, "bold"), f"\n{account.name}" if account.name else "")
        self.query_one("#whose", Static).update(whose)
        secret = grouped(key.secret.base32())
        self.query_one("#by-hand", Static).update(
            Content.assemble(
                ("By hand\n", "$text-muted"),
                (secret, "bold"),
                (
                    f"\n{key.kind.upper()}, {key.algorithm}, {key.digits} digits, {key.period} s",
                    "$text-muted",
                ),
            )
        )
        notices = "\n".join(f"! {notice}" for notice in account.notices)
        self.query_one("#enrol-notices", Static).update(Content(notices))
        self.query_one("#keep").display = self._can_keep
        self.refresh_bindings()

    def on_button_pressed(self) -> None:
        """Keep the account."""
        self.action_keep()

    def action_keep(self) -> None:
        """Close, taking the account into the list."""
        if self._account is not None and self._can_keep:
            self.dismiss(self._account)

    def action_close(self) -> None:
        """Close, taking nothing."""
        self.dismiss(None)

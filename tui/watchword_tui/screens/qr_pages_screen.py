"""Many accounts as QR codes, page by page, for a phone to scan off the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Static

from watchword_otp.qr import Drawing
from watchword_tui.exchange.writers.migration import qr_pages, terminal_version
from watchword_tui.screens.page import Page
from watchword_tui.widgets.qr_view import QrView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from watchword_tui.accounts import Account

_WORDS_WIDTH = 33
"""Columns beside the code: one of version 7 with a quiet zone of 1 leaves so many of 80."""
_FEW = 5
"""Accounts on a code; ten is the most, for paper and large windows."""


class QrPagesScreen(Page[None]):
    """Shows `accounts` as Google Authenticator's own export does; most apps scan it.

    How much is on a page is settled by the size at the start: the pages of a set belong together.
    """

    DEFAULT_CSS = """
    QrPagesScreen {
        #pages { height: 1fr; }
        #page-words { width: 1fr; height: 1fr; padding: 1 1 0 2; }
        #page-title { text-style: bold; color: $accent; margin-bottom: 1; }
        #page-hint { height: auto; margin-bottom: 1; }
        VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        #page-accounts, #page-left-out { height: auto; }
        #page-left-out { color: $warning; margin-top: 1; }
    }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,n,pagedown", "turn(1)", "Next", key_display="→", tooltip="The next code"),
        Binding("left,p,pageup", "turn(-1)", "Before", key_display="←", tooltip="The code before"),
        Binding("escape,q", "close", "Back", key_display="Esc", tooltip="Back to the list"),
    ]

    def __init__(self, accounts: Sequence[Account], columns: int, rows: int) -> None:
        """Spread `accounts` over pages for a terminal of this size."""
        super().__init__()
        pages = qr_pages(accounts, terminal_version(columns - _WORDS_WIDTH, rows))
        self._pages = pages.pages
        self._left_out = pages.left_out
        self._page = 0

    def compose(self) -> ComposeResult:
        """Lay out the code on the left, and what it holds on the right."""
        with Horizontal(id="pages"):
            yield QrView(id="page-code")
            with Vertical(id="page-words"):
                yield Static("", id="page-title", markup=False)
                yield Static("", id="page-hint", markup=False)
                with VerticalScroll(can_focus=False):
                    yield Static("", id="page-accounts", markup=False)
                    yield Static("", id="page-left-out", markup=False)
                # Here and not under the QR code, which needs every row of 24.
                yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Show the first page."""
        self._show()

    def on_resize(self) -> None:
        """Draw the page anew for the room there is."""
        self._show()

    @property
    def _is_crowded(self) -> bool:
        """Whether larger codes would be notably fewer."""
        held = sum(len(page.accounts) for page in self._pages)
        return len(self._pages) > 1 and held < _FEW * len(self._pages)

    def action_turn(self, by: int) -> None:
        """Show another page."""
        turned = self._page + by
        if 0 <= turned < len(self._pages):
            self._page = turned
            self._show()
        else:
            self.app.bell()

    def _show(self) -> None:
        left_out = "\n".join(f"! Not here: {reason}" for reason in self._left_out)
        self.query_one("#page-left-out", Static).update(Content(left_out))
        title = self.query_one("#page-title", Static)
        if not self._pages:
            title.update("No QR code")
            self.query_one("#page-hint", Static).update("Google Authenticator can hold none of them.")
            return
        page = self._pages[self._page]
        title.update(Content(f"Code {page.title}"))
        code = page.code()
        columns, rows = self.app.size.width - _WORDS_WIDTH, self.app.size.height
        if self.query_one(QrView).show(code, columns, rows):
            hint = "Scan it with Google Authenticator: Transfer accounts, Import."
            if self._is_crowded:
                hint += f" Begun in a larger window, there are fewer than {len(self._pages)} codes."
        else:
            width, height = code.space(Drawing.HALF, 1)
            hint = (
                f"This code needs {width + _WORDS_WIDTH} columns by {height} rows: enlarge the window."
            )
        self.query_one("#page-hint", Static).update(hint)
        names = "\n".join(account.key.title or "without a name" for account in page.accounts)
        self.query_one("#page-accounts", Static).update(Content(names))

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

"""The first line: whose screen this is, and how the server stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.app import ComposeResult


class StatusLine(Horizontal):
    """Name and number of accounts on the left; server, distance and clock on the right."""

    DEFAULT_CSS = """
    StatusLine {
        height: 1;
        background: $panel;
        #status-left { width: auto; padding: 0 1; }
        #status-right { width: 1fr; padding: 0 1; text-align: right; text-wrap: nowrap; }
    }
    """

    def compose(self) -> ComposeResult:
        """Lay out the two ends."""
        yield Static("", id="status-left", markup=False)
        yield Static("", id="status-right", markup=False)

    def show_accounts(self, count: int) -> None:
        """Say how many accounts there are."""
        words = "1 account" if count == 1 else f"{count} accounts"
        self.query_one("#status-left", Static).update(
            Content.assemble(("Watchword", "bold $accent"), "   ", (words, "$text-muted"))
        )

    def show_server(self, words: str, *, alarm: bool = False) -> None:
        """Say how the server stands; with `alarm` it is something the person must know."""
        text = Content.styled(f"! {words}", "bold $warning") if alarm else Content(words)
        self.query_one("#status-right", Static).update(text)

"""The first line: whose screen this is, and how the server stands."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class StatusLine(Widget):
    """Name and number of accounts on the left; server, distance and clock on the right."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._left = Content("")
        self._right = Content("")

    def show_accounts(self, count: int, *, plain: bool = False) -> None:
        """Say how many accounts there are, and as long as it is so that the vault is not encrypted."""
        words = "1 account" if count == 1 else f"{count} accounts"
        warning = ("   ! not encrypted", "bold $warning") if plain else ""
        self._left = Content.assemble(("Watchword", "bold $accent"), f"   {words}", warning)
        self.refresh()

    def show_server(self, words: str, *, alarm: bool = False) -> None:
        """Say how the server stands; with `alarm` it is something the person must know."""
        self._right = Content.styled(f"! {words}", "bold $warning") if alarm else Content(words)
        self.refresh()

    def render(self) -> Content:
        """Draw both ends with the room between them."""
        width = self.content_size.width
        right = self._right.truncate(max(0, width - self._left.cell_length - 1), ellipsis=True)
        room = width - self._left.cell_length - right.cell_length
        return Content.assemble(self._left, " " * max(1, room), right)
